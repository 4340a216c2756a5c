import type { Audit, Decision, Ending } from "../../audit/audit.ts";
import { shortened } from "../../../wire/text.ts";
import type { Activity, DecisionDesk, DecisionFilter, DecisionPage, DecisionRow } from "../../page/desk.ts";

/** Decisions that are kept in memory; older ones are in the audit. */
const MAX_ROWS = 2_000;
const MAX_WORDS = 64;
const MAX_WORD_BYTES = 256;
const MINUTE_MS = 60_000;
/** Minutes whose numbers are kept: a day. */
const MAX_MINUTES = 24 * 60;

interface Minute {
  permitted: number;
  denied: number;
}

function bounded(argv: readonly string[] | undefined): readonly string[] | undefined {
  if (argv === undefined) return undefined;
  const words = argv.slice(0, MAX_WORDS).map((word) => shortened(word, MAX_WORD_BYTES));
  return argv.length > MAX_WORDS ? [...words, `… (${argv.length - MAX_WORDS} more)`] : words;
}

function rowOf(decision: Decision, at: number): DecisionRow {
  const { id, origin, project, operation, route, verdict, code, message, argv, rule, approver } = decision;
  return {
    id,
    at,
    project,
    operation,
    session: origin.session,
    peer: origin.peer,
    route,
    verdict,
    code,
    message: message === undefined ? undefined : shortened(message, 1_000),
    argv: bounded(argv),
    rule,
    approver,
    outcome: undefined,
    exitCode: undefined,
    durationMs: undefined,
  };
}

/** What was decided lately, for the page: passes everything on to the audit, and keeps a bounded part of it in memory. */
export class RecentDecisions implements Audit, DecisionDesk {
  readonly #audit: Audit;
  readonly #rows = new Map<string, DecisionRow>();
  readonly #minutes = new Map<number, Minute>();
  #changes = 0;

  constructor(audit: Audit) {
    this.#audit = audit;
  }

  decided(decision: Decision): void {
    this.#audit.decided(decision);
    const at = Date.now();
    this.#rows.set(decision.id, rowOf(decision, at));
    const [oldest] = this.#rows.keys();
    if (this.#rows.size > MAX_ROWS && oldest !== undefined) this.#rows.delete(oldest);
    this.#count(Math.floor(at / MINUTE_MS), decision.verdict);
    this.#changes++;
  }

  ended(ending: Ending): void {
    this.#audit.ended(ending);
    const row = this.#rows.get(ending.id);
    if (row === undefined) return;
    const { outcome, exitCode, durationMs, code = row.code } = ending;
    this.#rows.set(ending.id, { ...row, outcome, exitCode, durationMs, code });
    this.#changes++;
  }

  async find({ before, limit, ...filter }: DecisionFilter): Promise<DecisionPage> {
    const all = [...this.#rows.values()].reverse();
    const from = before === undefined ? 0 : all.findIndex(({ id }) => id === before) + 1;
    const rows = all.slice(from).filter((row) => isWanted(row, filter));
    return Promise.resolve({ rows: rows.slice(0, limit), more: rows.length > limit });
  }

  revision(): number {
    return this.#changes;
  }

  activity(from: number, count: number): readonly Activity[] {
    const part = (Date.now() - from) / count;
    const parts = Array.from({ length: count }, (_, index) => ({ at: from + index * part, permitted: 0, denied: 0 }));
    for (const [minute, { permitted, denied }] of this.#minutes) {
      const one = parts[Math.min(count - 1, Math.floor((minute * MINUTE_MS + MINUTE_MS / 2 - from) / part))];
      if (one === undefined) continue;
      one.permitted += permitted;
      one.denied += denied;
    }
    return parts;
  }

  #count(minute: number, verdict: Decision["verdict"]): void {
    const known = this.#minutes.get(minute) ?? { permitted: 0, denied: 0 };
    if (verdict === "permit") known.permitted++;
    else known.denied++;
    this.#minutes.set(minute, known);
    const [oldest] = this.#minutes.keys();
    if (this.#minutes.size > MAX_MINUTES && oldest !== undefined) this.#minutes.delete(oldest);
  }
}

/** Texts are looked for anywhere in the row's own. */
function isWanted(row: DecisionRow, wanted: Omit<DecisionFilter, "before" | "limit">): boolean {
  const has = (value: string | undefined, text: string | undefined): boolean =>
    text === undefined || (value ?? "").includes(text);
  return (
    has(row.project, wanted.project) &&
    has(row.operation, wanted.operation) &&
    has(row.session, wanted.session) &&
    (wanted.verdict === undefined || row.verdict === wanted.verdict)
  );
}
