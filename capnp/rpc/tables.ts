import { Malformed } from "../wire/malformed.ts";
import type { StructReader } from "../wire/reader.ts";
import type { Exports } from "./exports.ts";
import type { Imports } from "./imports.ts";

/** What the two halves of a connection, our calls and the peer's, have in common. */
export interface Tables {
  readonly exports: Exports;
  readonly imports: Imports;
}

/** How many steps may lead from a result to a capability in it. */
const MAX_STEPS = 16;
const NO_STEP = 0;
const GET_POINTER = 1;

/**
 * Where a promised capability is in the results of a call, as pointers from struct to struct.
 * @throws Malformed
 */
export function pathOf(promised: StructReader): readonly number[] {
  return promised.structs(0, MAX_STEPS).flatMap((step) => {
    const kind = step.uint16(0);
    if (kind === NO_STEP) return [];
    if (kind !== GET_POINTER) throw new Malformed("a step of unknown kind to a capability");
    return [step.uint16(2)];
  });
}

/**
 * The index of the capability at a place in a payload: its content itself, or a pointer in a struct of it.
 * @throws Malformed when something else is there
 */
export function capabilityIndex(payload: StructReader, path: readonly number[]): number | undefined {
  let [struct, pointer] = [payload, 0];
  for (const next of path) [struct, pointer] = [struct.struct(pointer), next];
  return struct.capability(pointer);
}
