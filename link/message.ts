import { Blocks } from "../host/util/blocks.ts";
import { demand } from "./fault.ts";
import { MAX_DATA_BYTES, MAX_JSON_BYTES } from "./limits.ts";

/**
 * The messages of the link: type (1 byte), length of the payload (3), stream (4), sequence number (4, its low bits), all big-endian, then the
 * payload. Those that count have a sequence number, and are sent again when a connection was lost; all others have 0.
 */
export const MESSAGE = {
  // these do not count
  hello: 0x01,
  welcome: 0x02,
  bye: 0x03,
  acknowledge: 0x04,
  ping: 0x05,
  pong: 0x06,
  /** Of an enrolment only. */
  ask: 0x07,
  answer: 0x08,
  // these count
  open: 0x10,
  data: 0x11,
  credit: 0x12,
  end: 0x13,
  reset: 0x14,
  key: 0x15,
  key_pinned: 0x16,
} as const;
type MessageType = (typeof MESSAGE)[keyof typeof MESSAGE];

export const HEADER_BYTES = 12;
/** Memory that every message fits into. */
export const ROOM_BYTES = HEADER_BYTES + MAX_DATA_BYTES;
const FIRST_COUNTED = MESSAGE.open;

interface Form {
  readonly min: number;
  readonly max: number;
  /** Whether it is about a stream; 0 stands for none. */
  readonly ofStream: boolean;
}

const FORMS: ReadonlyMap<number, Form> = new Map<MessageType, Form>([
  [MESSAGE.hello, { min: 2, max: MAX_JSON_BYTES, ofStream: false }],
  [MESSAGE.welcome, { min: 2, max: MAX_JSON_BYTES, ofStream: false }],
  [MESSAGE.bye, { min: 2, max: MAX_JSON_BYTES, ofStream: false }],
  [MESSAGE.acknowledge, { min: 8, max: 8, ofStream: false }],
  [MESSAGE.ping, { min: 8, max: 8, ofStream: false }],
  [MESSAGE.pong, { min: 8, max: 8, ofStream: false }],
  [MESSAGE.ask, { min: 2, max: MAX_JSON_BYTES, ofStream: false }],
  [MESSAGE.answer, { min: 2, max: MAX_JSON_BYTES, ofStream: false }],
  [MESSAGE.open, { min: 0, max: 0, ofStream: true }],
  [MESSAGE.data, { min: 1, max: MAX_DATA_BYTES, ofStream: true }],
  [MESSAGE.credit, { min: 4, max: 4, ofStream: true }],
  [MESSAGE.end, { min: 0, max: 0, ofStream: true }],
  [MESSAGE.reset, { min: 1, max: 1, ofStream: true }],
  [MESSAGE.key, { min: 2, max: MAX_JSON_BYTES, ofStream: false }],
  [MESSAGE.key_pinned, { min: 2, max: MAX_JSON_BYTES, ofStream: false }],
]);

/** A message that came. */
export interface Message {
  readonly type: number;
  readonly stream: number;
  /** The low 32 bits of its number. */
  readonly sequence: number;
  readonly length: number;
  /** The payload in one or more pieces. */
  readonly pieces: readonly Buffer[];
}

/** Whether a message is numbered, acknowledged, and sent again when it was lost. */
export function counts(type: number): boolean {
  return type >= FIRST_COUNTED;
}

/** The payload in one piece. */
export function payloadOf({ pieces }: Message): Buffer {
  const [first] = pieces;
  return pieces.length === 1 && first !== undefined ? first : Buffer.concat(pieces);
}

/** A message with room for its payload behind the header; nothing else refers to its memory. */
export function messageRoom(type: MessageType, length: number, stream = 0): Buffer {
  const size = HEADER_BYTES + length;
  return begun(size < 4_096 ? Buffer.allocUnsafe(size) : Buffer.allocUnsafeSlow(size), type, stream);
}

/** The same in memory that is given: any of `ROOM_BYTES`. */
export function messageIn(memory: ArrayBuffer, type: MessageType, length: number, stream: number): Buffer {
  return begun(Buffer.from(memory, 0, HEADER_BYTES + length), type, stream);
}

