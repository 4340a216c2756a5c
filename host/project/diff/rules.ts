import type { FlagRule, Param } from "../../../wire/schema.ts";
import { printable } from "../../../wire/text.ts";
import { DEFAULT_INPUT_BYTES } from "../compile/values.ts";
import { limit, word } from "../words.ts";
import { changes, listDifference, narrows, widens, type Change } from "./change.ts";

/** Changes of the rules for one value. `what` names it: `param branch of git_push`. */
type Compare<T> = (what: string, before: T | undefined, after: T | undefined) => readonly Change[];

function bound(name: string, direction: "upper" | "lower"): Compare<number> {
  return (what, before, after) => {
    if (before === after) return [];
    if (after === undefined) return [widens(`widens ${what}: ${name} ${before ?? ""} removed`)];
    if (before === undefined) return [narrows(`narrows ${what}: ${name} ${after} added`)];
    const wider = direction === "upper" ? after > before : after < before;
    const text = `${what}: ${name} changes from ${before} to ${after}`;
    return [wider ? widens(`widens ${text}`) : narrows(`narrows ${text}`)];
  };
}

const pattern: Compare<string> = (what, before = "", after = "") => {
  if (before === after) return [];
  if (after === "") return [widens(`widens ${what}: pattern ${printable(before)} removed`)];
  if (before === "") return [narrows(`narrows ${what}: pattern ${printable(after)} added`)];
  return [widens(`changes ${what}: pattern ${printable(before)} becomes ${printable(after)}`)];
};

const choices: Compare<readonly string[]> = (what, before = [], after = []) => {
  const { added, removed } = listDifference(before, after);
  if (added.length === 0 && removed.length === 0) return [];
  if (after.length === 0) return [widens(`widens ${what}: no longer limited to ${removed.map(word).join(", ")}`)];
  if (before.length === 0) return [narrows(`narrows ${what}: limited to ${added.map(word).join(", ")}`)];
  return [
    ...(added.length === 0 ? [] : [widens(`widens ${what}: also accepts ${added.map(word).join(", ")}`)]),
    ...(removed.length === 0 ? [] : [narrows(`narrows ${what}: no longer accepts ${removed.map(word).join(", ")}`)]),
  ];
};

/** No schemes are one: https. */
function schemes(what: string, before: readonly string[] = [], after: readonly string[] = []): readonly Change[] {
  const [old, now] = [before, after].map((list) => (list.length === 0 ? ["https"] : list));
  return choices(`schemes of ${what}`, old, now);
}

function type(what: string, before: string | undefined, after: string | undefined, missing: string): readonly Change[] {
  const [old, now] = [before ?? missing, after ?? missing];
  return old === now ? [] : [widens(`changes ${what}: type ${printable(old)} becomes ${printable(now)}`)];
}

function permission(
  what: string,
  name: string,
  before: boolean | undefined,
  after: boolean | undefined,
): readonly Change[] {
  if ((before ?? false) === (after ?? false)) return [];
  return after === true ? [widens(`widens ${what}: ${name}`)] : [narrows(`narrows ${what}: no longer ${name}`)];
}

/** The rules that parameters and flags share. */
function shared(what: string, before: Param | FlagRule, after: Param | FlagRule): readonly Change[] {
  return [
    ...pattern(what, before.pattern, after.pattern),
    ...bound("min", "lower")(what, before.min, after.min),
    ...bound("max", "upper")(what, before.max, after.max),
    ...choices(what, before.enum, after.enum),
    ...schemes(what, before.schemes, after.schemes),
    ...choices(`hosts of ${what}`, before.hosts, after.hosts),
    ...permission(what, "may begin with '-'", before.allow_leading_dash, after.allow_leading_dash),
  ];
}

/** Which way the file of a parameter goes, and how large it may be. */
function fileOf({ type, direction, max_bytes: most }: Param): {
  readonly way: string;
  readonly most: number | undefined;
} {
  const isInput = type === "workspace_path" && direction === "input";
  return { way: isInput ? "input" : "output", most: most ?? (isInput ? DEFAULT_INPUT_BYTES : undefined) };
}

function directions(what: string, before: Param, after: Param): readonly Change[] {
  const [old, now] = [fileOf(before), fileOf(after)];
  if (old.way !== now.way) return [widens(`changes ${what}: ${old.way} becomes ${now.way}`)];
  return bound("max_bytes", "upper")(what, old.most, now.most);
}

export function paramChanges(what: string, before: Param, after: Param): readonly Change[] {
  return [
    ...type(what, before.type, after.type, "none"),
    ...shared(what, before, after),
    ...bound("minLength", "lower")(what, limit(before.minLength), limit(after.minLength)),
    ...bound("maxLength", "upper")(what, limit(before.maxLength), limit(after.maxLength)),
    ...permission(what, "may be left out", before.optional, after.optional),
    ...directions(what, before, after),
    ...type(`elements of ${what}`, before.items?.type, after.items?.type, "string"),
    ...((before.description ?? "") === (after.description ?? "")
      ? []
      : [changes(`changes the description of ${what}`)]),
  ];
}

export function flagRuleChanges(
  what: string,
  before: FlagRule | undefined,
  after: FlagRule | undefined,
): readonly Change[] {
  const none: FlagRule = { flag: "" };
  const [old, now] = [before ?? none, after ?? none];
  return [
    ...type(what, old.type, now.type, "string"),
    ...shared(what, old, now),
    ...permission(what, "may be repeated", old.repeat, now.repeat),
  ];
}

export const upperBound = (
  what: string,
  name: string,
  before: number | undefined,
  after: number | undefined,
): readonly Change[] => {
  if (before === after) return [];
  const show = (value: number | undefined): string => (value === undefined ? "the daemon's default" : String(value));
  const text = `${name} of ${what} changes from ${show(before)} to ${show(after)}`;
  return [before !== undefined && after !== undefined && after < before ? narrows(text) : widens(text)];
};
