import { COMPLETE_NUMBER, isDigit, nextNumberPart, type NumberPart } from "./json-number.ts";
import { MAX_JSON_DEPTH, MAX_JSON_KEY_BYTES } from "./limits.ts";

/**
 * A strict JSON scanner that is fed bytes as they come and keeps its place between chunks, so that the end of a value, or
 * the first wrong byte, is found at once and every byte is looked at once. It refuses what `JSON.parse` lets pass and
 * what two parsers may read differently: duplicate members, `__proto__`, lone surrogates, unbounded depth.
 * Source of the rules: RFC 8259, and "the checker itself" in the threat model.
 */
export type ScanResult =
  | { readonly state: "more" }
  /** `end`: offset of the first byte behind the value. */
  | { readonly state: "done"; readonly end: number }
  | { readonly state: "wrong"; readonly fault: JsonFault };

export interface JsonFault {
  readonly kind: "syntax" | "duplicate_key" | "depth";
  readonly message: string;
  /** Byte offset from the start of the text. */
  readonly offset: number;
  /** JSON pointer of the innermost object or array. */
  readonly pointer: string;
}

interface ObjectFrame {
  readonly kind: "object";
  readonly keys: Set<string>;
  /** The member that is being read, once its name is known. */
  key: string | undefined;
}
interface ArrayFrame {
  readonly kind: "array";
  index: number;
}
type Frame = ObjectFrame | ArrayFrame;

type State =
  | "value"
  | "first_key"
  | "key"
  | "colon"
  | "after_value"
  | "first_item"
  | "string"
  | "escape"
  | "unicode"
  | "literal"
  | "number"
  | "done";

const SPACE = new Set([0x20, 0x09, 0x0a, 0x0d]);
const LITERALS = new Map([
  [0x74, "true"],
  [0x66, "false"],
  [0x6e, "null"],
]);
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

export function isJsonSpace(byte: number): boolean {
  return SPACE.has(byte);
}

function describeByte(byte: number): string {
  return byte > 0x20 && byte < 0x7f ? `'${String.fromCharCode(byte)}'` : `byte 0x${byte.toString(16).padStart(2, "0")}`;
}

export class JsonScanner {
  readonly #stack: Frame[] = [];
  #state: State = "value";
  #offset = 0;
  #inKey = false;
  #keyBytes: number[] = [];
  #literal = "";
  #literalAt = 0;
  #number: NumberPart = "minus";
  #hex = "";
  #highSurrogate = false;

  /** Offset of the next byte to be read. */
  get offset(): number {
    return this.#offset;
  }

  /** Reads a chunk; bytes behind the end of the value are not looked at. Not to be called again after done or wrong. */
  write(chunk: Uint8Array): ScanResult {
    for (const byte of chunk) {
      // A number ends at the first byte that is not part of it; that byte is then read again.
      if (this.#state === "number") {
        const next = nextNumberPart(this.#number, byte);
        if (next !== undefined) {
          this.#number = next;
          this.#offset++;
          continue;
        }
        if (!COMPLETE_NUMBER.has(this.#number)) return this.#wrong("syntax", `${describeByte(byte)} inside a number`);
        this.#endValue();
        if (this.#isDone()) return { state: "done", end: this.#offset };
      }
      const fault = this.#step(byte);
      if (fault !== undefined) return fault;
      this.#offset++;
      if (this.#isDone()) return { state: "done", end: this.#offset };
    }
    return { state: "more" };
  }

  #isDone(): boolean {
    return this.#state === "done";
  }

  /** Tells the scanner that no byte follows: a number at top level ends here, everything else is cut short. */
  end(): ScanResult {
    if (this.#state === "number" && this.#stack.length === 0 && COMPLETE_NUMBER.has(this.#number)) {
      this.#endValue();
      return { state: "done", end: this.#offset };
    }
    return this.#wrong("syntax", "unexpected EOF");
  }

  #wrong(kind: JsonFault["kind"], message: string): ScanResult {
    return { state: "wrong", fault: { kind, message, offset: this.#offset, pointer: this.#pointer() } };
  }

  #unexpected(byte: number, expected: string): ScanResult {
    return this.#wrong("syntax", `${describeByte(byte)} where ${expected} is expected`);
  }

  #pointer(): string {
    return this.#stack
      .map((frame) =>
        frame.kind === "object" ? frame.key?.replaceAll("~", "~0").replaceAll("/", "~1") : String(frame.index),
      )
      .map((part) => (part === undefined ? "" : `/${part}`))
      .join("");
  }

  #step(byte: number): ScanResult | undefined {
    switch (this.#state) {
      case "string":
        return this.#stringByte(byte);
      case "escape":
        return this.#escapeByte(byte);
      case "unicode":
        return this.#unicodeByte(byte);
      case "literal":
        return this.#literalByte(byte);
      default:
        return SPACE.has(byte) ? undefined : this.#structureByte(byte);
    }
  }

  #structureByte(byte: number): ScanResult | undefined {
    switch (this.#state) {
      case "first_item":
        if (byte === 0x5d) return this.#close();
        return this.#valueByte(byte);
      case "first_key":
        if (byte === 0x7d) return this.#close();
        return this.#keyQuote(byte);
      case "key":
        return this.#keyQuote(byte);
      case "colon":
        if (byte !== 0x3a) return this.#unexpected(byte, "':'");
        this.#state = "value";
        return undefined;
      case "after_value":
        return this.#separatorByte(byte);
      default:
        return this.#valueByte(byte);
    }
  }

  #valueByte(byte: number): ScanResult | undefined {
    if (byte === 0x7b) return this.#open({ kind: "object", keys: new Set(), key: undefined }, "first_key");
    if (byte === 0x5b) return this.#open({ kind: "array", index: 0 }, "first_item");
    if (byte === QUOTE) {
      this.#inKey = false;
      this.#state = "string";
      return undefined;
    }
    const literal = LITERALS.get(byte);
    if (literal !== undefined) {
      this.#literal = literal;
      this.#literalAt = 1;
      this.#state = "literal";
      return undefined;
    }
    if (byte === 0x2d || isDigit(byte)) {
      this.#number = byte === 0x2d ? "minus" : byte === 0x30 ? "zero" : "digits";
      this.#state = "number";
      return undefined;
    }
    return this.#unexpected(byte, "a value");
  }

  #keyQuote(byte: number): ScanResult | undefined {
    if (byte !== QUOTE) return this.#unexpected(byte, "a member name");
    this.#inKey = true;
    this.#keyBytes = [];
    this.#state = "string";
    return undefined;
  }

