import { formsOf, type KnownSecret } from "./known-secret.ts";
import { HEAD_BYTES, LiteralSearch, type Literal } from "./literals.ts";
import { RULES } from "./rules.ts";
import { runEnd, type Rule } from "./rule.ts";

/** A place to mask; `from` and `to` are in the data that was looked at. */
export interface Mark {
  readonly from: number;
  readonly to: number;
  /** What stands in its place. */
  readonly mask: Buffer;
}

/** What a place is: `open` when more has to be seen to know. */
export type Verdict =
  | { readonly kind: "nothing" }
  | { readonly kind: "open" }
  | { readonly kind: "found"; readonly marks: readonly Mark[]; readonly opensKey: boolean };

interface SecretForm {
  readonly kind: "secret";
  readonly mask: Buffer;
}
interface RuleStart {
  readonly kind: "rule";
  readonly rule: Rule;
  readonly mask: Buffer;
}
type Stands = SecretForm | RuleStart;

/** Where a word ends. */
const BREAKS: ReadonlySet<number> = new Set(Buffer.from(" \t\r\n"));

const NOTHING: Verdict = { kind: "nothing" };
const OPEN: Verdict = { kind: "open" };

/** What stands in place of a secret. */
export function maskOf(rule: string): Buffer {
  return Buffer.from(`[redacted:${rule}]`);
}

/** How secrets of every kind begin. */
const STARTS: readonly Literal<RuleStart>[] = RULES.flatMap((rule) => {
  const stands: RuleStart = { kind: "rule", rule, mask: maskOf(rule.id) };
  return rule.starts.map((start) => ({ bytes: Buffer.from(start), stands }));
});

/** One look at some data: what was found out about it is not found out again, so that no text makes a search slow. */
export class Look {
  readonly data: Buffer;
  /** Nothing comes behind the data. */
  readonly final: boolean;
  /** Of each rule: a stretch of its alphabet. */
  readonly #runs = new Map<Rule, { from: number; to: number }>();
  /** Of each rule: where what it needs stands next. */
  readonly #needed = new Map<Rule, number>();

  constructor(data: Buffer, final: boolean) {
    this.data = data;
    this.final = final;
  }

  /** Where the bytes that belong to a rule's alphabet end, at the limit at last. */
  runEnd(rule: Rule, begin: number, limit: number): number {
    const run = this.#runs.get(rule);
    const isKnown = run !== undefined && run.from <= begin && begin <= run.to;
    if (isKnown && run.to >= limit) return limit;
    const to = runEnd(this.data, isKnown ? run.to : begin, limit, rule.alphabet);
    this.#runs.set(rule, { from: isKnown ? run.from : begin, to });
    return to;
  }

  /** True when what a rule needs begins between two places. */
  hasNeeded(rule: Rule, from: number, to: number): boolean {
    if (rule.needs === undefined) return true;
    let next = this.#needed.get(rule) ?? -1;
    if (next < from) {
      const at = this.data.indexOf(rule.needs, from);
      next = at < 0 ? this.data.length : at;
      this.#needed.set(rule, next);
    }
    return next < to;
  }
}

/** Everything that is looked for in one run: kinds of secrets, and known ones in every form. */
export class RuleBook {
  readonly #search: LiteralSearch<Stands>;
  /** Bytes of the longest form of a known secret. */
  readonly #longest: number;

  /** @param off rules that are switched off */
  constructor(secrets: readonly KnownSecret[], off: ReadonlySet<string>) {
    const known = secrets
      .filter(({ kind }) => !off.has(kind))
      .flatMap(({ kind, value }) => {
        const stands: SecretForm = { kind: "secret", mask: maskOf(kind) };
        return formsOf(value).map((bytes) => ({ bytes, stands }));
      });
    this.#longest = known.reduce((most, { bytes }) => Math.max(most, bytes.length), 0);
    this.#search = new LiteralSearch<Stands>([...known, ...STARTS.filter(({ stands }) => !off.has(stands.rule.id))]);
  }

