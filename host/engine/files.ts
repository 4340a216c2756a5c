import type { CardFile } from "../approval/card.ts";
import type { StagedFile, StagedInput } from "../exec/staging.ts";
import type { Call } from "../operation/call.ts";
import { inputParams, outputParam } from "../operation/output-scope.ts";
import { checkDenied } from "../operation/path-policy.ts";
import { resolveOutputPath } from "../operation/paths-on-disk.ts";
import type { Values } from "../operation/values.ts";
import type { Project } from "../project/types.ts";
import type { Destination, Rooms } from "./rooms.ts";

/** The files of one call: what stands in for them in its arguments, and how they are cleared away. */
export interface CallFiles {
  /** The call's values, with the paths of staged files in place of the workspace's. */
  readonly values: Values;
  readonly output: StagedFile | undefined;
  /** What was copied, by the names in the workspace. */
  readonly inputs: readonly CardFile[];
  /** Where the output goes, relative to the checkout. */
  readonly outputPath: string | undefined;
  /** Removes every staged file that is still there. */
  discard(): void;
}

/** Where a call that was checked reads and writes files of the workspace. */
export interface FilePlaces {
  /** By parameter. Links were followed: these paths hold none. */
  readonly inputs: ReadonlyMap<string, Destination & { readonly maxBytes: number }>;
  readonly output: (Destination & { readonly name: string; readonly maxBytes: number | undefined }) | undefined;
}

/** What an input may have when its parameter says nothing. */
const DEFAULT_INPUT_BYTES = 64 * 1_048_576;

/**
 * Finds the files that a call names. Reads the disk.
 * @throws CodedError `workspace_path_invalid`, `path_denied`
 */
export function placesOf(call: Call, project: Project, root: string): FilePlaces {
  const textOf = (name: string): string | undefined => {
    const value = call.values.get(name);
    return value?.kind === "text" ? value.text : undefined;
  };
  const inputs = inputParams(call.operation).flatMap(({ name, maxBytes }) => {
    const text = textOf(name);
    if (text === undefined) return [];
    const place = resolveOutputPath(root, text);
    checkDenied(name, place.relative, project.pathDeny, root);
    return [[name, { ...place, maxBytes: maxBytes ?? DEFAULT_INPUT_BYTES }] as const];
  });
  const name = outputParam(call.operation);
  const text = name === undefined ? undefined : textOf(name);
  const output =
    name === undefined || text === undefined
      ? undefined
      : { ...resolveOutputPath(root, text), name, maxBytes: call.operation.params.get(name)?.maxBytes };
  return { inputs: new Map(inputs), output };
}

/**
 * Copies inputs to where the container cannot reach them, and makes the empty file for the output.
 * @throws CodedError `input_invalid`, `staging_unavailable`
 */
export async function stageFiles(
  rooms: Pick<Rooms, "stage" | "copyIn">,
  call: Call,
  { inputs, output }: FilePlaces,
  root: string,
): Promise<CallFiles> {
  const values = new Map(call.values);
  const staged: { discard(): void }[] = [];
  const copied: CardFile[] = [];
  const discard = (): void => {
    for (const file of staged.splice(0)) file.discard();
  };
  try {
    for (const [name, { relative, maxBytes }] of inputs) {
      const input: StagedInput = await rooms.copyIn(root, relative, maxBytes);
      staged.push(input);
      copied.push({ param: name, path: relative, bytes: input.size, sha256: input.sha256 });
      values.set(name, { kind: "text", text: input.path });
    }
    const made = { values, inputs: copied, outputPath: output?.relative, discard };
    if (output === undefined) return { ...made, output: undefined };
    const file = rooms.stage(root, output, output.maxBytes);
    staged.push(file);
    values.set(output.name, { kind: "text", text: file.path });
    return { ...made, output: file };
  } catch (error) {
    discard();
    throw error;
  }
}
