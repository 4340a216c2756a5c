import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { CodedError } from "../../wire/errors.ts";
import { DEFAULT_PORT } from "../../wire/limits.ts";
import { printable } from "../../wire/text.ts";
import { changeLines, compareProjects } from "../project/diff.ts";
import { changesDiff, type Change } from "../setup/change.ts";
import { freshDevcontainer, withCmd2host, type DevcontainerChoices } from "../setup/devcontainer.ts";
import { localFeatureChanges, localFeatureFor } from "../setup/local-feature.ts";
import { mcpServer, withServer } from "../setup/mcp-file.ts";
import type { BaseDirectory } from "../util/base-directory.ts";
import { MAX_SOCKET_PATH } from "../util/short-socket-path.ts";
import { VERSION } from "../util/version.ts";
import type { Context } from "./context.ts";
import { draftWarnings, type Draft } from "./draft-project.ts";
import type { Choices, DevcontainerChoice } from "./setup-choices.ts";
import type { Found } from "./setup-found.ts";

/** What setup is going to do. */
export interface SetupPlan {
  readonly root: string;
  /** The project that is to be written and approved. */
  readonly draft: Draft | undefined;
  /** Files of the checkout. */
  readonly changes: readonly Change[];
  readonly warnings: readonly string[];
}

/** A number of the daemon's settings, whose shape is its own. */
function numberOf(settings: unknown, name: string): number | undefined {
  const value: unknown = typeof settings === "object" && settings !== null ? Reflect.get(settings, name) : undefined;
  return typeof value === "number" ? value : undefined;
}

async function daemonPort(context: Context, base: BaseDirectory): Promise<number> {
  const { settings } = await context.daemon.settings(base);
  return numberOf(settings, "listenPort") ?? DEFAULT_PORT;
}

/** The base directory as every machine of a team can read it, where that is possible. */
function sharedBase({ root }: BaseDirectory, home: string, warnings: string[]): string {
  if (root === join(home, ".cmd2host")) return "${localEnv:HOME}/.cmd2host";
  warnings.push(
    `devcontainer.json will name ${printable(root)}, which is right on this machine only: without CMD2HOST_CONFIG_DIR it would be ~/.cmd2host of whoever opens it`,
  );
  return root;
}

function checkBase({ root, sharedSocket }: BaseDirectory): void {
  if (/[,"\n\r$]/.test(root))
    throw new CodedError(
      "base_unusable",
      `${printable(root)} cannot be mounted: its name has a comma, a quote or a dollar sign`,
      {
        hint: "Set CMD2HOST_CONFIG_DIR to another directory.",
      },
    );
  if (Buffer.byteLength(sharedSocket) > MAX_SOCKET_PATH)
    throw new CodedError("base_unusable", `${printable(sharedSocket)} is too long for the name of a socket`, {
      hint: "Set CMD2HOST_CONFIG_DIR to a shorter directory.",
    });
}

/** The feature in the checkout, where it comes from there: before the devcontainer.json that refers to it. */
function featureChanges({ files }: Found, choice: DevcontainerChoice, warnings: string[]): readonly Change[] {
  const { path, local, present, runtime } = choice;
  if (local === undefined) {
    const left = localFeatureFor(path);
    if (present === left.reference)
      warnings.push(
        `${printable(left.directory)} is not referred to any more and stays: remove it when nobody needs it`,
      );
    return [];
  }
  const wanted = { runtime: runtime ?? "auto", version: VERSION, isReferred: present === local.reference };
  const { changes, warnings: more } = localFeatureChanges(files, local, wanted);
  warnings.push(...more);
  return changes;
}

function devcontainerChange(
  { root, files }: Found,
  { path }: DevcontainerChoice,
  image: string,
  choices: DevcontainerChoices,
): Change {
  const before = files.read(path);
  return { path, before, after: withCmd2host(before ?? freshDevcontainer(basename(root), image), choices, path) };
}

/** What is wanted of the files, compared with what they are. */
async function fileChanges(
  found: Found,
  choices: Choices,
  image: string,
  context: Context,
  warnings: string[],
): Promise<readonly Change[]> {
  const { files } = found;
  const { devcontainer, commands, mode, mcp } = choices;
  const base = context.base();
  const port = mode === "tcp" ? await daemonPort(context, base) : DEFAULT_PORT;
  const changes: Change[] = [];
  if (devcontainer !== undefined) {
    checkBase(base);
    const { feature, runtime } = devcontainer;
    const shared = sharedBase(base, context.environment["HOME"] ?? "", warnings);
    const wanted = { feature, commands, mode, runtime, port, base: shared };
    const change = devcontainerChange(found, devcontainer, image, wanted);
    changes.push(...featureChanges(found, devcontainer, warnings), change);
  }
  for (const file of mcp) {
    const before = files.read(file.path);
    const after = withServer(before, file, mcpServer(mode, port));
    if (after === undefined) warnings.push(`${file.path} has another server called cmd2host, which stays`);
    else changes.push({ path: file.path, before, after });
  }
  return changes.filter(({ before, after }) => before !== after);
}

function checkDraft({ id, files }: Draft): void {
  if (!existsSync(files.config)) return;
  throw new CodedError(
    "already_exists",
    `project ${id} exists, and names another checkout: ${printable(files.config)}`,
    {
      hint: `Give this one a name of its own, such as --id=${id}-2.`,
    },
  );
}

/**
 * Works out everything, and changes nothing.
 * @throws CodedError for whatever would keep it from being done
 */
export async function planSetup(found: Found, choices: Choices, image: string, context: Context): Promise<SetupPlan> {
  const warnings = [...found.warnings];
  const { draft } = choices;
  if (draft !== undefined) {
    checkDraft(draft);
    warnings.push(...draftWarnings(draft, context));
  }
  const changes = await fileChanges(found, choices, image, context, warnings);
  return { root: found.root, draft, changes, warnings };
}

/** True when there is nothing to do. */
export function isEmpty({ draft, changes }: SetupPlan): boolean {
  return draft === undefined && changes.length === 0;
}

/** The whole plan, as it is shown before it is carried out. */
export function planText({ draft, changes }: SetupPlan): string {
  const policy =
    draft === undefined
      ? ""
      : `Project ${draft.id}, in ${printable(dirname(draft.files.config))}, is written and approved. It allows:\n${changeLines(compareProjects(undefined, draft.loaded)).join("\n")}\n\n`;
  return policy + changesDiff(changes);
}
