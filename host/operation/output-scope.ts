import { CodedError } from "../../wire/errors.ts";
import type { Operation, ParamRule } from "../project/types.ts";

const WIDENING = new Set(["--recursive", "--sync", "-R"]);

/** The parameter that is an output file, if the operation has one. */
export function outputParam(operation: Operation): string | undefined {
  return [...operation.params.values()].find((rule) => rule.direction === "output")?.name;
}

/** The parameters that are files which the program reads a copy of. */
export function inputParams(operation: Operation): readonly ParamRule[] {
  return [...operation.params.values()].filter((rule) => rule.direction === "input");
}

/**
 * An operation with an output file writes exactly that one: options that make a program write many are refused.
 * @throws CodedError `output_scope`
 */
export function checkOutputScope(operation: Operation, flags: readonly string[]): void {
  if (outputParam(operation) === undefined) return;
  const options = [
    ...operation.template.map((element) => element.text).filter((text) => text.startsWith("-")),
    ...flags,
  ];
  const widening = options.map((option) => option.split("=", 1)[0] ?? "").find((name) => WIDENING.has(name));
  if (widening !== undefined)
    throw new CodedError(
      "output_scope",
      `${widening}: workspace_path operations are single-foreground-file output only`,
    );
}
