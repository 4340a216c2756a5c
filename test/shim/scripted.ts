import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { byteFrame, FRAME, frameHeader, jsonFrame, PREFACE } from "../../wire/frames.ts";
import { TOKEN } from "../fixtures/base.ts";
import { atEnd, tempDirectory } from "../fixtures/temp.ts";

export const HELLO = Buffer.concat([PREFACE, jsonFrame(FRAME.hello, { protocol: 2 })]);

export function started(reads: 0 | 1): Buffer {
  return byteFrame(FRAME.started, reads);
}

export function exit(code: number): Buffer {
  return byteFrame(FRAME.exit, code);
}

export function output(bytes: string | Buffer, type: typeof FRAME.stdout | typeof FRAME.stderr = FRAME.stdout): Buffer {
  const payload = Buffer.from(bytes as string);
  return Buffer.concat([frameHeader(type, payload.length), payload]);
}

/** One connection to a scripted daemon. */
export class Peer {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  #received = Buffer.alloc(0);

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => (this.#received = Buffer.concat([this.#received, chunk])));
    socket.on("error", () => undefined);
    this.closed = new Promise((resolve) => {
      socket.once("close", () => {
        resolve();
      });
      socket.once("end", resolve);
    });
  }

  get received(): Buffer {
    return this.#received;
  }

  /** Waits until the bytes after the request are exactly these, or more came. */
  async follows(bytes: Buffer): Promise<Buffer> {
    while (this.afterRequest().length < bytes.length) await sleep(5);
    return this.afterRequest();
  }

  /** Fields of the request; empty before it has come. */
  fields(): readonly string[] {
    const begin = PREFACE.length + 5;
    if (this.#received.length < begin) return [];
    const end = begin + this.#received.readUInt32BE(PREFACE.length + 1);
    if (this.#received.length < end) return [];
    return this.#received.toString("latin1", begin, end).split("\0").slice(0, -1);
  }

  afterRequest(): Buffer {
    if (this.fields().length === 0) return Buffer.alloc(0);
    return this.#received.subarray(PREFACE.length + 5 + this.#received.readUInt32BE(PREFACE.length + 1));
  }

  async asked(): Promise<readonly string[]> {
    while (this.fields().length === 0) await sleep(5);
    return this.fields();
  }

  send(...parts: readonly Buffer[]): void {
    for (const part of parts) this.socket.write(part);
  }
}

export interface Scripted {
  /** What tells a bridge where it is, and who we are. */
  readonly env: Readonly<Record<string, string>>;
  readonly peers: readonly Peer[];
  close(): Promise<void>;
}

/** A daemon that does what the test says with each connection, over a Unix socket or TCP. */
export async function scripted(kind: "unix" | "tcp", serve: (peer: Peer) => Promise<void> | void): Promise<Scripted> {
  const peers: Peer[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const peer = new Peer(socket);
    peers.push(peer);
    void serve(peer);
  });
  const path = join(tempDirectory(), "s");
  await new Promise<void>((resolve) => {
    if (kind === "unix") server.listen(path, resolve);
    else server.listen(0, "127.0.0.1", resolve);
  });
  const close = async (): Promise<void> => {
    for (const { socket } of peers) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  atEnd(close);
  const address = server.address();
  const where: Record<string, string> =
    typeof address === "string" || address === null
      ? { HOST_CMD_PROXY_SOCKET: path }
      : { HOST_CMD_PROXY_HOST: "127.0.0.1", HOST_CMD_PROXY_PORT: String(address.port) };
  return { env: { ...where, CMD2HOST_TOKEN: TOKEN, HOST_CMD_PROXY_TOKEN_FILE: "/nonexistent" }, peers, close };
}
