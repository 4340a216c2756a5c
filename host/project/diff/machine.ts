import { isDeepStrictEqual } from "node:util";
import { isWithin } from "../../util/within.ts";
import { machineDetails, machineLines, transferWords, userWords } from "../machine-words.ts";
import type { MachineRules, Operation, TransferRules } from "../types.ts";
import { word } from "../words.ts";
import { listDifference, narrows, widens, type Change } from "./change.ts";

/** True when the later one allows nothing that the earlier one did not. */
function isNarrower(before: TransferRules, after: TransferRules): boolean {
  const covered = (root: string): boolean => before.roots.some((old) => isWithin(root, old));
  return (
    before.direction === after.direction &&
    after.roots.every(covered) &&
    after.maxBytes <= before.maxBytes &&
    after.maxFiles <= before.maxFiles
  );
}

function transferChanges(
  id: string,
  before: TransferRules | undefined,
  after: TransferRules | undefined,
): readonly Change[] {
  // That one became a transfer, or is one no more, is told by its command.
  if (before === undefined || after === undefined || isDeepStrictEqual(before, after)) return [];
  const text = `${id} ${transferWords(after)} (before: ${transferWords(before)})`;
  return [isNarrower(before, after) ? narrows(text) : widens(text)];
}

/** Changes of what an operation does that only a machine's can. */
export function machineOperationChanges(id: string, before: Operation, after: Operation): readonly Change[] {
  const [old, now] = [before.machine, after.machine];
  if (now === undefined || old === undefined)
    return old === now ? [] : machineDetails(after).map((line) => widens(`${id} ${line}`));
  const env = listDifference(before.source.env_allow ?? [], after.source.env_allow ?? []);
  const isAny = (one: typeof old): boolean => one.env === "any";
  return [
    ...(old.runAs === now.runAs
      ? []
      : [widens(`${id} runs as ${userWords(now.runAs)} instead of ${userWords(old.runAs)}`)]),
    ...transferChanges(id, old.transfer, now.transfer),
    ...(isAny(now) && !isAny(old) ? [widens(`${id} lets callers set any variable`)] : []),
    ...(isAny(old) && !isAny(now) ? [narrows(`${id} no longer lets callers set any variable`)] : []),
    ...(isAny(old) ? [] : env.added.map((name) => widens(`${id} lets callers set ${word(name)}`))),
    ...(isAny(now) ? [] : env.removed.map((name) => narrows(`${id} no longer lets callers set ${word(name)}`))),
  ];
}

/** Changes of what holds for all operations of a machine. */
export function machineChanges(before: MachineRules | undefined, after: MachineRules | undefined): readonly Change[] {
  if (after === undefined)
    return before === undefined ? [] : [widens("is for repositories, no longer for the machine itself")];
  if (before === undefined) return machineLines(after).map((line) => widens(line));
  const directories = listDifference(before.workDirs, after.workDirs);
  return [
    ...directories.added.map((path) => widens(`lets programs run below ${word(path)}`)),
    ...directories.removed.map((path) => narrows(`no longer lets programs run below ${word(path)}`)),
    ...(before.wrapper === after.wrapper
      ? []
      : [widens(`commands of shells run through ${after.wrapper === undefined ? "nothing" : word(after.wrapper)}`)]),
  ];
}
