import { CodedError } from "./errors.ts";
import { MAX_DATA_FRAME_BYTES, MAX_MCP_FRAME_BYTES, MAX_REPLY_BYTES, MAX_REQUEST_BYTES_ANNOUNCED } from "./limits.ts";

/**
 * The frames of protocol 2: a type (one byte), the length of the payload (four bytes, big-endian), the payload. Each side begins with
 * the preface. Payloads are bytes as they are (standard input and output) or one JSON object; those of the bridge are neither, see
 * `bridge-frames.ts`.
 */

/** What both sides send first. No text begins so, and a path that changes line ends destroys it. The last byte is the version. */
export const PREFACE = Buffer.from([0x89, 0x63, 0x32, 0x68, 0x0d, 0x0a, 0x1a, 0x02]);
/** Length of the preface without the version. */
export const MAGIC_LENGTH = 7;
export const HEADER_BYTES = 5;

export const FRAME = {
  // from the client
  request: 0x01,
  stdin: 0x02,
  stdin_end: 0x03,
  cancel: 0x04,
  /** Instead of a request, from a client that writes no JSON: a command line, or a session with the MCP server. */
  argv: 0x05,
  mcp: 0x06,
  // from the daemon
  hello: 0x10,
  accepted: 0x11,
  stdout: 0x12,
  stderr: 0x13,
  notice: 0x14,
  outcome: 0x15,
  reply: 0x16,
  /** Says nothing; a client that is gone is noticed by it. */
  alive: 0x17,
  /** To a client that reads no JSON: instead of `accepted`, and instead of `outcome` and `reply`. */
  started: 0x18,
  exit: 0x19,
} as const;
export type FrameName = keyof typeof FRAME;
type FrameByte = (typeof FRAME)[FrameName];

/** Greatest payload by type, of the frames that a side accepts. */
export type FrameLimits = ReadonlyMap<number, number>;

export const CLIENT_FRAMES: FrameLimits = new Map<FrameByte, number>([
  [FRAME.request, MAX_REQUEST_BYTES_ANNOUNCED],
  [FRAME.stdin, MAX_DATA_FRAME_BYTES],
  [FRAME.stdin_end, 0],
  [FRAME.cancel, 0],
  [FRAME.argv, MAX_REQUEST_BYTES_ANNOUNCED],
  [FRAME.mcp, MAX_MCP_FRAME_BYTES],
]);

export const DAEMON_FRAMES: FrameLimits = new Map<FrameByte, number>([
  [FRAME.hello, MAX_REQUEST_BYTES_ANNOUNCED],
  [FRAME.accepted, MAX_REQUEST_BYTES_ANNOUNCED],
  [FRAME.stdout, MAX_DATA_FRAME_BYTES],
  [FRAME.stderr, MAX_DATA_FRAME_BYTES],
  [FRAME.notice, MAX_REQUEST_BYTES_ANNOUNCED],
  [FRAME.outcome, MAX_REPLY_BYTES],
  [FRAME.reply, MAX_REPLY_BYTES],
  [FRAME.alive, 0],
  [FRAME.started, 1],
  [FRAME.exit, 1],
]);

/** Their payloads are handed on in pieces as they come; all others when they are complete. */
const BYTES = new Set<number>([FRAME.stdin, FRAME.stdout, FRAME.stderr]);

/** @param bytes at most what the type may carry */
export function frameHeader(type: FrameByte, bytes: number): Buffer {
  const header = Buffer.allocUnsafe(HEADER_BYTES);
  header[0] = type;
  header.writeUInt32BE(bytes, 1);
  return header;
}

/** A whole frame with a JSON payload. */
export function jsonFrame(type: FrameByte, payload: object): Buffer {
  const bytes = Buffer.from(JSON.stringify(payload), "utf8");
  return Buffer.concat([frameHeader(type, bytes.length), bytes]);
}

/** A frame of one byte, from 0 to 255. */
export function byteFrame(type: FrameByte, byte: number): Buffer {
  return Buffer.concat([frameHeader(type, 1), Buffer.from([byte])]);
}

/** A frame without a payload. */
export function emptyFrame(type: FrameByte): Buffer {
  return frameHeader(type, 0);
}

/**
 * `payload` is the whole payload, or a piece of one that carries bytes. The buffer may be a part of the chunk that was pushed.
 */
export type OnFrame = (type: number, payload: Buffer) => void;

/** Cuts a stream of bytes into frames, however it was cut before. Keeps at most one JSON payload. The preface is not its affair. */
export class FrameReader {
  readonly #limits: FrameLimits;
  readonly #onFrame: OnFrame;
  readonly #header = Buffer.alloc(HEADER_BYTES);
  #headerLength = 0;
  /** Bytes of the current payload that are still to come; undefined between frames. */
  #left: number | undefined;
  #parts: Buffer[] = [];
  #stopped = false;

  constructor(limits: FrameLimits, onFrame: OnFrame) {
    this.#limits = limits;
    this.#onFrame = onFrame;
  }

  /** True when a frame has begun and is not complete. */
  get isMidFrame(): boolean {
    return this.#headerLength > 0;
  }

  /** What follows is not looked at any more. */
  stop(): void {
    this.#stopped = true;
  }

  /** @throws CodedError `frame_malformed`, `frame_too_large` */
  push(chunk: Buffer): void {
    let at = 0;
    while (!this.#stopped && at < chunk.length) {
      if (this.#left === undefined) at += this.#takeHeader(chunk, at);
      else at += this.#takePayload(chunk, at, this.#left);
    }
  }

  #takeHeader(chunk: Buffer, at: number): number {
    const taken = chunk.copy(this.#header, this.#headerLength, at, at + HEADER_BYTES - this.#headerLength);
    this.#headerLength += taken;
    if (this.#headerLength < HEADER_BYTES) return taken;
    const [type = 0] = this.#header;
    const length = this.#header.readUInt32BE(1);
    const limit = this.#limits.get(type);
    if (limit === undefined)
      throw new CodedError("frame_malformed", `frame of unknown type 0x${type.toString(16).padStart(2, "0")}`);
    if (length > limit)
      throw new CodedError(
        "frame_too_large",
        `frame of type 0x${type.toString(16).padStart(2, "0")} has ${length} bytes; at most ${limit} are accepted`,
        { hint: "Send bytes in several frames, and smaller requests." },
      );
    if (length === 0) this.#finish(type, Buffer.alloc(0));
    else this.#left = length;
    return taken;
  }

  #takePayload(chunk: Buffer, at: number, left: number): number {
    const part = chunk.subarray(at, at + left);
    const [type = 0] = this.#header;
    const rest = left - part.length;
    this.#left = rest;
    if (BYTES.has(type)) {
      if (rest === 0) this.#reset();
      this.#onFrame(type, part);
    } else if (rest > 0) this.#parts.push(part);
    else this.#finish(type, this.#parts.length === 0 ? part : Buffer.concat([...this.#parts, part]));
    return part.length;
  }

  #finish(type: number, payload: Buffer): void {
    this.#reset();
    this.#onFrame(type, payload);
  }

  #reset(): void {
    this.#headerLength = 0;
    this.#left = undefined;
    this.#parts = [];
  }
}
