/**
 * The messages of a connection: a type (one byte), the number of the message in its direction (eight bytes, big-endian, from 0 on without a
 * gap), a payload. docs/nats.md describes them byte by byte.
 */

export const HEADER_BYTES = 9;
export const VERSION = 1;

export const MESSAGE = {
  dial: 0x01,
  accept: 0x02,
  refuse: 0x03,
  data: 0x04,
  end: 0x05,
  credit: 0x06,
  ping: 0x07,
  reset: 0x08,
  /** Data; more waits, and may not be sent before there is credit. */
  data_held: 0x09,
} as const;

export const REFUSAL = { version: 1, full: 2 } as const;

/** Bytes. What one message of data takes of a window beside its length, so that many small ones are bounded as well. */
const MESSAGE_COST = 256;
/** Smallest window and smallest largest message that two ends agree on. */
export const MIN_WINDOW = 16_384;
export const MIN_CHUNK = 1_024;

export interface Message {
  readonly type: number;
  readonly sequence: bigint;
  readonly payload: Buffer;
}

/** What one end lets the other one send at first, in bytes. */
export interface Terms {
  /** See `costOf`. */
  readonly window: number;
  /** The most bytes of data in one message. */
  readonly chunk: number;
}

/** What a message with so many bytes of data takes of a window. */
export function costOf(bytes: number): number {
  return bytes + MESSAGE_COST;
}

/** The most bytes of data whose message costs no more than `credit`; zero or less when there are none. */
export function affordable(credit: number): number {
  return credit - MESSAGE_COST;
}

export function encodeMessage(type: number, sequence: bigint, payload?: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + (payload?.length ?? 0));
  bytes[0] = type;
  bytes.writeBigUInt64BE(sequence, 1);
  if (payload !== undefined) bytes.set(payload, HEADER_BYTES);
  return bytes;
}

/** Undefined for what is too short to be one. The payload is a part of `data`. */
export function decodeMessage(data: Uint8Array): Message | undefined {
  if (data.length < HEADER_BYTES) return undefined;
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.length);
  const [type = 0] = bytes;
  return { type, sequence: bytes.readBigUInt64BE(1), payload: bytes.subarray(HEADER_BYTES) };
}

const TERMS_BYTES = 9;

/** The payload of a dial, and the beginning of that of an accept. */
export function encodeTerms({ window, chunk }: Terms): Buffer {
  const bytes = Buffer.alloc(TERMS_BYTES);
  bytes[0] = VERSION;
  bytes.writeUInt32BE(window, 1);
  bytes.writeUInt32BE(chunk, 5);
  return bytes;
}

/** Terms with what follows them. Undefined for another version, and for what is no terms. */
export function decodeTerms(payload: Buffer): (Terms & { readonly rest: Buffer }) | undefined {
  if (payload.length < TERMS_BYTES || payload[0] !== VERSION) return undefined;
  const [window, chunk] = [payload.readUInt32BE(1), payload.readUInt32BE(5)];
  return window < Math.max(MIN_WINDOW, chunk) || chunk < MIN_CHUNK
    ? undefined
    : { window, chunk, rest: payload.subarray(TERMS_BYTES) };
}

/** How much the other end may have sent in all, by `costOf`. */
export function encodeCredit(total: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(total));
  return bytes;
}

/** Undefined for what is no credit. */
export function decodeCredit(payload: Buffer): number | undefined {
  if (payload.length !== 8) return undefined;
  const total = payload.readBigUInt64BE();
  return total > BigInt(Number.MAX_SAFE_INTEGER) ? undefined : Number(total);
}
