import type { RedactConfig } from "../../wire/schema.ts";
import { printable } from "../../wire/text.ts";

/** What a project or an operation says about masking, in words; empty when it says nothing. */
export function redactWords(redact: RedactConfig | undefined): string {
  if (redact === undefined) return "";
  const { enabled, off = [], patterns = [], env = [] } = redact;
  return [
    ...(enabled === undefined
      ? []
      : [enabled ? "secrets in the output are masked" : "secrets in the output are NOT masked"]),
    ...(off.length === 0 ? [] : [`not masked: ${off.map(printable).join(", ")}`]),
    ...patterns.map(({ name, pattern }) => `masked as ${printable(name)}: ${printable(pattern)}`),
    ...(env.length === 0 ? [] : [`secret variables: ${env.map(printable).join(", ")}`]),
  ].join("; ");
}
