import { KeyBlock } from "./key-block.ts";
import { LEAST_SECRET } from "./known-secret.ts";
import { Look, type Mark, type RuleBook } from "./rule-book.ts";

/** Masks one stream of bytes as it comes. What comes out does not depend on how it was cut. */
export interface StreamRedactor {
  /** Places that were masked so far. */
  readonly count: number;
  /** Takes what comes, and gives what may leave: never a byte that could still turn out to belong to a secret. */
  write(bytes: Buffer): Buffer;
  /** The rest, once nothing comes any more. */
  end(): Buffer;
}

const NONE = Buffer.alloc(0);
const NO_MASK = Buffer.alloc(0);
/** The end of a line, for what has nothing before it. */
const START = 0x0a;

/**
 * Masks known secrets and secrets of known kinds. Keeps back what could be the beginning of one, and the word that has not ended: at most the longest that
 * is looked for.
 * Of a private key it keeps nothing, however long it is.
 */
export class Redactor implements StreamRedactor {
  readonly #book: RuleBook;
  #held = NONE;
  /** The byte before what is held. */
  #behind = START;
  /** How much of what is held a mask stands for already. */
  #covered = 0;
  /** Found, but not reached yet; places in what is held. */
  #marks: Mark[] = [];
  /** The mask that was found last: within, only known secrets are looked for. */
  #masked = { from: 0, to: 0 };
  #key: KeyBlock | undefined;
  #count = 0;

  constructor(book: RuleBook) {
    this.#book = book;
  }

  get count(): number {
    return this.#count;
  }

  write(bytes: Buffer): Buffer {
    if (bytes.length === 0) return NONE;
    return this.#take(this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]), false);
  }

  end(): Buffer {
    return this.#take(this.#held, true);
  }

  /** The rest, of a text whose end was left out: what may be the beginning of a secret is masked as well. */
  cut(): Buffer {
    const held = this.#held;
    const mask = held.length - this.#covered < LEAST_SECRET ? undefined : this.#book.maskOfBeginning(held, 0);
    if (mask === undefined) return this.end();
    this.#count++;
    return mask;
  }

  #take(data: Buffer, final: boolean): Buffer {
    const stop = this.#look(data, final);
    const free = this.#release(data, stop);
    if (stop > 0) this.#behind = data[stop - 1] ?? START;
    const { from, to } = this.#masked;
    this.#masked = { from: from - stop, to: to - stop };
    // Copied: a few bytes are not to keep a whole chunk alive.
    this.#held = stop === data.length ? NONE : Buffer.from(data.subarray(stop));
    return free;
  }

  /** Finds what is to be masked, and says up to where everything is known. */
  #look(data: Buffer, final: boolean): number {
    const look = new Look(data, final);
    let at = 0;
    for (;;) {
      if (this.#key !== undefined) {
        const { to, over } = this.#key.take(data, at, final);
        // An empty mask: the key's first line has one already.
        if (to > at) this.#marks.push({ from: at, to, mask: NO_MASK });
        at = to;
        if (!over) return at;
        this.#key = undefined;
      }
      const place = this.#book.next(data, at);
      if (place < 0) return final ? data.length : Math.min(this.#book.tail(data, at), this.#book.lastWord(data));
      const behind = place === 0 ? this.#behind : (data[place - 1] ?? START);
      const verdict = this.#book.judge(look, place, behind, !this.#isMasked(place));
      if (verdict.kind === "open") return Math.min(place, this.#book.lastWord(data));
      at = place + 1;
      if (verdict.kind === "nothing") continue;
      this.#marks.push(...verdict.marks);
      for (const { from, to } of verdict.marks) if (to > this.#masked.to) this.#masked = { from, to };
      if (!verdict.opensKey) continue;
      this.#key = new KeyBlock();
      at = verdict.marks[0]?.to ?? at;
    }
  }

  #isMasked(place: number): boolean {
    return place >= this.#masked.from && place < this.#masked.to;
  }

  /** What lies before `stop`, with its masks. Masks that overlap become one, the first one's. */
  #release(data: Buffer, stop: number): Buffer {
    if (this.#marks.length === 0 && this.#covered === 0) return stop === data.length ? data : data.subarray(0, stop);
    const out: Buffer[] = [];
    let done = Math.min(this.#covered, stop);
    let covered = this.#covered;
    const marks = this.#marks.sort((a, b) => a.from - b.from);
    const reached = marks.findIndex(({ from }) => from >= stop);
    const now = reached < 0 ? marks : marks.slice(0, reached);
    for (const { from, to, mask } of now) {
      if (from >= covered && mask !== NO_MASK) {
        out.push(data.subarray(done, from), mask);
        this.#count++;
      }
      covered = Math.max(covered, to);
      done = Math.max(done, Math.min(covered, stop));
    }
    out.push(data.subarray(done, stop));
    this.#marks = marks.slice(now.length).map(({ from, to, mask }) => ({ from: from - stop, to: to - stop, mask }));
    this.#covered = Math.max(0, covered - stop);
    return Buffer.concat(out);
  }
}
