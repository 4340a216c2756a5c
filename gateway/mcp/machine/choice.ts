import { CodedError } from "../../../wire/errors.ts";
import { quoted, shortened } from "../../../wire/text.ts";
import type { TargetState } from "../../target.ts";

/** Stands before a tag where machines are chosen. */
const TAG = "tag:";
/** Most machines of one call: more than a model can read of. */
export const MAX_MACHINES = 64;

/** What a list of machines may say, for a model. */
export const CHOICE_ABOUT = `Machines to run it on: their names, or ${TAG}NAME for all that have a tag.`;

/** Every word that chooses something out of these. */
export function wordsFor(targets: readonly TargetState[]): readonly string[] {
  const tags = new Set(targets.flatMap((target) => target.tags));
  return [...targets.map(({ name }) => name), ...[...tags].sort().map((tag) => `${TAG}${tag}`)];
}

/**
 * The names that words choose, without doubles. A word that is a target's name means that, whatever it begins with.
 * @throws CodedError `target_unknown`, `target_required`, `too_many_targets`
 */
export function chosen(words: readonly string[], targets: readonly TargetState[]): readonly string[] {
  const names = new Set<string>();
  for (const word of words) {
    const found = targets.filter(({ name }) => name === word);
    const meant = found.length > 0 || !word.startsWith(TAG) ? found : tagged(word.slice(TAG.length), targets);
    if (meant.length === 0)
      throw new CodedError("target_unknown", `there is no target ${quoted(shortened(word, 128))}`, {
        hint: "List them with fleet_targets.",
      });
    for (const { name } of meant) names.add(name);
  }
  if (names.size === 0) throw new CodedError("target_required", "no machine is named");
  if (names.size > MAX_MACHINES)
    throw new CodedError("too_many_targets", `${names.size} machines; at most ${MAX_MACHINES} in one call`);
  return [...names];
}

function tagged(tag: string, targets: readonly TargetState[]): readonly TargetState[] {
  return targets.filter(({ tags }) => tags.includes(tag));
}
