import { lstatSync, statSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { errnoOf } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";
import { fastBlake3, type Blake3 } from "../util/hash.ts";
import { ChainCheck, type Linked } from "./chain-check.ts";
import { linkText, START, type Link } from "./chain.ts";
import { readHead, type Head } from "./head.ts";
import { soundRecord } from "./log-end.ts";
import { linesFrom, type Line } from "./log-lines.ts";
import { listLog, type LogName } from "./log-names.ts";
import { NOTES, type Note } from "./record.ts";
import { reading } from "./reading.ts";
import { readSigningKey } from "./signing-key.ts";
import { textOf, type Stored } from "./stored.ts";
import type { Damage, DamageKind, Noted, Verification } from "./verification.ts";

/** When something may only look like damage because the daemon was writing. */
const ATTEMPTS = 2;
const SETTLE_MS = 200;
/** A record that is being written, and files that are pruned between the look at the head and the look at the log. */
const PASSING = new Set<DamageKind>(["half_record", "rewritten"]);
const MAX_NOTES = 100;
/** Lines that are looked through for a record that is missing where it belongs. */
const MAX_LATER = 100_000;
/** Notes that an owner may want to know of although they are no damage. */
const WORTH_KNOWING = new Set<Note>([
  "repaired",
  "unsigned",
  "lost_power",
  "left_running",
  "clock_back",
  "interrupted",
  "sink_dropped",
]);

/** What a log is held against. */
export interface Against {
  readonly directory: string;
  readonly headFile: string;
  readonly keyFile: string;
  /** A head that was written down elsewhere. */
  readonly written: Link | undefined;
  /** A record that is known to be good; what stands before it is not looked at. */
  readonly from: Link | undefined;
}

function ofHead(kind: DamageKind, what: string, seq: number | undefined): Damage {
  return { kind, file: undefined, line: undefined, seq, what };
}

/** Reads a log from its beginning to its end. */
class Verifier {
  readonly #against: Against;
  readonly #head: Head | undefined;
  readonly #check: ChainCheck;
  readonly #hash: Blake3;
  readonly #files: readonly LogName[];
  readonly #notes: Noted[] = [];
  readonly #seen = new Map<number, string>();
  /** Numbers whose hash will be compared. */
  readonly #wanted: ReadonlySet<number>;
  #isAnchored = false;
  #records = 0;
  #bytes = 0;
  #first: number | undefined;
  #key: string | undefined;

  constructor(against: Against, head: Head | undefined, hash: Blake3) {
    this.#against = against;
    this.#head = head;
    this.#hash = hash;
    this.#check = new ChainCheck(hash, undefined);
    this.#files = listLog(against.directory);
    this.#wanted = new Set([head, against.written].flatMap((link) => (link === undefined ? [] : [link.seq])));
  }

  result(damage: Damage | undefined): Verification {
    const last = this.#records === 0 ? undefined : this.#check.last;
    return {
      files: this.#files.length,
      records: this.#records,
      bytes: this.#bytes,
      first: this.#first,
      last,
      head: this.#head,
      unsigned: Math.max(0, (last?.seq ?? 0) - (this.#head?.seq ?? 0)),
      damage,
      notes: this.#notes.slice(-MAX_NOTES),
    };
  }

  /** The chain of all files. */
  chain(): Damage | undefined {
    let isSkipping = this.#against.from !== undefined;
    let previous = { file: this.#files[0]?.name ?? "", line: 1 };
    for (const [index, file] of this.#files.entries()) {
      let number = 0;
      if (!lstatSync(file.path).isFile())
        return { kind: "no_file", file: file.name, line: undefined, seq: file.first, what: "It is no regular file." };
      for (const line of linesFrom(file.path)) {
        number++;
        if (isSkipping) {
          if (!this.#isFrom(line)) continue;
          isSkipping = false;
          this.#isAnchored = true;
        }
        const linked = this.#check.follows(line);
        if (linked === undefined || !line.isWhole) {
          const isEnd = index === this.#files.length - 1;
          const { isWhole, offset } = line;
          const kept: Line = { bytes: Buffer.from(line.bytes), isWhole, offset };
          return this.#check.damage(kept, [{ file: file.name, line: number }, previous], isEnd, () =>
            this.#behind(index, line),
          );
        }
        previous = { file: file.name, line: number };
        this.#took(linked, line);
        if (linked.note === undefined) continue;
        const damage = this.#noted(linked.note, file.name, number);
        if (damage !== undefined) return damage;
      }
    }
    if (isSkipping)
      return ofHead("cut_at_beginning", "The record of --from is not in the log.", this.#against.from?.seq);
    return this.#beginning();
  }

  #isFrom({ bytes }: Line): boolean {
    const record = soundRecord(bytes, this.#hash);
    return record?.seq === this.#against.from?.seq && record?.hash === this.#against.from?.hash;
  }

  #took({ link: { seq, hash } }: Linked, { bytes }: Line): void {
    this.#records++;
    this.#bytes += bytes.length + 1;
    this.#first ??= seq;
    if (this.#wanted.has(seq)) this.#seen.set(seq, hash);
  }

  *#behind(index: number, { offset, bytes }: Line): Generator<Line> {
    let left = MAX_LATER;
    for (const [at, { path }] of this.#files.entries()) {
      if (at < index) continue;
      for (const line of linesFrom(path, at === index ? offset + bytes.length + 1 : 0)) {
        if (--left < 0) return;
        yield line;
      }
    }
  }

  #noted(record: Stored, file: string, line: number): Damage | undefined {
    const name = textOf(record, "note");
    if (!Object.hasOwn(NOTES, name)) return undefined;
    const note = name as Note;
    const { seq } = record;
    const spot = { file, line, seq };
    if (note === "pruned") this.#isAnchored ||= textOf(record, "through") === this.#originText();
    if (note === "started") {
      const key = textOf(record, "key");
      const old = this.#key;
      this.#key = key;
      if (old !== undefined && old !== key)
        return { kind: "key_replaced", ...spot, what: "From here on another key signs than before." };
    }
    if (NOTES[note].trouble)
      return { kind: "noted", ...spot, what: `The daemon noted at ${textOf(record, "time")}: ${NOTES[note].about}.` };
    if (WORTH_KNOWING.has(note)) this.#notes.push({ note, ...spot, time: textOf(record, "time") });
    if (this.#notes.length > 2 * MAX_NOTES) this.#notes.splice(0, MAX_NOTES);
    return undefined;
  }

  #originText(): string {
    return linkText(this.#check.origin ?? START);
  }

  /** A log begins with record 1, or behind what it says was pruned. */
  #beginning(): Damage | undefined {
    const { origin } = this.#check;
    if (origin === undefined || this.#isAnchored || this.#originText() === linkText(START)) return undefined;
    const [file] = this.#files;
    return {
      kind: "cut_at_beginning",
      file: file?.name,
      line: 1,
      seq: origin.seq + 1,
      what: `The log begins with record ${origin.seq + 1}, and no record says that those before it were pruned.`,
    };
  }

  /** The signed head against the chain that was read. It is renewed before its record is pruned. */
  holdsSigned(link: Link): Damage | undefined {
    const first = this.#first ?? 0;
    if (first > 1 && link.seq < first && this.#against.from === undefined)
      return ofHead(
        "rewritten",
        `The signed head names record ${link.seq}, and the log begins with record ${first}.`,
        link.seq,
      );
    return this.holds(link, "cut_at_end", "The signed head");
  }

  /** A head against the chain that was read. @param short the kind of damage when the log ends before it */
  holds(link: Link, short: DamageKind, name: string): Damage | undefined {
    const last = this.#records === 0 ? 0 : this.#check.last.seq;
    if (link.seq > last)
      return ofHead(short, `${name} names record ${link.seq}, and the log ends with record ${last}.`, last + 1);
    const found = this.#seen.get(link.seq);
    if (found === undefined && link.seq < (this.#first ?? 0)) return undefined; // pruned, or before --from
    if (found === link.hash || (link.seq === 0 && link.hash === START.hash)) return undefined;
    return ofHead("rewritten", `${name} names another record ${link.seq} than the one in the log.`, link.seq);
  }

  /** The key that signed against the one of the file and the one that the log names. */
  keyDamage(publicKey: string | undefined): Damage | undefined {
    const head = this.#head;
    if (head === undefined) return undefined;
    if (publicKey !== undefined && head.key !== publicKey)
      return ofHead("key_replaced", "The head was signed by another key than the one in the key file.", head.seq);
    if (this.#key !== undefined && head.key !== this.#key)
      return ofHead("key_replaced", "The head was signed by another key than the one that the log names.", head.seq);
    return undefined;
  }
}

/** What is wrong with the head itself. */
function headDamage(found: ReturnType<typeof readHead>, headFile: string, hasRecords: boolean): Damage | undefined {
  if (found.head !== undefined || (!hasRecords && !found.isForged)) return undefined;
  return found.isForged
    ? ofHead(
        "signature_wrong",
        `${printable(headFile)} holds nothing that is signed by the key that it names.`,
        undefined,
      )
    : ofHead("head_missing", `${printable(headFile)} is not there.`, undefined);
}

async function verifyOnce(against: Against, hash: Blake3): Promise<Verification> {
  // Before the log: a head may not be newer than what is read.
  const found = readHead(against.headFile);
  const key = readSigningKey(against.keyFile);
  const verifier = new Verifier(against, found.head, hash);
  const damage =
    verifier.chain() ??
    headDamage(found, against.headFile, verifier.result(undefined).records > 0) ??
    verifier.keyDamage(key?.publicKey) ??
    (found.head === undefined ? undefined : verifier.holdsSigned(found.head)) ??
    (against.written === undefined ? undefined : verifier.holds(against.written, "rolled_back", "The head of --head"));
  return Promise.resolve(verifier.result(damage));
}

/**
 * Verifies a log: its chain, its signed head, and a head that was written down elsewhere. Reads it in pieces, also while a daemon writes to it.
 * @throws CodedError `audit_unreadable`
 */
export async function verifyLog(against: Against): Promise<Verification> {
  const hash = await fastBlake3();
  return reading(async () => {
    statSync(against.directory);
    for (let attempt = 1; ; attempt++) {
      const verification = await verifyOnce(against, hash).catch((error: unknown) => {
        // A file that the daemon pruned meanwhile.
        if (errnoOf(error) !== "ENOENT" || attempt === ATTEMPTS) throw error;
        return undefined;
      });
      const kind = verification?.damage?.kind;
      if (verification !== undefined && (kind === undefined || !PASSING.has(kind) || attempt === ATTEMPTS))
        return verification;
      await sleep(SETTLE_MS);
    }
  });
}