function begun(buffer: Buffer, type: MessageType, stream: number): Buffer {
  const length = buffer.length - HEADER_BYTES;
  buffer.writeUInt32BE(length, 0);
  buffer[0] = type;
  buffer.writeUInt32BE(stream, 4);
  buffer.writeUInt32BE(0, 8);
  return buffer;
}

export function numbered(message: Buffer, sequence: number): Buffer {
  message.writeUInt32BE(sequence % 0x1_0000_0000, 8);
  return message;
}

/** A message whose payload is a number of 4 or 8 bytes. */
export function numberMessage(type: MessageType, value: number, stream = 0): Buffer {
  const length = type === MESSAGE.credit ? 4 : 8;
  const message = messageRoom(type, length, stream);
  if (length === 4) message.writeUInt32BE(value, HEADER_BYTES);
  else message.writeBigUInt64BE(BigInt(value), HEADER_BYTES);
  return message;
}

/** The number of 8 bytes in a payload. */
export function numberOf(message: Message): number {
  return Number(payloadOf(message).readBigUInt64BE(0));
}

export function jsonMessage(type: MessageType, content: object): Buffer {
  const text = Buffer.from(JSON.stringify(content), "utf8");
  const message = messageRoom(type, text.length);
  text.copy(message, HEADER_BYTES);
  return message;
}

/** Parts that are larger are kept as they came. */
const OWN_PIECE = 4_096;

/** Cuts bytes into messages, however they come. Keeps at most one message. */
export class MessageReader {
  readonly #onMessage: (message: Message) => void;
  readonly #header = Buffer.alloc(HEADER_BYTES);
  #headerLength = 0;
  #left = 0;
  #pieces: Buffer[] = [];
  /** Small parts that came since the last large one: a list of them would cost many times their size. */
  readonly #small = new Blocks();
  #stopped = false;

  constructor(onMessage: (message: Message) => void) {
    this.#onMessage = onMessage;
  }

  /** What follows is not looked at any more. */
  stop(): void {
    this.#stopped = true;
  }

  /** Throws `LinkFault` for what cannot be a message; not to be called again then. */
  push(chunk: Buffer): void {
    let at = 0;
    while (!this.#stopped && at < chunk.length) {
      if (this.#headerLength < HEADER_BYTES) at += this.#takeHeader(chunk, at);
      else at += this.#takePayload(chunk, at);
    }
  }

  #takeHeader(chunk: Buffer, at: number): number {
    const taken = chunk.copy(this.#header, this.#headerLength, at, at + HEADER_BYTES - this.#headerLength);
    this.#headerLength += taken;
    if (this.#headerLength < HEADER_BYTES) return taken;
    const type = this.#header.readUInt8(0);
    const form = FORMS.get(type);
    demand(form !== undefined, `a message of unknown type ${type}`);
    this.#left = this.#header.readUIntBE(1, 3);
    demand(this.#left >= form.min && this.#left <= form.max, `a message of type ${type} with ${this.#left} bytes`);
    demand(
      (this.#header.readUInt32BE(4) !== 0) === form.ofStream,
      `a message of type ${type} ${form.ofStream ? "without a" : "about a"} stream`,
    );
    demand(counts(type) || this.#header.readUInt32BE(8) === 0, `a message of type ${type} with a number`);
    if (this.#left === 0) this.#finish();
    return taken;
  }

  #takePayload(chunk: Buffer, at: number): number {
    const part = chunk.subarray(at, at + this.#left);
    this.#left -= part.length;
    if (part.length < OWN_PIECE && this.#left > 0) this.#small.push(part);
    else {
      this.#takeSmall();
      this.#pieces.push(part);
    }
    if (this.#left === 0) this.#finish();
    return part.length;
  }

  #takeSmall(): void {
    if (this.#small.length === 0) return;
    this.#pieces.push(...this.#small.views());
    this.#small.drop(this.#small.length);
  }

  #finish(): void {
    const pieces = this.#pieces;
    this.#pieces = [];
    this.#headerLength = 0;
    this.#onMessage({
      type: this.#header.readUInt8(0),
      stream: this.#header.readUInt32BE(4),
      sequence: this.#header.readUInt32BE(8),
      length: this.#header.readUIntBE(1, 3),
      pieces,
    });
  }
}
