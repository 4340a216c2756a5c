import { CodedError } from "../../wire/errors.ts";
import { isOptionLiteral } from "../project/template.ts";
import type { InjectedName, Operation, TemplateElement } from "../project/types.ts";
import { readsHostFile } from "./file-url.ts";
import type { Values } from "./values.ts";

/** What placeholders stand for, besides parameters. */
export interface Surroundings {
  /** The target repository; these win over everything. */
  readonly injected: Readonly<Record<InjectedName, string>>;
  /** The project's env; parameters of the same name win over it. */
  readonly env: ReadonlyMap<string, string>;
}

function cannotBuild(code: "param_missing" | "template_incomplete", message: string): CodedError {
  return new CodedError(code, `Failed to build arguments: ${message}`);
}

/** What a placeholder stands for: arguments, or undefined when it is an optional parameter that was left out. */
type Lookup = (name: string) => readonly string[] | undefined;

function lookupIn(operation: Operation, values: Values, around: Surroundings): Lookup {
  const injected = new Map<string, string>(Object.entries(around.injected));
  return (name) => {
    const fixed = injected.get(name);
    if (fixed !== undefined) return [fixed];
    const value = values.get(name);
    if (value !== undefined) return value.kind === "text" ? [value.text] : value.items;
    const rule = operation.params.get(name);
    const fromEnv = rule === undefined ? around.env.get(name) : undefined;
    if (fromEnv !== undefined) return [fromEnv];
    if (rule?.schema.optional === true) return undefined;
    throw cannotBuild("param_missing", `missing required parameter: ${name}`);
  };
}

function inlineText(
  element: TemplateElement & { kind: "inline" },
  { params }: Operation,
  values: Values,
  lookup: Lookup,
): string {
  const text = element.parts
    .map((part) => {
      if (part.kind === "text") return part.text;
      if (values.get(part.name)?.kind === "list")
        throw cannotBuild("template_incomplete", `{${part.name}} is a list and stands inside a text`);
      return (lookup(part.name) ?? []).join("");
    })
    .join("");
  // Two values that are harmless each, `{a}{b}`, can be one that is not. What the template itself spells out was approved.
  const isCommand = element.parts.some((part) => part.kind === "name" && params.get(part.name)?.verbatim === true);
  if (!isCommand && readsHostFile(text) && !readsHostFile(element.text))
    throw new CodedError(
      "file_url_refused",
      `Failed to build arguments: ${element.text} would read a file of the host`,
    );
  return text;
}

/** Leaves out optional whole-argument placeholders without a value, each with the option right before it. */
function withoutAbsent(template: readonly TemplateElement[], lookup: Lookup): readonly TemplateElement[] {
  const absent = template.map((element) => element.kind === "whole" && lookup(element.name) === undefined);
  return template.filter(
    (element, index) => absent[index] !== true && !(absent[index + 1] === true && isOptionLiteral(element)),
  );
}

/**
 * Builds the argument list: the template with its placeholders filled in, then the normalised flags. Each value is put in as it is, once; nothing in
 * a value is looked at again.
 * @throws CodedError `param_missing`, `template_incomplete`, `file_url_refused`; the message begins `Failed to build arguments:`
 */
export function buildArgv(
  operation: Operation,
  values: Values,
  flags: readonly string[],
  around: Surroundings,
): readonly string[] {
  const lookup = lookupIn(operation, values, around);
  const args = withoutAbsent(operation.template, lookup).flatMap((element) => {
    switch (element.kind) {
      case "literal":
        return [element.text];
      case "whole":
        return lookup(element.name) ?? [];
      case "inline":
        return [inlineText(element, operation, values, lookup)];
    }
  });
  return [...args, ...flags];
}
