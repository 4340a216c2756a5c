import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { CodedError, errnoOf } from "../../wire/errors.ts";
import { quoted } from "../../wire/text.ts";
import { blake3Hex } from "../util/hash.ts";

const PROJECT_ID = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}$/;
const REPO_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]*\/[A-Za-z0-9][A-Za-z0-9_.-]*$/;

/** owner/name. */
export function isRepoName(text: string): boolean {
  return REPO_NAME.test(text);
}

/** True for a text that is safe as one directory name under `projects/`. */
export function isProjectId(text: string): boolean {
  return PROJECT_ID.test(text);
}

/** Refuses an id that could leave `projects/` or hide there. */
export function requireProjectId(text: string): string {
  if (isProjectId(text)) return text;
  throw new CodedError("project_unknown", `project config not found: ${quoted(text.slice(0, 80))} is not a project id`);
}

/** The directory that the original would use: `/` becomes `_`. Two repositories can share it. */
export function plainProjectId(repo: string): string {
  return repo.replaceAll("/", "_");
}

/** The directory for a repository whose plain id is taken by another one. */
export function distinctProjectId(repo: string): string {
  return `${plainProjectId(repo)}-${blake3Hex(repo).slice(0, 8)}`;
}

/** Ids of the directories under `projects` that hold a configuration, sorted; links and other names are skipped. */
export function listProjectIds(projects: string): readonly string[] {
  let entries;
  try {
    entries = readdirSync(projects, { withFileTypes: true });
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw new CodedError("file_failed", `${projects}: ${errnoOf(error) ?? "cannot be read"}`);
  }
  return entries
    .filter((entry) => entry.isDirectory() && isProjectId(entry.name))
    .map((entry) => entry.name)
    .filter((name) => statSync(join(projects, name, "config.json"), { throwIfNoEntry: false })?.isFile() === true)
    .sort();
}
