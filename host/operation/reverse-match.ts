import { CodedError } from "../../wire/errors.ts";
import { quoted, shortened } from "../../wire/text.ts";
import { programName } from "../project/push.ts";
import { isOptionLiteral } from "../project/template.ts";
import {
  INJECTED,
  type InjectedName,
  type Operation,
  type ParamRule,
  type Project,
  type TemplateElement,
} from "../project/types.ts";
import { compileCapture, escapePattern } from "../util/pattern.ts";
import type { Asked } from "./call.ts";
import { checkFlags, normaliseFlags } from "./flags.ts";
import { PARAM_KINDS } from "./params/index.ts";
import type { ParamKind } from "./params/kind.ts";

type Injected = Readonly<Record<InjectedName, string>>;
type Bindings = Map<string, unknown>;
type WordKind = Required<Pick<ParamKind, "read" | "capture">>;

function isInjected(name: string): name is InjectedName {
  return INJECTED.some((one) => one === name);
}

function defect(operation: Operation, why: string): CodedError {
  return new CodedError("template_defect", `cmd2host: operation ${operation.id}: ${why}`);
}

/** The template as somebody types it: without what is put in automatically, each with the option right before it. */
function typedTemplate(template: readonly TemplateElement[]): {
  readonly elements: readonly TemplateElement[];
  readonly dropped: readonly string[];
} {
  const injected = template.map((element) => element.kind === "whole" && isInjected(element.name));
  const isDroppedOption = (element: TemplateElement, index: number): boolean =>
    injected[index + 1] === true && isOptionLiteral(element);
  return {
    elements: template.filter((element, index) => injected[index] !== true && !isDroppedOption(element, index)),
    dropped: template.filter(isDroppedOption).map((element) => element.text),
  };
}

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

/** Binds a typed word to a parameter; false when it does not fit. */
function bind(operation: Operation, name: string, text: string, bindings: Bindings): boolean {
  const { rule, kind } = wordKind(operation, name);
  const value = kind.read(text, rule);
  if (value === undefined || (bindings.has(name) && bindings.get(name) !== value)) return false;
  bindings.set(name, value);
  return true;
}

function matchInline(
  operation: Operation,
  element: TemplateElement & { kind: "inline" },
  word: string,
  injected: Injected,
  bindings: Bindings,
): boolean {
  const names: string[] = [];
  const source = element.parts
    .map((part) => {
      if (part.kind === "text") return escapePattern(part.text);
      if (isInjected(part.name)) return escapePattern(injected[part.name]);
      names.push(part.name);
      return wordKind(operation, part.name).kind.capture;
    })
    .join("");
  const caught = compileCapture(source)(word);
  return caught !== undefined && names.every((name, index) => bind(operation, name, caught[index] ?? "", bindings));
}

function matchElement(
  operation: Operation,
  element: TemplateElement,
  word: string,
  injected: Injected,
  bindings: Bindings,
): boolean {
  switch (element.kind) {
    case "literal":
      return element.text === word;
    case "whole":
      return bind(operation, element.name, word, bindings);
    case "inline":
      return matchInline(operation, element, word, injected, bindings);
  }
}

/** The call that this operation would make of the words, or undefined when it would make none. */
function matchOperation(
  operation: Operation,
  elements: readonly TemplateElement[],
  words: readonly string[],
  injected: Injected,
): Asked | undefined {
  if (words.length < elements.length) return undefined;
  const bindings: Bindings = new Map();
  const fits = elements.every((element, index) =>
    matchElement(operation, element, words[index] ?? "", injected, bindings),
  );
  if (!fits) return undefined;
  const flags = normaliseFlags(words.slice(elements.length), operation.flags);
  try {
    checkFlags(operation, flags);
  } catch (error) {
    if (error instanceof CodedError) return undefined;
    throw error;
  }
  return { operation: operation.id, params: bindings, flags };
}

/**
 * Finds the one allowed operation that a typed command line means. What the types accept decides, an enum's list included; patterns, lengths and ranges
 * are applied to the winner.
 * @throws CodedError `argv_no_match`, `argv_ambiguous`, `template_defect`; the message begins `cmd2host:`
 */
export function reverseMatch(project: Project, injected: Injected, argv: readonly string[]): Asked {
  const [command = "", ...words] = argv;
  const name = programName(command);
  const candidates = project.allowed
    .flatMap((id) => project.operations.get(id) ?? [])
    .filter((operation) => programName(operation.command) === name)
    .map((operation) => ({ operation, ...typedTemplate(operation.template) }));
  const ids = candidates.map(({ operation }) => operation.id);
  if (candidates.length === 0)
    throw new CodedError(
      "argv_no_match",
      `cmd2host: no allowed operation matches command ${quoted(shortened(command, 120))}`,
    );
  const matches = candidates.flatMap(
    ({ operation, elements }) => matchOperation(operation, elements, words, injected) ?? [],
  );
  const [only, another] = matches;
  if (only !== undefined && another === undefined) return only;
  if (only !== undefined) {
    const which = matches.map((match) => match.operation).join(", ");
    throw new CodedError(
      "argv_ambiguous",
      `cmd2host: argv resolves to multiple allowed operations: ${which}; make it unambiguous`,
    );
  }
  const hints = candidates.flatMap(({ operation, dropped }) =>
    dropped
      .filter((option) => words.includes(option))
      .map((option) => `${operation.id} injects ${option} automatically (drop it from your argv)`),
  );
  // The words may hold whole issue bodies or secrets: their beginning is enough to recognise the call.
  const shown = quoted(shortened(argv.join(" "), 200));
  throw new CodedError("argv_no_match", [`cmd2host: no allowed operation matches argv ${shown}`, ...hints].join("; "), {
    hint: `Operations of ${name} here: ${ids.slice(0, 20).join(", ")}. Describe one to see its form.`,
  });
}
