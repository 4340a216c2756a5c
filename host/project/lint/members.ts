import { SHAPES } from "../../../wire/generated/shapes.js";
import type { Shape } from "../../../wire/fold.ts";
import { quoted } from "../../../wire/text.ts";
import { nearest } from "../nearest.ts";
import type { Rule } from "./finding.ts";

/** Members of older versions, and what became of them. */
const OLD = new Map([
  ["mutates_branch", "it belongs to an older version and is not enforced; branch_allow judges every push"],
]);

function parts(pointer: string): readonly string[] {
  return pointer
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** Names that the schema knows where `path` stands. */
function knownAt(path: readonly string[]): readonly string[] {
  let shape: Shape | undefined = SHAPES.project_config;
  for (const part of path) {
    const here: Shape | undefined = shape?.anyOf?.find((one) => one.properties !== undefined) ?? shape;
    const named: Shape | undefined = Object.entries(here?.properties ?? {}).find(
      ([name]) => name.toLowerCase() === part.toLowerCase(),
    )?.[1];
    shape = named ?? (typeof here?.additionalProperties === "object" ? here.additionalProperties : here?.items);
  }
  const here = shape?.anyOf?.find((one) => one.properties !== undefined) ?? shape;
  return Object.keys(here?.properties ?? {});
}

/** Members that the schema does not know: they are kept, and do nothing. */
export const unknownMembers: Rule = ({ loaded }, report) => {
  for (const pointer of loaded.unknown) {
    const path = parts(pointer);
    const name = path.at(-1) ?? "";
    const meant = nearest(name, knownAt(path.slice(0, -1)));
    const old = OLD.get(name);
    report({
      severity: "warning",
      rule: "member_unknown",
      pointer,
      message:
        old === undefined
          ? `${quoted(name)} is not a member that is known here; it does nothing`
          : `${quoted(name)} does nothing: ${old}`,
      fix: meant === undefined ? "Remove it, if it is not a note." : `Did you mean ${meant}?`,
    });
  }
};