  #separatorByte(byte: number): ScanResult | undefined {
    const frame = this.#stack.at(-1);
    if (frame?.kind === "object") {
      if (byte === 0x7d) return this.#close();
      if (byte !== 0x2c) return this.#unexpected(byte, "',' or '}'");
      frame.key = undefined;
      this.#state = "key";
      return undefined;
    }
    if (byte === 0x5d) return this.#close();
    if (byte !== 0x2c) return this.#unexpected(byte, "',' or ']'");
    if (frame !== undefined) frame.index++;
    this.#state = "value";
    return undefined;
  }

  #open(frame: Frame, state: State): ScanResult | undefined {
    if (this.#stack.length >= MAX_JSON_DEPTH) return this.#wrong("depth", `nested deeper than ${MAX_JSON_DEPTH}`);
    this.#stack.push(frame);
    this.#state = state;
    return undefined;
  }

  #close(): ScanResult | undefined {
    this.#stack.pop();
    this.#endValue();
    return undefined;
  }

  #endValue(): void {
    this.#state = this.#stack.length === 0 ? "done" : "after_value";
  }

  #stringByte(byte: number): ScanResult | undefined {
    if (this.#highSurrogate && byte !== BACKSLASH) return this.#wrong("syntax", "lone surrogate escape");
    if (byte < 0x20) return this.#wrong("syntax", `${describeByte(byte)} inside a string; write it as an escape`);
    if (byte === QUOTE) return this.#endString();
    const tooLong = this.#keepKeyByte(byte);
    if (tooLong !== undefined) return tooLong;
    if (byte === BACKSLASH) this.#state = "escape";
    return undefined;
  }

  #escapeByte(byte: number): ScanResult | undefined {
    if (byte === 0x75) {
      this.#hex = "";
      this.#state = "unicode";
    } else {
      if (this.#highSurrogate) return this.#wrong("syntax", "lone surrogate escape");
      if (!'"\\/bfnrt'.includes(String.fromCharCode(byte)))
        return this.#wrong("syntax", `unknown escape ${describeByte(byte)}`);
      this.#state = "string";
    }
    return this.#keepKeyByte(byte);
  }

  #unicodeByte(byte: number): ScanResult | undefined {
    const character = String.fromCharCode(byte);
    if (!/^[0-9a-fA-F]$/.test(character)) return this.#unexpected(byte, "a hexadecimal digit");
    this.#hex += character;
    const tooLong = this.#keepKeyByte(byte);
    if (tooLong !== undefined || this.#hex.length < 4) return tooLong;
    const unit = Number.parseInt(this.#hex, 16);
    const isLow = unit >= 0xdc00 && unit <= 0xdfff;
    if (isLow !== this.#highSurrogate) return this.#wrong("syntax", "lone surrogate escape");
    this.#highSurrogate = unit >= 0xd800 && unit <= 0xdbff;
    this.#state = "string";
    return undefined;
  }

  #keepKeyByte(byte: number): ScanResult | undefined {
    if (!this.#inKey) return undefined;
    if (this.#keyBytes.length >= MAX_JSON_KEY_BYTES) {
      return this.#wrong("syntax", `member name longer than ${MAX_JSON_KEY_BYTES} bytes`);
    }
    this.#keyBytes.push(byte);
    return undefined;
  }

  #endString(): ScanResult | undefined {
    if (!this.#inKey) {
      this.#endValue();
      return undefined;
    }
    const frame = this.#stack.at(-1);
    const key: unknown = JSON.parse(`"${Buffer.from(this.#keyBytes).toString("utf8")}"`);
    if (frame?.kind === "object" && typeof key === "string") {
      frame.key = key;
      if (key === "__proto__") return this.#wrong("duplicate_key", 'member "__proto__" is refused');
      if (frame.keys.has(key)) return this.#wrong("duplicate_key", `duplicate member ${JSON.stringify(key)}`);
      frame.keys.add(key);
    }
    this.#state = "colon";
    return undefined;
  }

  #literalByte(byte: number): ScanResult | undefined {
    if (byte !== this.#literal.charCodeAt(this.#literalAt)) return this.#unexpected(byte, this.#literal);
    this.#literalAt++;
    if (this.#literalAt === this.#literal.length) this.#endValue();
    return undefined;
  }
}
