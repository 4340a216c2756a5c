import { attempt } from "../../wire/errors.ts";
import { isOptionLiteral } from "../project/template.ts";
import type { Operation, TemplateElement } from "../project/types.ts";
import type { Asked } from "./call.ts";
import { flagsWithEffort } from "./typed-flags.ts";
import { bindings, caughtBy, isDoubtful, isInjected, type TypedPlace } from "./typed-word.ts";

/** The template as the original has it typed: without what is put in automatically, each with the option right before it. */
export interface InOrder {
  readonly elements: readonly TemplateElement[];
  readonly dropped: readonly string[];
}

export function typedInOrder(template: readonly TemplateElement[]): InOrder {
  const injected = template.map((element) => element.kind === "whole" && isInjected(element.name));
  const isDroppedOption = (element: TemplateElement, index: number): boolean =>
    injected[index + 1] === true && isOptionLiteral(element);
  return {
    elements: template.filter((element, index) => injected[index] !== true && !isDroppedOption(element, index)),
    dropped: template.filter(isDroppedOption).map((element) => element.text),
  };
}

/** A call, and whether a word that looks like an option was taken for a text that may not begin with a dash. */
export interface InOrderMatch {
  readonly asked: Asked;
  readonly doubtful: boolean;
}

/**
 * The call that an operation would make of words that stand in the order of its template, flags behind them; undefined when it would make none.
 * @throws CodedError `template_defect`
 */
export function matchInOrder(
  operation: Operation,
  { elements }: InOrder,
  words: readonly string[],
  place: TypedPlace,
): InOrderMatch | undefined {
  if (words.length < elements.length) return undefined;
  const caught: (readonly [string, unknown])[] = [];
  let doubtful = false;
  for (const [index, element] of elements.entries()) {
    const word = words[index] ?? "";
    const own = caughtBy(operation, element, word, place);
    if (own === undefined) return undefined;
    caught.push(...own);
    doubtful ||= isDoubtful(operation, element, word);
  }
  const bound = bindings(caught, new Set());
  if ("differs" in bound) return undefined;
  const flags = attempt<readonly string[] | undefined>(
    () => flagsWithEffort(operation, words.slice(elements.length), place.effort),
    () => undefined,
  );
  if (flags === undefined) return undefined;
  return { asked: { operation: operation.id, params: bound.params, flags }, doubtful };
}
