import type { Options } from "./command.ts";
import type { TargetChoice } from "./exec-line.ts";

/** What chooses targets by what they are. */
export const CHOICE_OPTIONS = {
  tag: { kind: "texts", about: "Those with this tag, or with one of several", placeholder: "TAG" },
  node: { kind: "text", about: "Those of this node", placeholder: "NAME" },
  match: { kind: "texts", about: "Those whose name fits", placeholder: "GLOB" },
} as const satisfies Options;

interface Chosen {
  readonly tag: readonly string[];
  readonly node: string | undefined;
  readonly match: readonly string[];
}

/** @param names those that are named besides */
export function choiceOf({ tag, node, match }: Chosen, names: readonly string[], all = false): TargetChoice {
  return { names, globs: match, tags: tag, node, all };
}
