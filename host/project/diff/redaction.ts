import { isDeepStrictEqual } from "node:util";
import type { RedactConfig } from "../../../wire/schema.ts";
import { redactWords } from "../redact-words.ts";
import { narrows, widens, type Change } from "./change.ts";

/** True when everything that was masked still is. */
function masksAsMuch(before: RedactConfig, after: RedactConfig): boolean {
  const { patterns: old = [] } = before;
  const { patterns: now = [] } = after;
  return (
    before.enabled === after.enabled &&
    (after.off ?? []).every((name) => before.off?.includes(name) === true) &&
    (before.env ?? []).every((name) => after.env?.includes(name) === true) &&
    old.every((pattern) => now.some((other) => isDeepStrictEqual(pattern, other)))
  );
}

/** @param whose "of ID", or nothing for the project's own */
export function redactChanges(
  whose: string,
  before: RedactConfig | undefined,
  after: RedactConfig | undefined,
): readonly Change[] {
  if (isDeepStrictEqual(before, after)) return [];
  const words = (of: RedactConfig | undefined): string => redactWords(of) || "as usual";
  const text = `redaction${whose} changes: ${words(after)} (before: ${words(before)})`;
  return [masksAsMuch(before ?? {}, after ?? {}) ? narrows(text) : widens(text)];
}
