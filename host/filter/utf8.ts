import { isUtf8 } from "node:buffer";

/** True for the bytes of a character behind its first. */
export function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}

function lengthOf(lead: number): number {
  if (lead >= 0xf0) return 4;
  if (lead >= 0xe0) return 3;
  return lead >= 0xc0 ? 2 : 1;
}

/** Where the last character begins if it is cut off, else the length. */
function endOfWhole(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (!isContinuation(byte)) return lengthOf(byte) > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}

/** Makes chunks of whole characters out of chunks that were cut anywhere. */
export class WholeCharacters {
  #rest = Buffer.alloc(0);

  /** The characters that are complete by now, or undefined when this is not UTF-8. */
  write(bytes: Buffer): Buffer | undefined {
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    const end = endOfWhole(all);
    // A copy: what is left over must not hold on to the whole chunk.
    this.#rest = Buffer.from(all.subarray(end));
    const whole = all.subarray(0, end);
    return isUtf8(whole) ? whole : undefined;
  }

  /** True when no character was left unfinished. */
  isWhole(): boolean {
    return this.#rest.length === 0;
  }
}
