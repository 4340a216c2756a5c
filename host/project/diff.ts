import { createTwoFilesPatch } from "diff";
import { printableLines } from "../../wire/text.ts";
import type { LoadedProject } from "./compile.ts";
import type { Change, Effect } from "./diff/change.ts";
import { operationSetChanges } from "./diff/operations.ts";
import { surroundingChanges } from "./diff/surroundings.ts";

export type { Change } from "./diff/change.ts";

const ORDER: readonly Effect[] = ["widens", "changes", "narrows"];

/**
 * What `after` permits that `before` did not, and the other way round; what widens comes first. Without `before` everything is new.
 * A change that cannot be told to narrow counts as widening.
 */
export function compareProjects(before: LoadedProject | undefined, after: LoadedProject): readonly Change[] {
  const all = [...operationSetChanges(before?.project, after.project), ...surroundingChanges(before, after)];
  return ORDER.flatMap((effect) => all.filter((change) => change.effect === effect));
}

/** The changes as lines of text, with what an added operation accepts below it. */
export function changeLines(changes: readonly Change[]): readonly string[] {
  const mark = { widens: "+", changes: "~", narrows: "-" } as const;
  return changes.flatMap((change) => [
    `  ${mark[change.effect]} ${change.text}`,
    ...(change.details ?? []).map((detail) => `      ${detail}`),
  ]);
}

/** The textual difference, safe to print; empty when there is none. */
export function textualDiff(before: string, after: string): string {
  if (before === after) return "";
  const patch = createTwoFilesPatch("approved", "current", before, after, "", "", { context: 3 });
  return printableLines(patch.replace(/^=+\n/, ""));
}
