import { isOptionLiteral } from "../project/template.ts";
import type { Operation, TemplateElement } from "../project/types.ts";
import { repoOptions } from "./typed-repo.ts";
import { isInjected } from "./typed-word.ts";

/** A template as somebody types it: words in front, then arguments in their order, and options anywhere between them. */

/** Words that stand at their place in the order. Two when an optional argument takes the word before it along. */
export interface Argument {
  readonly kind: "argument";
  readonly elements: readonly TemplateElement[];
  readonly mayBeMissing: boolean;
}

/** An option that the template fixes, whose value is the next word or stands behind `=`. */
export interface FixedOption {
  readonly kind: "option";
  readonly name: string;
  /** Undefined for a switch. */
  readonly value: TemplateElement | undefined;
  readonly mayBeMissing: boolean;
}

/** An option and its value in one element: `--x={n}`. */
export interface JoinedOption {
  readonly kind: "joined";
  readonly element: TemplateElement;
  /** With its equals sign; undefined when it has none. */
  readonly stem: string | undefined;
}

export type Unit = Argument | FixedOption | JoinedOption;

export interface TypedForm {
  /** The subcommand: literal words before everything else. */
  readonly head: readonly string[];
  /** What follows, in the order of the template. */
  readonly units: readonly Unit[];
  /** Names of the option that stands for the target repository; empty when there is none. */
  readonly repoOptions: readonly string[];
}

function isHead(element: TemplateElement): boolean {
  return element.kind === "literal" && !element.text.startsWith("-");
}

/** True for what building leaves out when it has no value, or puts in by itself. */
function canBeMissing(operation: Operation, element: TemplateElement | undefined): boolean {
  if (element?.kind !== "whole") return false;
  return isInjected(element.name) || operation.params.get(element.name)?.schema.optional === true;
}

/** Whether what follows an option is its value. Of a name alone this cannot be known, but `--no-…` takes none. */
function isValueOf(option: string, next: TemplateElement | undefined): next is TemplateElement {
  return next !== undefined && !option.startsWith("--no-") && !option.includes("=") && !next.text.startsWith("-");
}

function joined(element: TemplateElement & { kind: "inline" }): JoinedOption {
  const [first] = element.parts;
  const stem = first?.kind === "text" ? /^--[^=]+=/.exec(first.text)?.[0] : undefined;
  return { kind: "joined", element, stem };
}

/** `--method=GET` is the option --method with its value, however it is typed. */
function fixed(text: string): FixedOption {
  const equals = text.startsWith("--") ? text.indexOf("=") : -1;
  if (equals < 0) return { kind: "option", name: text, value: undefined, mayBeMissing: false };
  const value: TemplateElement = { kind: "literal", text: text.slice(equals + 1) };
  return { kind: "option", name: text.slice(0, equals), value, mayBeMissing: false };
}

function unitsOf(operation: Operation, elements: readonly TemplateElement[]): readonly Unit[] {
  const units: Unit[] = [];
  let closed = false;
  for (let at = 0; at < elements.length; at++) {
    const element = elements[at];
    if (element === undefined) break;
    const next = elements[at + 1];
    const isOption = !closed && element.text.startsWith("-") && !["-", "--"].includes(element.text);
    if (element.text === "--") closed = true;
    if (isOptionLiteral(element) && next !== undefined && canBeMissing(operation, next)) {
      units.push(
        isOption
          ? { kind: "option", name: element.text, value: next, mayBeMissing: true }
          : { kind: "argument", elements: [element, next], mayBeMissing: true },
      );
      at++;
    } else if (!isOption) {
      units.push({ kind: "argument", elements: [element], mayBeMissing: canBeMissing(operation, element) });
    } else if (element.kind === "inline") units.push(joined(element));
    else if (isValueOf(element.text, next)) {
      units.push({ kind: "option", name: element.text, value: next, mayBeMissing: false });
      at++;
    } else units.push(fixed(element.text));
  }
  return units;
}

/** How an operation is typed. */
export function typedForm(operation: Operation): TypedForm {
  const { template } = operation;
  const end = template.findIndex((element) => !isHead(element));
  const body = end < 0 ? [] : template.slice(end);
  return {
    head: template.slice(0, end < 0 ? undefined : end).map((element) => element.text),
    units: unitsOf(operation, body),
    repoOptions: repoOptions(template),
  };
}
