import { CodedError } from "../../wire/errors.ts";
import { quoted, shortened } from "../../wire/text.ts";
import type { Wanted } from "../audit/entries.ts";

const MAX_GIVEN = 60;
const AGO = /^(\d{1,6})(s|m|h|d)$/;
const UNITS: ReadonlyMap<string, number> = new Map([
  ["s", 1_000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
]);
const ISO = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2})?)?$/;
const OUTCOMES = ["permit", "deny", "completed", "failed"] as const;

/** Options that choose records; the same on every command that shows some. */
export const AUDIT_FILTERS = {
  since: {
    kind: "text",
    about: "Only what happened since then: 30m, 8h, 2d, or an ISO 8601 time",
    placeholder: "TIME",
  },
  project: { kind: "text", about: "Only of this project", placeholder: "ID" },
  operation: { kind: "text", about: "Only of this operation", placeholder: "NAME" },
  outcome: { kind: "text", about: "Only what was so: permit, deny, completed or failed", placeholder: "OUTCOME" },
  session: { kind: "text", about: "Only of this session", placeholder: "ID" },
  code: { kind: "text", about: "Only with this code", placeholder: "CODE" },
} as const;

type Given = { readonly [name in keyof typeof AUDIT_FILTERS]: string | undefined };

function sinceOf(text: string, now: number): number {
  const [, digits, unit = ""] = AGO.exec(text) ?? [];
  if (digits !== undefined) return now - Number(digits) * (UNITS.get(unit) ?? 0);
  const time = ISO.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(time)) return time;
  throw new CodedError("usage", `--since ${quoted(shortened(text, MAX_GIVEN))} is no time`, {
    hint: "Write how long ago, such as 30m, 8h or 2d, or a time such as 2026-11-28T08:00:00Z.",
  });
}

/** @throws CodedError `usage` */
export function wantedOf({ since, project, operation, outcome, session, code }: Given): Wanted {
  const result = OUTCOMES.find((name) => name === outcome);
  if (outcome !== undefined && result === undefined)
    throw new CodedError("usage", `--outcome ${quoted(shortened(outcome, MAX_GIVEN))} is no outcome`, {
      hint: `Write one of: ${OUTCOMES.join(", ")}.`,
    });
  return {
    since: since === undefined ? undefined : sinceOf(since, Date.now()),
    project,
    operation,
    outcome: result,
    session,
    code,
  };
}
