import { isJsonSpace } from "../../wire/json.ts";
import { GrowingBytes } from "./bytes.ts";

/** Which members are kept of an object; undefined is all of it. */
type Wanted = ReadonlyMap<string, Wanted> | undefined;

function wantedOf(paths: readonly (readonly string[])[]): Wanted {
  if (paths.some((path) => path.length === 0)) return undefined;
  const byName = new Map<string, (readonly string[])[]>();
  for (const [name = "", ...rest] of paths) byName.set(name, [...(byName.get(name) ?? []), rest]);
  return new Map([...byName].map(([name, rests]) => [name, wantedOf(rests)]));
}

const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a];
const [OPEN_OBJECT, CLOSE_OBJECT, OPEN_ARRAY, CLOSE_ARRAY] = [0x7b, 0x7d, 0x5b, 0x5d];
const COMMA_TEXT = Buffer.from(",");
const ENDS = new Set([COMMA, CLOSE_OBJECT, CLOSE_ARRAY]);

/** Walks over bytes that are known to be one JSON value with spaces around it, and cuts out what is wanted. */
class Cutter {
  readonly #bytes: Buffer;
  readonly #out = new GrowingBytes();
  #at = 0;
  /** Everything up to here was kept or dropped. */
  #settled = 0;
  #isWhole = true;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Undefined when nothing was left out. */
  cut(wanted: Wanted): Buffer | undefined {
    this.#space();
    this.#value(wanted);
    this.#keep(this.#bytes.length);
    return this.#isWhole ? undefined : this.#out.view();
  }

  #keep(to: number): void {
    this.#out.append(this.#bytes.subarray(this.#settled, to));
    this.#settled = to;
  }

  #space(): void {
    while (isJsonSpace(this.#bytes[this.#at] ?? 0)) this.#at++;
  }

  #string(): Buffer {
    const start = this.#at;
    this.#at++;
    while (this.#at < this.#bytes.length && this.#bytes[this.#at] !== QUOTE)
      this.#at += this.#bytes[this.#at] === BACKSLASH ? 2 : 1;
    this.#at++;
    return this.#bytes.subarray(start, this.#at);
  }

  #value(wanted: Wanted): void {
    const byte = this.#bytes[this.#at];
    if (byte === QUOTE) this.#string();
    else if (byte === OPEN_OBJECT && wanted !== undefined) this.#object(wanted);
    else if (byte === OPEN_ARRAY && wanted !== undefined) this.#array(wanted);
    else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) this.#whole();
    else this.#scalar();
  }

  #scalar(): void {
    while (this.#at < this.#bytes.length && !this.#endsScalar(this.#bytes[this.#at] ?? 0)) this.#at++;
  }

  #endsScalar(byte: number): boolean {
    return ENDS.has(byte) || isJsonSpace(byte);
  }

  /** Goes behind an object or array without looking at what is in it. */
  #whole(): void {
    let depth = 0;
    do {
      const byte = this.#bytes[this.#at];
      if (byte === QUOTE) {
        this.#string();
        continue;
      }
      if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) depth++;
      else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) depth--;
      this.#at++;
    } while (depth > 0 && this.#at < this.#bytes.length);
  }

  #array(wanted: Wanted): void {
    this.#at++;
    this.#space();
    while (this.#at < this.#bytes.length && this.#bytes[this.#at] !== CLOSE_ARRAY) {
      this.#value(wanted);
      this.#space();
      if (this.#bytes[this.#at] === COMMA) this.#at++;
      this.#space();
    }
    this.#at++;
  }

  /** A member goes with the space before it and the comma on one side of it. */
  #object(wanted: ReadonlyMap<string, Wanted>): void {
    this.#at++;
    this.#keep(this.#at);
    let first = true;
    for (;;) {
      const start = this.#at;
      this.#space();
      if (this.#bytes[this.#at] !== QUOTE) break;
      const name: unknown = JSON.parse(this.#string().toString("utf8"));
      this.#space();
      if (this.#bytes[this.#at] === COLON) this.#at++;
      this.#space();
      const isWanted = typeof name === "string" && wanted.has(name);
      if (isWanted) {
        if (!first) this.#out.append(COMMA_TEXT);
        first = false;
        this.#settled = start;
      }
      this.#value(isWanted ? wanted.get(name) : undefined);
      if (isWanted) this.#keep(this.#at);
      else this.#isWhole = false;
      this.#comma();
      this.#settled = this.#at;
    }
    this.#at++;
  }

  /** Goes behind the comma that follows, if one does; spaces before the closing brace stay. */
  #comma(): void {
    const before = this.#at;
    this.#space();
    this.#at = this.#bytes[this.#at] === COMMA ? this.#at + 1 : before;
  }
}

/**
 * The text without the members that no path names; of an array, without those of its elements. What is not a member of an object stays. Undefined
 * when every member is named.
 * @param bytes exactly one JSON value, known to be well formed, with or without spaces around it
 */
export function selectMembers(bytes: Buffer, paths: readonly (readonly string[])[]): Buffer | undefined {
  return new Cutter(bytes).cut(wantedOf(paths));
}
