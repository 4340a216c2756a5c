import { CodedError } from "../../wire/errors.ts";
import { quoted, shortened } from "../../wire/text.ts";
import { didYouMean, listed } from "../project/listed.ts";
import type { FlagSpec, Operation } from "../project/types.ts";
import { PARAM_KINDS } from "./params/index.ts";
import { ValueError, shown } from "./params/kind.ts";

type FlagSpecs = ReadonlyMap<string, FlagSpec>;

/** The text before the first `=`, unless that stands at the very start. */
function nameOf(token: string): string {
  const equals = token.indexOf("=");
  return equals > 0 ? token.slice(0, equals) : token;
}

/** True for a word that is no option: a lone dash is a value, standard input to many programs. */
export function isValue(word: string | undefined): word is string {
  return word !== undefined && (word === "-" || !word.startsWith("-"));
}

/**
 * A short flag whose value may be the next word, because the configuration has rules for the value. Of one that it only names nobody knows
 * whether the program takes a value: the next word could then be an argument of its own.
 */
export function takesNextWord({ flag, takes, rule }: FlagSpec): boolean {
  return takes === "one" && rule !== undefined && !flag.startsWith("--");
}

/** A short flag of one letter and its value in one word: `-L5`. Undefined for every other word. */
function attached(token: string, specs: FlagSpecs): readonly [string, string] | undefined {
  const [flag, value] = [token.slice(0, 2), token.slice(2)];
  const spec = specs.get(nameOf(token)) === undefined ? specs.get(flag) : undefined;
  return spec !== undefined && takesNextWord(spec) && isValue(value) && value !== "" ? [flag, value] : undefined;
}

/**
 * Writes flags in one form: `--flag value` becomes `--flag=value` for flags that take one value (`-` alone is one), `--flag=a` becomes `--flag a` for flags that take
 * several, `-f5` becomes `-f 5` for short flags with rules for their value. Unknown flags pass through and are refused by `checkFlags`. Doing it twice changes nothing.
 */
export function normaliseFlags(flags: readonly string[], specs: FlagSpecs): readonly string[] {
  const out: string[] = [];
  for (let at = 0; at < flags.length; at++) {
    const token = flags[at] ?? "";
    const takes = token.startsWith("--") ? specs.get(nameOf(token))?.takes : undefined;
    const equals = token.indexOf("=");
    // A value that looks like a flag would be one when it stands alone; checkFlags refuses it as it is.
    if (takes === "several" && equals > 0 && token[equals + 1] !== "-") {
      out.push(token.slice(0, equals), token.slice(equals + 1));
      continue;
    }
    const next = flags[at + 1];
    if (takes === "one" && equals < 0 && isValue(next)) {
      out.push(`${token}=${next}`);
      at++;
      continue;
    }
    out.push(...(attached(token, specs) ?? [token]));
  }
  return out;
}

/** A flag's value and where it came from; values of path type are checked against the disk later. */
export interface FlagValue {
  readonly spec: FlagSpec;
  readonly value: string;
}

function invalid(message: string): CodedError {
  return new CodedError("flag_invalid", `Invalid flags: ${message}`);
}

/**
 * Holds a flag's value against its type, which means the same as for parameters. The text goes to the program as it is, so it has to be in normal form.
 */
export function checkFlagValue({ flag, value: rule }: FlagSpec, text: string): void {
  const kind = PARAM_KINDS[rule.type];
  try {
    const checked = kind.check(kind.read?.(text, rule) ?? text, rule);
    if (checked.kind === "text" && checked.text !== text)
      throw new ValueError(`expected ${rule.type} written as ${checked.text}, got ${shown(text)}`);
  } catch (error) {
    throw error instanceof ValueError ? invalid(`${flag}: ${error.message}`) : error;
  }
}

/** Refuses a rule-bearing flag without a value: what its value would be is then the program's choice. */
function requireValue(spec: FlagSpec): void {
  if (spec.rule !== undefined && spec.takes === "one")
    throw invalid(`${spec.flag}: needs a value, as ${spec.flag}=VALUE`);
}

function flagsHint(name: string, known: readonly string[]): string {
  return `${didYouMean(name, known)}Allowed: ${listed(known)}.`;
}

/**
 * Checks normalised flags against what the operation allows, and returns their values.
 * @param check holds one value against its rules
 * @throws CodedError `flag_not_allowed`, `flag_invalid`; the message begins `Invalid flags:`
 */
export function checkFlags(
  operation: Operation,
  normalised: readonly string[],
  check: (spec: FlagSpec, text: string) => void = checkFlagValue,
): readonly FlagValue[] {
  const specs = operation.flags;
  if (normalised.length > 0 && specs.size === 0) {
    throw new CodedError("flag_not_allowed", "Invalid flags: no flags allowed for this operation", {
      hint: "Call it without flags.",
    });
  }
  const values: FlagValue[] = [];
  const seen = new Set<FlagSpec>();
  let run: FlagSpec | undefined;
  const take = (spec: FlagSpec, value: string): void => {
    check(spec, value);
    values.push({ spec, value });
  };
  for (let at = 0; at < normalised.length; at++) {
    const token = normalised[at] ?? "";
    const next = normalised[at + 1];
    if (!token.startsWith("-")) {
      if (run === undefined) throw invalid(`invalid flag format: ${quoted(shortened(token, 60))}`);
      take(run, token);
      continue;
    }
    const name = nameOf(token);
    const spec = specs.get(name);
    if (spec === undefined) {
      throw new CodedError("flag_not_allowed", `Invalid flags: flag not allowed: ${quoted(shortened(name, 60))}`, {
        hint: flagsHint(name, [...specs.keys()]),
      });
    }
    // Of a flag that stands twice most programs take the last; with rules for its value that should not be a guess.
    if (spec.rule !== undefined && spec.rule.repeat !== true && seen.has(spec))
      throw invalid(`${spec.flag}: stands twice`);
    seen.add(spec);
    run = spec.takes === "several" && name === token ? spec : undefined;
    if (name !== token) take(spec, token.slice(name.length + 1));
    else if (token.includes("\0")) throw invalid(`${quoted(token)} contains a NUL`);
    else if (takesNextWord(spec) && isValue(next)) {
      take(spec, next);
      at++;
    } else requireValue(spec);
  }
  return values;
}
