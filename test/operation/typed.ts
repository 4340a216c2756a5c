import { CodedError } from "../../wire/errors.ts";
import type { Param } from "../../wire/schema.ts";
import { reverseMatch } from "../../host/operation/reverse-match.ts";
import { callOf, INJECTED, projectWith, refusal } from "./policy.ts";

/** A project whose one operation takes one value of the given rules. */
function taking(schema: Param): ReturnType<typeof projectWith> {
  return projectWith({ op: { command: "tool", args_template: ["x", "{p}"], params: { p: schema } } });
}

/** The argument that a value becomes; undefined when it is refused as a value, which is never by another code. */
export function textOf(schema: Param, value: unknown): string | undefined {
  try {
    const checked = callOf(taking(schema), { p: value }).values.get("p");
    if (checked?.kind !== "text") throw new Error("the value is not one text");
    return checked.text;
  } catch (error) {
    if (error instanceof CodedError && error.code === "param_invalid") return undefined;
    throw error;
  }
}

/** True when the value is taken exactly as it is. */
export function accepts(schema: Param, value: unknown): boolean {
  const text = textOf(schema, value);
  if (text !== undefined && text !== value) throw new Error(`${JSON.stringify(value)} became ${JSON.stringify(text)}`);
  return text !== undefined;
}

/** Why a value is refused. */
export function whyNot(schema: Param, value: unknown): string {
  const error = refusal(() => callOf(taking(schema), { p: value }));
  if (error.code !== "param_invalid") throw error;
  return error.message.replace(/^Invalid parameters: p: /, "");
}

/** What a typed word is bound to; undefined when the command line is none of the operation's. */
export function bound(schema: Param, word: string): unknown {
  try {
    return reverseMatch(taking(schema), INJECTED, ["tool", "x", word]).params.get("p");
  } catch (error) {
    if (error instanceof CodedError && error.code === "argv_no_match") return undefined;
    throw error;
  }
}

/** Whether `--f=TEXT` is taken, with these rules for the flag's value; else why not. */
export function flagVerdict(rule: object, text: string): string {
  const project = projectWith({
    op: { command: "tool", args_template: [], allowed_flags: [{ flag: "--f", ...rule }] },
  });
  try {
    return callOf(project, {}, [`--f=${text}`]).flags[0] === `--f=${text}` ? "taken" : "changed";
  } catch (error) {
    if (error instanceof CodedError && error.code === "flag_invalid")
      return error.message.replace(/^Invalid flags: --f: /, "");
    throw error;
  }
}
