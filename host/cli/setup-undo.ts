import { readdirSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { CodedError } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";
import { TokenStore } from "../auth/token-store.ts";
import { MAX_CONFIG_BYTES, projectFiles } from "../project/pin.ts";
import { changesDiff, makeChanges, takeBack, type Made } from "../setup/change.ts";
import { removeLauncher } from "../setup/launcher.ts";
import { SetupRecord, type Step } from "../setup/record.ts";
import { undoOf, type Undo } from "../setup/undo.ts";
import { WorkspaceFiles } from "../setup/workspace-files.ts";
import { sha256Hex } from "../util/hash.ts";
import { withLock } from "../util/lock.ts";
import { readTrusted } from "../util/read-trusted.ts";
import type { Report } from "./command.ts";
import type { Context, Questions } from "./context.ts";
import { putBack, removeProject } from "./setup-apply.ts";
import type { SetupValues } from "./setup-options.ts";

type ProjectState = "gone" | "as_written" | "changed";

function stateOf(context: Context, project: NonNullable<Step["project"]>): ProjectState {
  const { config } = projectFiles(context.base().projects, project.id);
  const file = readTrusted(config, MAX_CONFIG_BYTES);
  if (file === undefined) return "gone";
  return sha256Hex(file.bytes) === project.hash ? "as_written" : "changed";
}

function undoText({ changes }: Undo, removed: readonly string[], stay: readonly string[]): string {
  const lines = [
    ...removed.map((id) => `To remove: project ${id} and its tokens.\n`),
    ...stay.map((id) => `Stays, since it was changed: project ${id}. To end it: cmd2host config disallow ${id}\n`),
  ];
  return lines.join("") + changesDiff(changes);
}

async function endProject(context: Context, id: string): Promise<void> {
  const base = context.base();
  removeProject(projectFiles(base.projects, id));
  const tokens = new TokenStore(base.tokens);
  await tokens.revoke(tokens.list().flatMap(({ hash, projectId }) => (projectId === id ? [hash] : [])));
}

/**
 * Takes back what setup did to a checkout, all of it or nothing.
 * @param ask undefined when nobody is to be asked
 * @throws CodedError `setup_conflict`, `not_confirmed`, `file_failed`
 */
export async function undoSetup(
  root: string,
  values: SetupValues,
  context: Context,
  ask: Questions | undefined,
): Promise<Report> {
  const base = context.base();
  const record = new SetupRecord(base.setups, root);
  const steps = record.steps();
  if (steps.length === 0)
    return {
      exit: 0,
      human: `Nothing to take back: setup did nothing to ${printable(root)}.\n`,
      json: { workspace: root, undone: false, changes: [], projects: [] },
    };
  const files = new WorkspaceFiles(root);
  const made = steps.flatMap((step) => step.made);
  const undo = undoOf(made, (path, form) => files.read(path, form));
  if (undo.conflicts.length > 0)
    throw new CodedError(
      "setup_conflict",
      `changed since, in the same places: ${undo.conflicts.map(printable).join(", ")}`,
      { hint: "Nothing was taken back. Take those changes back by hand first, or remove what setup wrote by hand." },
    );
  const projects = steps.flatMap(({ project }) => (project === undefined ? [] : [project]));
  const removed = projects.filter((one) => stateOf(context, one) === "as_written").map(({ id }) => id);
  const stay = projects.filter((one) => stateOf(context, one) === "changed").map(({ id }) => id);
  const text = undoText(undo, removed, stay);
  const json = { workspace: root, changes: undo.changes.map(({ path }) => path), projects: removed };
  if (values["dry-run"]) return { exit: 0, human: text, json: { ...json, undone: false } };
  if (!values.yes) {
    ask?.show(text);
    if ((await ask?.confirm("Take this back?")) !== true)
      return {
        exit: 1,
        human: ask === undefined ? text : "",
        json: { ...json, undone: false },
        stderr: ask === undefined ? "Nothing was changed; add --yes to do it.\n" : "Nothing was changed.\n",
      };
  }
  await withLock(base.setups, async () => {
    if (!isDeepStrictEqual(record.steps(), steps))
      throw new CodedError("setup_conflict", "setup ran again meanwhile", { hint: "Run the command again." });
    const directories = made.flatMap((one) => one.directories);
    const undone: Made[] = [];
    try {
      makeChanges(files, undo.changes, undone, directories);
    } catch (error) {
      const back = (): void => {
        takeBack(files, undone);
      };
      putBack([back], error);
      throw error;
    }
    for (const id of removed) await endProject(context, id);
    record.keep([]);
    if (!readdirSync(base.setups).some((name) => name.endsWith(".json"))) removeLauncher(base.launcher);
  });
  return { exit: 0, human: `${values.yes ? text : ""}Taken back.\n`, json: { ...json, undone: true } };
}
