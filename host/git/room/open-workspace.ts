import { CodedError, errnoOf } from "../../../wire/errors.ts";
import { quoted } from "../../../wire/text.ts";
import { DirHandleError, type DirHandle } from "../../util/dir-handle.ts";
import { isObjectId, type ObjectId } from "../repository/object-id.ts";
import { DamagedRefs, readPlain, Refs } from "../repository/refs.ts";
import type { WorkspacePlace } from "./job.ts";
import { openInside } from "./open-inside.ts";

/** A workspace's repository, open. */
export interface OpenWorkspace {
  readonly gitDir: DirHandle;
  readonly commonDir: DirHandle;
  readonly objects: DirHandle;
  readonly refs: Refs;
  readonly close: () => void;
}

const MAX_SHALLOW_BYTES = 16 * 1_048_576;

/** What happened to the workspace since it was inspected, as a refusal. */
function refused(place: WorkspacePlace, error: unknown): unknown {
  if (error instanceof CodedError) return error;
  if (error instanceof DirHandleError || error instanceof DamagedRefs)
    return new CodedError("workspace_untrusted", `workspace refused: ${error.message}`, { cause: error });
  const errno = errnoOf(error);
  if (errno === undefined) return error;
  return new CodedError("workspace_unreadable", `${quoted(place.commonDir)} cannot be read (${errno})`, {
    cause: error,
  });
}

/**
 * Opens the directories of an inspected workspace's repository and runs `work` with them.
 * @throws CodedError `workspace_untrusted`, `workspace_unreadable`; what `work` throws
 */
export async function withWorkspace<T>(
  place: WorkspacePlace,
  work: (workspace: OpenWorkspace) => Promise<T> | T,
): Promise<T> {
  const workspace = openWorkspace(place);
  try {
    return await work(workspace);
  } catch (error) {
    throw refused(place, error);
  } finally {
    workspace.close();
  }
}

/** The same for work that is done at once. */
export function inWorkspace<T>(place: WorkspacePlace, work: (workspace: OpenWorkspace) => T): T {
  const workspace = openWorkspace(place);
  try {
    return work(workspace);
  } catch (error) {
    throw refused(place, error);
  } finally {
    workspace.close();
  }
}

function openWorkspace(place: WorkspacePlace): OpenWorkspace {
  const opened: DirHandle[] = [];
  const close = (): void => {
    for (const handle of opened.reverse()) handle.close();
  };
  try {
    const gitDir = openInside(place.roots, place.gitDir);
    opened.push(gitDir);
    const commonDir = openInside(place.roots, place.commonDir);
    opened.push(commonDir);
    const objects = commonDir.sub("objects");
    opened.push(objects);
    return { gitDir, commonDir, objects, refs: new Refs(commonDir, place.format), close };
  } catch (error) {
    close();
    throw refused(place, error);
  }
}

/** Where the history of a shallow clone ends; empty for a whole one. Throws `DamagedRefs` and system errors. */
export function shallowOf({ commonDir }: OpenWorkspace, place: WorkspacePlace): readonly ObjectId[] {
  const text = readPlain(commonDir, "shallow", MAX_SHALLOW_BYTES)?.toString("latin1") ?? "";
  const lines = text.split("\n").filter((line) => line !== "");
  if (!lines.every((line) => isObjectId(line, place.format))) throw new DamagedRefs("shallow names no objects");
  return [...new Set(lines)].sort();
}
