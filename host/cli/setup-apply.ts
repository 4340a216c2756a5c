import { existsSync, rmSync } from "node:fs";
import { CodedError, messageOf } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";
import { makeChanges, takeBack, type Made } from "../setup/change.ts";
import { removeLauncher, writeLauncher } from "../setup/launcher.ts";
import { SetupRecord } from "../setup/record.ts";
import type { WorkspaceFiles } from "../setup/workspace-files.ts";
import { withLock } from "../util/lock.ts";
import { makePrivateDirectory, writeAtomic } from "../util/write-atomic.ts";
import type { Context } from "./context.ts";
import type { Draft } from "./draft-project.ts";
import { approve, type Approved } from "./review.ts";
import type { SetupPlan } from "./setup-plan.ts";

/** Removes what is kept of a project: configuration, approval, and what was approved. */
export function removeProject({ config, pin, snapshot }: Draft["files"]): void {
  for (const file of [pin, snapshot, config]) rmSync(file, { force: true });
}

async function writeProject({ id, files, bytes }: Draft, context: Context): Promise<Approved> {
  makePrivateDirectory(files.directory);
  await withLock(files.directory, () => {
    if (existsSync(files.config))
      throw new CodedError("setup_conflict", `${printable(files.config)} was made meanwhile`);
    writeAtomic(files.config, bytes);
  });
  try {
    return await approve(id, context);
  } catch (error) {
    removeProject(files);
    throw error;
  }
}

/**
 * Carries a plan out, the whole of it or nothing. What is needed to take it back is kept before the first change.
 * @throws CodedError whatever went wrong; then everything is as it was
 */
export async function applySetup(
  plan: SetupPlan,
  files: WorkspaceFiles,
  context: Context,
): Promise<Approved | undefined> {
  const { setups } = context.base();
  makePrivateDirectory(setups);
  // Two at once would each keep a record without the other's changes.
  return withLock(setups, async () => apply(plan, files, context));
}

async function apply(plan: SetupPlan, files: WorkspaceFiles, context: Context): Promise<Approved | undefined> {
  const { draft, changes, root } = plan;
  const base = context.base();
  const record = new SetupRecord(base.setups, root);
  const earlier = record.steps();
  const project = draft === undefined ? undefined : { id: draft.id, hash: draft.loaded.project.configHash };
  const keep = (made: readonly Made[]): void => {
    record.keep([...earlier, { made, project }]);
  };
  const undo: (() => void)[] = [];
  try {
    const hadLauncher = existsSync(base.launcher);
    writeLauncher(base.launcher, context.program(), root);
    undo.push(() => {
      if (!hadLauncher) removeLauncher(base.launcher);
    });
    keep(changes.map((change) => ({ ...change, directories: [] })));
    undo.push(() => {
      record.keep(earlier);
    });
    const approved = draft === undefined ? undefined : await writeProject(draft, context);
    undo.push(() => {
      if (draft !== undefined) removeProject(draft.files);
    });
    const made: Made[] = [];
    undo.push(() => {
      takeBack(files, made);
    });
    makeChanges(files, changes, made);
    keep(made);
    return approved;
  } catch (error) {
    putBack(undo, error);
    throw error;
  }
}

/**
 * Puts back what was done, the last first. Stops at the first step that fails: what was kept for taking it back is given up after all the others.
 * @throws CodedError `file_failed` when a step fails
 */
export function putBack(undo: readonly (() => void)[], cause: unknown): void {
  try {
    for (const step of [...undo].reverse()) step();
  } catch (error) {
    throw new CodedError(
      "file_failed",
      `${messageOf(cause)}; and not everything could be put back: ${messageOf(error)}`,
      { hint: "Mend that, and take the rest back with cmd2host setup --undo.", cause },
    );
  }
}
