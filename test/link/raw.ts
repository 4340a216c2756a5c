import { createConnection } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import type { OwnKey } from "../../link/identity.ts";
import {
  jsonMessage,
  MESSAGE,
  MessageReader,
  messageRoom,
  HEADER_BYTES,
  payloadOf,
  type Message,
} from "../../link/message.ts";
import { atEnd } from "../fixtures/temp.ts";
import { until } from "./machines.ts";

type Type = (typeof MESSAGE)[keyof typeof MESSAGE];

export interface RawOptions {
  readonly port: number;
  readonly key?: OwnKey;
  readonly protocol?: string;
  readonly maxVersion?: "TLSv1.2" | "TLSv1.3";
}

/** A machine that says what the test wants, whether it may or not. */
export class RawMachine {
  readonly socket: TLSSocket;
  readonly messages: Message[] = [];
  #sequence = 0;
  #isClosed = false;
  #error: string | undefined;

  constructor({ port, key, protocol = "cmd2host-link/1", maxVersion = "TLSv1.3" }: RawOptions) {
    this.socket = connect({
      socket: createConnection({ port, host: "127.0.0.1" }),
      rejectUnauthorized: false,
      maxVersion,
      minVersion: maxVersion,
      ALPNProtocols: [protocol],
      ...(key === undefined ? {} : { key: key.privateKey, cert: key.certificate }),
    });
    const reader = new MessageReader((message) => this.messages.push(message));
    this.socket.on("data", (chunk: Buffer) => {
      reader.push(chunk);
    });
    this.socket.on("error", (error: Error) => {
      this.#error = error.message;
      this.#isClosed = true;
      this.socket.destroy();
    });
    this.socket.on("close", () => {
      this.#isClosed = true;
    });
    atEnd(() => {
      this.socket.destroy();
    });
  }

  get error(): string | undefined {
    return this.#error;
  }

  /** Bytes as they are. */
  say(bytes: Buffer): void {
    this.socket.write(bytes);
  }

  /** A message; those that count get the next number, unless one is given. */
  send(type: Type, stream = 0, payload: Buffer | string = "", sequence?: number): void {
    const bytes = Buffer.from(payload as string);
    const message = messageRoom(type, bytes.length, stream);
    bytes.copy(message, HEADER_BYTES);
    message.writeUInt32BE(sequence ?? (type >= MESSAGE.open ? ++this.#sequence : 0), 8);
    this.say(message);
  }

  number(type: Type, value: number, stream = 0): void {
    const payload = Buffer.alloc(type === MESSAGE.credit ? 4 : 8);
    if (payload.length === 4) payload.writeUInt32BE(value);
    else payload.writeBigUInt64BE(BigInt(value));
    this.send(type, stream, payload);
  }

  hello(more: object = {}): void {
    this.say(jsonMessage(MESSAGE.hello, { ...HELLO, clock: Date.now(), ...more }));
  }

  /** Waits for a message of a type; gives the first one, and forgets it. */
  async next(type: Type): Promise<Message> {
    const is = (message: Message): boolean => message.type === type;
    await until(() => this.messages.some(is) || this.#isClosed, `a message of type ${type}`);
    const index = this.messages.findIndex(is);
    const [message] = index < 0 ? [] : this.messages.splice(index, 1);
    if (message === undefined) throw new Error(`closed before a message of type ${type}: ${this.#error ?? ""}`);
    return message;
  }

  async json(type: Type): Promise<Record<string, unknown>> {
    return JSON.parse(payloadOf(await this.next(type)).toString()) as Record<string, unknown>;
  }

  /** Says hello and waits for the welcome. */
  async begin(more: object = {}): Promise<Record<string, unknown>> {
    this.hello(more);
    return this.json(MESSAGE.welcome);
  }

  /** Why the other side said goodbye. */
  async goodbye(): Promise<string> {
    const { reason, detail } = await this.json(MESSAGE.bye);
    return `${String(reason)}: ${String(detail)}`;
  }

  async closed(): Promise<void> {
    await until(() => this.#isClosed, "the connection is closed");
  }
}

const HELLO = {
  link_min: 1,
  link_max: 1,
  software: "raw",
  name: "raw",
  lease_ms: 30_000,
  window: 65_536,
  streams: 16,
  capabilities: [],
};
