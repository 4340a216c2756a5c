import { printable, shortened } from "../../wire/text.ts";
import { programName } from "../project/push.ts";
import type { FlagSpec, Operation, TemplateElement } from "../project/types.ts";
import { typedForm, type Unit } from "./typed-form.ts";
import { isInjected, type TypedPlace } from "./typed-word.ts";

/** How an operation is typed, as a line: `gh pr view <number> [--json <value>]`. */

const MAX_USAGE_BYTES = 400;

function elementUsage(element: TemplateElement, { injected }: TypedPlace): string {
  const placeholder = (name: string): string => (isInjected(name) ? injected[name] : `<${name}>`);
  switch (element.kind) {
    case "literal":
      return element.text;
    case "whole":
      return placeholder(element.name);
    case "inline":
      return element.parts.map((part) => (part.kind === "text" ? part.text : placeholder(part.name))).join("");
  }
}

/** One part of the line. */
export function usageOf(unit: Unit, place: TypedPlace): string {
  switch (unit.kind) {
    case "joined":
      return elementUsage(unit.element, place);
    case "option":
      return unit.value === undefined ? unit.name : `${unit.name} ${elementUsage(unit.value, place)}`;
    case "argument":
      return unit.elements.map((element) => elementUsage(element, place)).join(" ");
  }
}

/** True for what is put in by itself: nobody needs to type it. */
function isAutomatic(unit: Unit): boolean {
  const last = unit.kind === "option" ? unit.value : unit.kind === "argument" ? unit.elements.at(-1) : undefined;
  return last?.kind === "whole" && isInjected(last.name);
}

function flagUsage({ flag, takes, rule }: FlagSpec): string {
  if (takes === "none" || (rule === undefined && !flag.startsWith("--"))) return `[${flag}]`;
  return takes === "one" ? `[${flag} <value>]` : `[${flag} <value>...]`;
}

/** The whole line, cut when it is long. */
export function usageLine(operation: Operation, place: TypedPlace): string {
  const { head, units } = typedForm(operation);
  const parts = units.flatMap((unit) => {
    if (isAutomatic(unit)) return [];
    const usage = usageOf(unit, place);
    return unit.kind !== "joined" && unit.mayBeMissing ? [`[${usage}]`] : [usage];
  });
  const flags = [...operation.flags.values()].map(flagUsage);
  const words = [programName(operation.command), ...head, ...parts, ...flags];
  return printable(shortened(words.join(" "), MAX_USAGE_BYTES));
}
