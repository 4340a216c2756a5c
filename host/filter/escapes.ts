type State = "text" | "escape" | "intermediate" | "csi" | "string" | "string_escape";

const BELL = 0x07;
const LINE_FEED = 0x0a;
const CANCEL = 0x18;
const SUBSTITUTE = 0x1a;
const ESCAPE = 0x1b;
const DELETE = 0x7f;
/** First byte of U+0080 to U+00BF; the second is the character's own number. */
const C1_LEAD = 0xc2;
const NEXT_LINE = 0x85;
const STRING_TERMINATOR = 0x9c;
/** What stands for `ESC [`, and for `ESC` with P, X, ], ^ and _, as one character. */
const C1_CSI = 0x9b;
const C1_STRINGS = new Set([0x90, 0x98, 0x9d, 0x9e, 0x9f]);
const STRINGS = new Set([0x50, 0x58, 0x5d, 0x5e, 0x5f]);

/** True for the second byte of a control character from U+0080 to U+009F that is left out. The next line is text like any other line end. */
function isC1(second: number): boolean {
  return second <= 0x9f && second !== NEXT_LINE;
}

/** The state behind a byte from 0x20 to 0x7e of a sequence that is no string. */
function behind(state: State, byte: number): State {
  if (state === "csi") return byte >= 0x40 ? "text" : "csi";
  if (byte < 0x30) return "intermediate";
  if (state === "intermediate") return "text";
  if (byte === 0x5b) return "csi";
  return STRINGS.has(byte) ? "string" : "text";
}

/**
 * Leaves terminal escapes out of UTF-8 text that comes in chunks of whole characters. Source: ECMA-48, and the way terminals read it: controls
 * inside a sequence count, CAN and SUB end it. Libraries for this are regular expressions over whole strings; here a sequence may be cut anywhere,
 * and nothing is collected. A string sequence (OSC, DCS …) ends at the end of its line at the latest: one that is never closed must not hide the
 * rest of the output.
 */
export class EscapeStripper {
  #state: State = "text";
  #found = false;

  /** True when something was left out. */
  get found(): boolean {
    return this.#found;
  }

  /** What is text of a chunk. */
  strip(chunk: Buffer): Buffer {
    if (this.#state === "text" && !chunk.includes(ESCAPE) && !chunk.includes(C1_LEAD)) return chunk;
    const text = Buffer.allocUnsafe(chunk.length);
    let length = 0;
    let at = 0;
    while (at < chunk.length) {
      const byte = chunk[at] ?? 0;
      const next = chunk[at + 1] ?? 0;
      const taken = this.#state === "text" ? this.#inText(byte, next) : this.#inSequence(byte, next);
      if (taken === 0) {
        text[length++] = byte;
        at++;
      } else at += taken;
    }
    return text.subarray(0, length);
  }

  /** How many bytes are left out from here on; 0 when this one is text. */
  #inText(byte: number, next: number): number {
    if (byte === ESCAPE) return this.#leaveOut("escape", 1);
    if (byte !== C1_LEAD || !isC1(next)) return 0;
    return this.#leaveOut(next === C1_CSI ? "csi" : C1_STRINGS.has(next) ? "string" : "text", 2);
  }

  #inSequence(byte: number, next: number): number {
    if (byte === CANCEL || byte === SUBSTITUTE) return this.#leaveOut("text", 1);
    if (this.#state === "string" || this.#state === "string_escape") return this.#inString(byte, next);
    if (byte === ESCAPE) return this.#leaveOut("escape", 1);
    if (byte >= 0x80) {
      // No part of a sequence: it was none, and this is text again.
      this.#state = "text";
      return this.#inText(byte, next);
    }
    if (byte < 0x20) return 0;
    return this.#leaveOut(byte === DELETE ? this.#state : behind(this.#state, byte), 1);
  }

  #inString(byte: number, next: number): number {
    if (byte === LINE_FEED) {
      this.#state = "text";
      return 0;
    }
    if (this.#state === "string_escape") {
      if (byte === 0x5c) return this.#leaveOut("text", 1);
      // Not ESC \, which ends the string: the ESC began a sequence of its own.
      this.#state = "escape";
      return this.#inSequence(byte, next);
    }
    if (byte === BELL) return this.#leaveOut("text", 1);
    if (byte === ESCAPE) return this.#leaveOut("string_escape", 1);
    return byte === C1_LEAD && next === STRING_TERMINATOR ? this.#leaveOut("text", 2) : 1;
  }

  #leaveOut(state: State, bytes: number): number {
    this.#found = true;
    this.#state = state;
    return bytes;
  }
}