  /** The first place that is worth a look; -1 when there is none. */
  next(data: Buffer, from: number): number {
    return this.#search.next(data, from);
  }

  /** Where the last bytes begin that may be the beginning of something. */
  tail(data: Buffer, from: number): number {
    return this.#search.tail(data, from);
  }

  /**
   * Where the last word begins: it is kept back until it ends, whether it is the beginning of a known secret or not. If only such a beginning were,
   * whoever makes a program write beginnings would see by what comes late which one is right, and find a secret out, a letter at a time.
   */
  lastWord(data: Buffer): number {
    const least = Math.max(0, data.length - this.#longest + 1);
    let at = data.length;
    while (at > least && !BREAKS.has(data[at - 1] ?? 0)) at--;
    return at;
  }

  /** What stands for a secret of which only the beginning is there; nothing when it cannot be one. @param place one that `next` gave */
  maskOfBeginning(data: Buffer, place: number): Buffer | undefined {
    return this.#search.at(data, place).find(({ bytes }) => standsAt(bytes, data, place) !== "not")?.stands.mask;
  }

  /**
   * What stands at a place that `next` gave.
   * @param behind the byte before it
   * @param rules false: known secrets only, for what lies within a mask
   */
  judge(look: Look, place: number, behind: number, rules: boolean): Verdict {
    let marks: readonly Mark[] | undefined;
    for (const literal of this.#search.at(look.data, place)) {
      const { stands } = literal;
      if (!rules && stands.kind === "rule") continue;
      const there = standsAt(literal.bytes, look.data, place);
      if (there === "not") continue;
      const verdict =
        there === "cut"
          ? look.final
            ? NOTHING
            : OPEN
          : stands.kind === "rule"
            ? judgeRule(stands, look, place, place + literal.bytes.length, behind)
            : found(place, place + literal.bytes.length, stands.mask, false);
      if (verdict === OPEN) return OPEN;
      if (verdict.kind !== "found") continue;
      if (verdict.opensKey) return verdict;
      marks = [...(marks ?? []), ...verdict.marks];
    }
    return marks === undefined ? NOTHING : { kind: "found", marks, opensKey: false };
  }
}

function found(from: number, to: number, mask: Buffer, opensKey: boolean): Verdict {
  return { kind: "found", marks: [{ from, to, mask }], opensKey };
}

/** Whether a literal stands at a place; `cut` when the data ends within it. */
function standsAt(literal: Buffer, data: Buffer, place: number): "whole" | "cut" | "not" {
  const there = Math.min(literal.length, data.length - place);
  for (let at = HEAD_BYTES; at < there; at++) if (literal[at] !== data[place + at]) return "not";
  return there === literal.length ? "whole" : "cut";
}

function judgeRule({ rule, mask }: RuleStart, look: Look, place: number, after: number, behind: number): Verdict {
  if (rule.notBehind?.[behind] === 1) return NOTHING;
  const { data, final } = look;
  const limit = Math.min(data.length, place + rule.most);
  const begin = rule.lead === undefined ? after : runEnd(data, after, limit, rule.lead);
  const end = look.runEnd(rule, begin, limit);
  // One byte behind it has to be seen, too: a token that is too long is none.
  if (end === data.length && !final) return OPEN;
  if (!look.hasNeeded(rule, begin, end)) return NOTHING;
  const text = data.toString("latin1", place, end + 1);
  rule.pattern.lastIndex = 0;
  const match = rule.pattern.exec(text);
  if (match === null) return NOTHING;
  const [whole, ...groups] = match;
  if (groups.length === 0) return found(place, place + whole.length, mask, rule.opensKey);
  const [first, last] = groupSpan(rule, text);
  return found(place + first, place + last, mask, false);
}

/** Where the first group stands; asked for only when there is something, since it costs more than to find out. */
function groupSpan({ pattern }: Rule, text: string): readonly [number, number] {
  const [, span] = new RegExp(pattern.source, "dy").exec(text)?.indices ?? [];
  return span ?? [0, text.length];
}
