import type { Blake3 } from "../util/hash.ts";
import { lineStart, linkText, MAX_LINE, SEAL_LENGTH, START, type Link } from "./chain.ts";
import type { Line } from "./log-lines.ts";
import { endsWithHash, hashedPart, parseStored, type Stored } from "./stored.ts";
import type { Damage, DamageKind } from "./verification.ts";

/** A record that continues the chain. */
export interface Linked {
  /** Where the chain stands behind it. */
  readonly link: Link;
  /** Only of notes. */
  readonly note: Stored | undefined;
}

/** Where a line stands. */
export interface Spot {
  readonly file: string;
  readonly line: number;
}

/** The hash that a line says it has; of a sound line only. */
function hashOf(line: Buffer): string {
  return line.toString("latin1", line.length - 66, line.length - 2);
}

/** Holds lines against the chain, one after the other. */
export class ChainCheck {
  readonly #hash: Blake3;
  #last: Link;
  /** Before the last one. */
  #before: Link = START;
  #isFirst = true;

  /** @param last what the first line has to continue; undefined takes the first record as it is */
  constructor(hash: Blake3, last: Link | undefined) {
    this.#hash = hash;
    this.#last = last ?? START;
    this.#isFirst = last === undefined;
  }

  /** What the first record named as the one before it. */
  #origin: Link | undefined;

  get origin(): Link | undefined {
    return this.#origin;
  }

  get last(): Link {
    return this.#last;
  }

  /** Undefined when the line does not continue the chain; `damage` says how. */
  follows({ bytes }: Line): Linked | undefined {
    const size = bytes.length;
    if (size > MAX_LINE) return undefined;
    if (this.#isFirst && !this.#begin(bytes)) return undefined;
    const start = lineStart(this.#last);
    if (bytes.toString("latin1", 0, start.length) !== start) return undefined;
    const hash = this.#hash(bytes.subarray(0, Math.max(0, size - SEAL_LENGTH)));
    if (!endsWithHash(bytes, hash)) return undefined;
    const isNote = bytes.toString("latin1", start.length, start.length + 5) === 'note"';
    // JSON of what the daemon wrote itself is only read where something is said in it.
    const note = isNote ? parseStored(bytes) : undefined;
    if (isNote && note === undefined) return undefined;
    this.#before = this.#last;
    this.#last = { seq: this.#last.seq + 1, hash };
    return { link: this.#last, note };
  }

  /** A log that was pruned begins somewhere. */
  #begin(bytes: Buffer): boolean {
    const record = parseStored(bytes);
    if (record === undefined || record.seq < 1 || !/^[0-9a-f]{64}$/.test(record.prev)) return false;
    this.#last = this.#origin = { seq: record.seq - 1, hash: record.prev };
    this.#isFirst = false;
    return true;
  }

  /**
   * What is wrong with the line that does not follow.
   * @param spots where it stands, and where the line before it does
   * @param later lines behind it, for a look at whether what is missing comes later
   */
  damage({ bytes, isWhole }: Line, spots: readonly [Spot, Spot], isEnd: boolean, later: () => Iterable<Line>): Damage {
    const expected = this.#last.seq + 1;
    const [spot, previous] = spots;
    const found = (kind: DamageKind, what: string, seq = expected, at = spot): Damage => ({
      kind,
      ...at,
      seq,
      what,
    });
    const record = parseStored(bytes);
    if (!isWhole && isEnd)
      return found(
        "half_record",
        "The file ends in the middle of this record: a crash, which the daemon repairs when it starts, or somebody cut it.",
      );
    if (record === undefined || !isWhole)
      return found("not_json", "This line is no JSON object with the members of a record.");
    if (!this.#isSound(bytes))
      return found("edited", `The record does not have the hash that stands in it.`, record.seq);
    const { seq, prev } = record;
    if (prev === this.#before.hash && seq === this.#last.seq && seq > 0)
      return found(
        "inserted",
        `Record ${seq} comes twice: this one belongs here, the one before it was put in.`,
        seq,
        previous,
      );
    if (seq === expected)
      return found(
        "edited",
        `The record before it was changed, and its hash made anew: this record continues ${linkText({ seq: expected - 1, hash: prev })}.`,
        expected - 1,
        previous,
      );
    if (seq > expected)
      return this.#comesLater(later())
        ? found("reordered", `Record ${seq} stands where ${expected} belongs, which comes later.`, seq)
        : found(
            "cut_in_middle",
            `Record ${seq} follows record ${expected - 1}: ${seq - expected} between them are missing.`,
          );
    return found(
      seq === this.#last.seq && hashOf(bytes) === this.#last.hash ? "inserted" : "reordered",
      `Record ${seq} stands where ${expected} belongs.`,
      seq,
    );
  }

  #isSound(bytes: Buffer): boolean {
    return bytes.length <= MAX_LINE && endsWithHash(bytes, this.#hash(hashedPart(bytes)));
  }

  /** Whether the record that is expected comes in one of these lines. */
  #comesLater(lines: Iterable<Line>): boolean {
    const start = lineStart(this.#last);
    for (const { bytes } of lines) if (bytes.toString("latin1", 0, start.length) === start) return true;
    return false;
  }
}
