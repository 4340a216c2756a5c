import { alphabet, runEnd } from "./rule.ts";

/** A line of a key is longer than this, but for its last one. */
const LONG = 20;
const MOST_BLANKS = 64;
const MOST_MARKER = 90;
const MOST_HEADER = 160;
const MOST_ESCAPE = 8;
/** The last line, and a checksum. */
const MOST_SHORT = 2;
const BASE64 = alphabet("A-Za-z0-9+/=");
const END = /-----END ?(?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?-----/y;
const END_BYTES = alphabet("A-Z0-9 -");
const HEADER = /[A-Za-z][A-Za-z-]{1,30}: ?[^\r\n\\]{0,120}/y;
const HEADER_NAME = alphabet("A-Za-z-");
const HEADER_BYTES = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte === 0x0a || byte === 0x0d || byte === 0x5c ? 0 : 1,
);
const [TAB, LF, CR, SPACE, DASH, COLON, BACKSLASH, LOWER_N, LOWER_R] = [9, 10, 13, 32, 45, 58, 92, 110, 114];

/** What comes next in a block, or that more has to be seen first. */
type Step =
  { readonly kind: "takes"; readonly to: number } | { readonly kind: "ends"; readonly to: number } | "more" | "not";

/** True when there is nothing but backslashes, which may become a line break. */
function mayEscape(data: Uint8Array, start: number): boolean {
  return data.length - start < MOST_ESCAPE && data.subarray(start).every((byte) => byte === BACKSLASH);
}

/**
 * What belongs to a private key behind its first line, looked at as it comes. A block ends with its last line, or where no key goes on: a key that was cut
 * off is masked as far as it goes, and a text that only mentions the first line goes on behind it. Keeps nothing of the key.
 */
export class KeyBlock {
  #inBody = false;
  #seenBody = false;
  #short = 0;

  /**
   * @param final nothing comes behind `data`
   * @returns how far the key goes in `data`, and whether that is its end; what lies behind has to be given again otherwise
   */
  take(data: Uint8Array, from: number, final: boolean): { readonly to: number; readonly over: boolean } {
    let at = from;
    for (;;) {
      if (this.#inBody) {
        at = runEnd(data, at, data.length, BASE64);
        if (at === data.length) return { to: at, over: final };
        this.#inBody = false;
      }
      const step = this.#step(data, at, final);
      if (step === "more") return { to: at, over: false };
      if (step === "not") return { to: at, over: true };
      at = step.to;
      if (step.kind === "ends") return { to: at, over: true };
    }
  }

  #step(data: Uint8Array, from: number, final: boolean): Step {
    const start = this.#blanks(data, from);
    if (start - from > MOST_BLANKS) return "not";
    if (data[start] === BACKSLASH) return !final && mayEscape(data, start) ? "more" : "not";
    if (start === data.length) return final ? "not" : "more";
    if (data[start] === DASH) return this.#marker(data, start, final);
    const end = runEnd(data, start, data.length, BASE64);
    if (end - start >= LONG) {
      this.#seenBody = true;
      this.#inBody = true;
      return { kind: "takes", to: end };
    }
    if (end === data.length && !final) return "more";
    if (!this.#seenBody) return this.#header(data, start, final);
    if (end === start || this.#short === MOST_SHORT) return "not";
    const next = data[end];
    if (next === SPACE && data[end + 1] !== DASH) return end + 1 === data.length && !final ? "more" : "not";
    this.#short++;
    return { kind: "takes", to: end };
  }

  /** Where blanks and line breaks end, also those that are written as `\n`. */
  #blanks(data: Uint8Array, from: number): number {
    let at = from;
    while (at < data.length && at - from <= MOST_BLANKS) {
      const byte = data[at];
      if (byte === TAB || byte === LF || byte === CR || byte === SPACE) {
        at++;
        continue;
      }
      if (byte !== BACKSLASH) break;
      let letter = at;
      while (data[letter] === BACKSLASH && letter - at < MOST_ESCAPE) letter++;
      if (data[letter] !== LOWER_N && data[letter] !== LOWER_R) break;
      at = letter + 1;
    }
    return at;
  }

  #marker(data: Uint8Array, start: number, final: boolean): Step {
    const end = runEnd(data, start, Math.min(data.length, start + MOST_MARKER), END_BYTES);
    END.lastIndex = 0;
    const match = END.exec(Buffer.from(data.buffer, data.byteOffset + start, end - start).toString("latin1"));
    if (match !== null) return { kind: "ends", to: start + match[0].length };
    return end === data.length && !final ? "more" : "not";
  }

  #header(data: Uint8Array, start: number, final: boolean): Step {
    const name = runEnd(data, start, Math.min(data.length, start + MOST_HEADER), HEADER_NAME);
    if (name === data.length && !final) return "more";
    if (data[name] !== COLON) return "not";
    const end = runEnd(data, name, Math.min(data.length, start + MOST_HEADER), HEADER_BYTES);
    if (end === data.length && !final) return "more";
    HEADER.lastIndex = 0;
    const match = HEADER.exec(Buffer.from(data.buffer, data.byteOffset + start, end - start).toString("latin1"));
    return match?.[0].length === end - start ? { kind: "takes", to: end } : "not";
  }
}
