import { printable, quoted } from "../../../wire/text.ts";
import type { Pattern } from "../../util/pattern.ts";
import { pointerTo, type OperationRule, type Rule } from "./finding.ts";

/** Says only that a value is not blank; there is nothing to anchor. */
const PRESENCE = new Set(["\\S", ".", "[^\\s]"]);

/** The pattern without groups, classes and escapes: what is left tells anchors and alternatives at the top. */
function skeleton(source: string): string {
  let out = "";
  let depth = 0;
  for (let at = 0; at < source.length; at++) {
    const character = source[at] ?? "";
    if (character === "\\") {
      const next = source[++at] ?? "";
      if (depth === 0) out += next === "A" ? "^" : next === "z" ? "$" : "x";
    } else if (character === "[") {
      at++;
      if (source[at] === "^") at++;
      if (source[at] === "]") at++;
      while (at < source.length && source[at] !== "]") at += source[at] === "\\" ? 2 : 1;
      if (depth === 0) out += "x";
    } else if (character === "(") {
      depth++;
      if (depth === 1) out += "(";
    } else if (character === ")") depth--;
    else if (depth === 0) out += character;
  }
  return out;
}

/** Why a pattern that is searched for matches more than it looks like, or undefined when it is anchored at both ends. */
export function whyUnanchored(source: string): string | undefined {
  if (PRESENCE.has(source)) return undefined;
  if (/^\(\?[a-zA-Z]*m/.test(source)) return "with (?m), ^ and $ match at every line";
  // `(?i)^a$`: flags stand alone in a group, before the anchor. `^(?:a|b)$` is whole, `^a|b$` is not.
  const bare = skeleton(source.replace(/^\(\?[a-zA-Z-]+\)/, ""));
  if (bare.includes("|")) return "its alternatives are not grouped, so the anchors belong to one of them only";
  const wholeGroup = /^\(\?(?:[a-zA-Z-]*:)?\^.*\$\)$/.test(source) && bare === "(";
  if (wholeGroup) return undefined;
  const [start, end] = [bare.startsWith("^"), bare.endsWith("$")];
  if (start && end) return undefined;
  if (!start && !end) return "it is found anywhere in the value";
  return start ? "anything may follow what it matches" : "anything may stand before what it matches";
}

function check(source: string | undefined, at: string, report: Parameters<OperationRule>[2]): void {
  const why = source === undefined || source === "" ? undefined : whyUnanchored(source);
  if (source === undefined || why === undefined) return;
  const fix = why.startsWith("its alternatives")
    ? `^(?:${source.replace(/^\^/, "").replace(/\$$/, "")})$`
    : `^${source.replace(/^\^/, "").replace(/\$$/, "")}$`;
  report({
    severity: "warning",
    rule: "pattern_unanchored",
    pointer: at,
    message: `pattern ${quoted(source)} is not anchored: ${why}`,
    fix: `Write ${quoted(fix)} if it is meant to match the whole value.`,
  });
}

export const unanchoredPatterns: OperationRule = (operation, at, report) => {
  for (const { name, schema } of operation.params.values())
    check(schema.pattern, at + pointerTo("params", name, "pattern"), report);
  (operation.source.allowed_flags ?? []).forEach((entry, index) => {
    if (typeof entry !== "string") check(entry.pattern, at + pointerTo("allowed_flags", index, "pattern"), report);
  });
};

const PROTECTED_BRANCHES = ["main", "master"];

function branchProblem(
  pattern: Pattern,
): { readonly rule: string; readonly message: string; readonly fix: string } | undefined {
  const { source } = pattern;
  const branch = PROTECTED_BRANCHES.find((name) => pattern.matchesWhole(name));
  if (branch !== undefined && pattern.matchesWhole("any/other-branch")) {
    return {
      rule: "branch_allow_everything",
      message: `${quoted(source)} matches every branch, ${branch} included`,
      fix: "Name the branches that the agent may write, for example ai/.+ for everything under ai/.",
    };
  }
  const open = /^\^.*[A-Za-z0-9/_-]$/.test(source);
  if (!open) return undefined;
  const meant = `${source.slice(1)}.+`;
  return {
    rule: "branch_allow_search",
    message: `${quoted(source)} must match the whole branch name, so it matches exactly ${printable(source.slice(1))}`,
    fix: `Write ${meant} for every branch that begins so.`,
  };
}

export const branchPatterns: Rule = ({ loaded }, report) => {
  loaded.project.branchAllow.forEach((pattern, index) => {
    const problem = branchProblem(pattern);
    if (problem !== undefined)
      report({ severity: "warning", pointer: pointerTo("constraints", "branch_allow", index), ...problem });
  });
};
