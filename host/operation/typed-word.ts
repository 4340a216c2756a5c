import { CodedError } from "../../wire/errors.ts";
import { quoted } from "../../wire/text.ts";
import { programName } from "../project/push.ts";
import { INJECTED, type InjectedName, type Operation, type ParamRule, type TemplateElement } from "../project/types.ts";
import { compileCapture, escapePattern } from "../util/pattern.ts";
import type { Effort } from "./effort.ts";
import { PARAM_KINDS } from "./params/index.ts";
import { ANY_TEXT, type ParamKind } from "./params/kind.ts";
import { textsBetween } from "./typed-inline.ts";
import { namesRepo } from "./typed-repo.ts";

/** One word of a typed command line, held against one element of a template. */

export type Injected = Readonly<Record<InjectedName, string>>;

/** Where a command line is typed for: what is put in automatically, the host of the target repository, and all repositories of the project. */
export interface TypedPlace {
  readonly injected: Injected;
  readonly host: string;
  readonly repos: readonly string[];
  /** What it may take to read it. */
  readonly effort: Effort;
}

/** What a word says of parameters; an optional one that is empty inside a word has no value: it may be absent. */
export type Caught = readonly (readonly [name: string, value: unknown])[];

export function isInjected(name: string): name is InjectedName {
  return INJECTED.some((one) => one === name);
}

function defect(operation: Operation, why: string): CodedError {
  return new CodedError("template_defect", `cmd2host: operation ${operation.id}: ${why}`);
}

type WordKind = Required<Pick<ParamKind, "read" | "capture">>;

/** The kind of a parameter, which has to be of one word; a missing type means text. */
function wordKind(operation: Operation, name: string): { readonly rule: ParamRule; readonly kind: WordKind } {
  const rule = operation.params.get(name);
  if (rule === undefined) throw defect(operation, `placeholder has no schema: {${name}}`);
  const given = rule.schema.type ?? "";
  const { read, capture } = PARAM_KINDS[rule.type ?? "string"];
  if (read === undefined || (rule.type === undefined && given !== ""))
    throw defect(operation, `unsupported reverse-match type ${quoted(given)} of {${name}}`);
  return { rule, kind: { read, capture } };
}

function readValue(operation: Operation, name: string, text: string): Caught | undefined {
  const { rule, kind } = wordKind(operation, name);
  const value = kind.read(text, rule);
  return value === undefined ? undefined : [[name, value]];
}

type Inline = TemplateElement & { readonly kind: "inline" };

/** An element as the fixed texts around its parameters: one more than there are parameters. */
function around(
  element: Inline,
  injected: Injected,
): { readonly fixed: readonly string[]; readonly names: readonly string[] } {
  const fixed = [""];
  const names: string[] = [];
  for (const part of element.parts) {
    const text = part.kind === "text" ? part.text : isInjected(part.name) ? injected[part.name] : undefined;
    if (text !== undefined) fixed.push((fixed.pop() ?? "") + text);
    else if (part.kind === "name") {
      names.push(part.name);
      fixed.push("");
    }
  }
  return { fixed, names };
}

/** Longest word in which empty values are looked for by a pattern: with many operations that takes its time. */
const MAX_SEARCHED_LENGTH = 65_536;

/** The texts that stand for the parameters of an element; undefined when the word is another. */
function textsOf(
  operation: Operation,
  element: Inline,
  word: string,
  { injected, effort }: TypedPlace,
): readonly string[] | undefined {
  const { fixed, names } = around(element, injected);
  const kinds = names.map((name) => ({ name, ...wordKind(operation, name) }));
  const isOptional = (rule: ParamRule): boolean => rule.schema.optional === true;
  const [first = "", last = ""] = [fixed[0], fixed.at(-1)];
  if (kinds.length === 0) return word === first ? [] : undefined;
  if (word.length < first.length + last.length || !word.startsWith(first) || !word.endsWith(last)) return undefined;
  if (kinds.every(({ kind }) => kind.capture === ANY_TEXT)) {
    const texts = textsBetween(word, fixed);
    const mayBeEmpty = kinds.some(({ rule }) => isOptional(rule)) && word.length <= MAX_SEARCHED_LENGTH;
    if (texts !== undefined || !mayBeEmpty) return texts;
  }
  const source = kinds.map(({ rule, kind }, index) => {
    const capture = isOptional(rule) ? `${kind.capture}?` : kind.capture;
    return capture + escapePattern(fixed[index + 1] ?? "");
  });
  effort.capture(word);
  return compileCapture(escapePattern(first) + source.join(""))(word);
}

function caughtInline(operation: Operation, element: Inline, word: string, place: TypedPlace): Caught | undefined {
  const texts = textsOf(operation, element, word, place);
  if (texts === undefined) return undefined;
  const caught: (readonly [string, unknown])[] = [];
  for (const [index, name] of around(element, place.injected).names.entries()) {
    const text = texts[index] ?? "";
    const isAbsent = text === "" && operation.params.get(name)?.schema.optional === true;
    const read: Caught | undefined = isAbsent ? [[name, undefined]] : readValue(operation, name, text);
    if (read === undefined) return undefined;
    caught.push(...read);
  }
  return caught;
}

/** Whether a word is what would be put in at its place by itself. */
function isAutomatic(operation: Operation, name: InjectedName, word: string, { injected, host }: TypedPlace): boolean {
  switch (name) {
    case "repo":
      return namesRepo(word, { name: injected.repo, host });
    case "expected_git_url":
      // The workspace's origin is held against the target before anything runs: to git they are the same.
      return word === injected.expected_git_url || (word === "origin" && programName(operation.command) === "git");
    case "repo_path":
      return word === injected.repo_path;
  }
}

/**
 * What a word says when it stands at the place of an element; undefined when it cannot stand there. What the types accept decides; patterns,
 * lengths and ranges are for later.
 * @throws CodedError `template_defect`, when the element is one that no word can be held against; EffortSpent
 */
export function caughtBy(
  operation: Operation,
  element: TemplateElement,
  word: string,
  place: TypedPlace,
): Caught | undefined {
  if (element.kind === "literal") return element.text === word ? [] : undefined;
  place.effort.element(word);
  switch (element.kind) {
    case "whole":
      if (isInjected(element.name)) return isAutomatic(operation, element.name, word, place) ? [] : undefined;
      return readValue(operation, element.name, word);
    case "inline":
      return caughtInline(operation, element, word, place);
  }
}

/** True when a word with a dash in front would stand for a text that may not have one: it is an option that belongs elsewhere. */
export function isDoubtful(operation: Operation, element: TemplateElement, word: string): boolean {
  if (element.kind !== "whole" || !word.startsWith("-") || word === "-") return false;
  const rule = operation.params.get(element.name);
  const isText = rule !== undefined && rule.type !== "integer" && rule.type !== "number" && rule.type !== "enum";
  return isText && rule.schema.allow_leading_dash !== true;
}

/**
 * The values that were caught, by name; the name whose values differ when there is one.
 * @param absent names whose own words were left out: such a parameter has no value
 */
export function bindings(
  caught: Caught,
  absent: ReadonlySet<string>,
): { readonly params: ReadonlyMap<string, unknown> } | { readonly differs: string } {
  const params = new Map<string, unknown>();
  for (const [name, value] of caught) {
    if (value === undefined) continue;
    if (absent.has(name) || (params.has(name) && params.get(name) !== value)) return { differs: name };
    params.set(name, value);
  }
  const emptied = caught.find(([name, value]) => value === undefined && (params.get(name) ?? "") !== "");
  return emptied === undefined ? { params } : { differs: emptied[0] };
}
