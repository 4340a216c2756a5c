import type { GitConfigEntry } from "../inspection/inspect.ts";
import type { ObjectFormat } from "../repository/object-id.ts";

/** Keys that say how or where the workspace keeps its repository: the view's own say that. */
const OWN = new Set([
  "bare",
  "worktree",
  "repositoryformatversion",
  "hookspath",
  "fsmonitor",
  "splitindex",
  "untrackedcache",
]);
/** Sections that the view has no use for, or says itself. */
const LEFT_OUT = new Set([
  "extensions",
  "remote",
  "branch",
  "submodule",
  "credential",
  "http",
  "url",
  "include",
  "includeif",
]);

/**
 * Drivers of git-lfs, git-crypt, transcrypt and git-annex. They do not run here, and a file that they should have changed must not be stored as it is:
 * in the wrong form, or unencrypted. With `required`, git refuses it.
 */
const FILTERS = ["lfs", "git-crypt", "crypt", "annex"];

/** A value as git's configuration syntax writes it, so that it reads back as the same text. */
function quotedValue(text: string): string {
  const escaped = text
    .replaceAll("\\", "\\\\")
    .replaceAll('"', '\\"')
    .replaceAll("\n", "\\n")
    .replaceAll("\t", "\\t")
    .replaceAll("\b", "\\b");
  return `"${escaped}"`;
}

function entryText({ section, subsection, key, value }: GitConfigEntry): string {
  const name =
    subsection === undefined ? section : `${section} "${subsection.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
  return `[${name}]\n\t${key}${value === undefined ? "" : ` = ${quotedValue(value)}`}\n`;
}

function isKept({ section, subsection, key, value }: GitConfigEntry): boolean {
  if (LEFT_OUT.has(section) || (section === "core" && OWN.has(key))) return false;
  return !/[\0\r]/.test(`${subsection ?? ""}${value ?? ""}`) && subsection?.includes("\n") !== true;
}

/**
 * The configuration of a view: the workspace's harmless entries, then what must be as we say. No git that runs on a view reads another
 * file of the workspace for its configuration.
 */
export function viewConfig(entries: readonly GitConfigEntry[], format: ObjectFormat, writes: boolean): string {
  const version = format === "sha1" ? 0 : 1;
  return [
    ...entries.filter(isKept).map(entryText),
    // A split index would leave half of itself here.
    `[core]\n\trepositoryFormatVersion = ${version}\n\tbare = false\n\tlogAllRefUpdates = false\n\tsplitIndex = false\n`,
    format === "sha1" ? "" : "[extensions]\n\tobjectFormat = sha256\n",
    "[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n[commit]\n\tgpgSign = false\n[tag]\n\tgpgSign = false\n",
    // Otherwise git would make up a name and an address from the account and the name of the host.
    ...(writes ? FILTERS.map((name) => `[filter "${name}"]\n\trequired = true\n`) : []),
    "[user]\n\tuseConfigOnly = true\n[diff]\n\tignoreSubmodules = dirty\n",
  ].join("");
}
