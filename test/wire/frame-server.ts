import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { Address } from "../../wire/client.ts";
import { CLIENT_FRAMES, emptyFrame, FRAME, FrameReader, frameHeader, jsonFrame, PREFACE } from "../../wire/frames.ts";
import type { OutcomeFields } from "../../wire/schema.ts";
import { tempDirectory } from "../fixtures/temp.ts";

type Fields = Readonly<Record<string, unknown>>;
type DataFrame = typeof FRAME.stdout | typeof FRAME.stderr;

export const ACCEPTED = { run_id: "r1", operation: "say", stdin: false, timeout_seconds: 60 };
export const ENDED: OutcomeFields = { outcome: "completed", exit_code: 0, stdout_bytes: 0, stderr_bytes: 0 };

/** One client of a server that speaks what a test tells it to. */
export class Peer {
  readonly socket: Socket;
  /** Everything of standard input so far. */
  readonly stdin: Buffer[] = [];
  /** Types of the frames that came, in order. */
  readonly types: number[] = [];
  readonly stdinEnded: Promise<void>;
  readonly cancelled: Promise<void>;
  readonly closed: Promise<void>;

  /** @param onRequest called with the request, however it came: "frames" or "json" */
  constructor(socket: Socket, onRequest: (request: Fields, form: "frames" | "json") => void) {
    this.socket = socket;
    let ended: () => void = () => undefined;
    let cancelled: () => void = () => undefined;
    this.stdinEnded = new Promise((resolve) => (ended = resolve));
    this.cancelled = new Promise((resolve) => (cancelled = resolve));
    this.closed = new Promise((resolve) => {
      socket.once("close", () => {
        resolve();
      });
    });
    const reader = new FrameReader(CLIENT_FRAMES, (type, payload) => {
      this.types.push(type);
      if (type === FRAME.request) onRequest(JSON.parse(payload.toString()) as Fields, "frames");
      else if (type === FRAME.stdin) this.stdin.push(payload);
      else if (type === FRAME.stdin_end) ended();
      else cancelled();
    });
    let head = Buffer.alloc(0);
    let inFrames = false;
    socket.on("error", () => undefined);
    socket.on("data", (chunk: Buffer) => {
      if (inFrames) {
        reader.push(chunk);
        return;
      }
      head = Buffer.concat([head, chunk]);
      if (head[0] === PREFACE[0] && head.length >= PREFACE.length) {
        inFrames = true;
        reader.push(head.subarray(PREFACE.length));
      } else if (head.toString().endsWith("}")) onRequest(JSON.parse(head.toString()) as Fields, "json");
    });
  }

  raw(bytes: Buffer | string): this {
    this.socket.write(bytes);
    return this;
  }

  greet(): this {
    return this.raw(PREFACE).json(FRAME.hello, { protocol: 2, capabilities: [] });
  }

  json(type: Parameters<typeof jsonFrame>[0], payload: object): this {
    return this.raw(jsonFrame(type, payload));
  }

  data(type: DataFrame, bytes: Buffer | string): this {
    const payload = Buffer.from(bytes);
    return this.raw(frameHeader(type, payload.length)).raw(payload);
  }

  accept(fields: Partial<typeof ACCEPTED> = {}): this {
    return this.greet().json(FRAME.accepted, { ...ACCEPTED, ...fields });
  }

  alive(): this {
    return this.raw(emptyFrame(FRAME.alive));
  }

  end(fields: Partial<OutcomeFields> = {}): void {
    this.json(FRAME.outcome, { ...ENDED, ...fields });
    this.socket.end();
  }
}

/** A server that hands every request to the test, with the peer that sent it. It is stopped when the test ends. */
export async function frameServer(
  onRequest: (peer: Peer, request: Fields, form: "frames" | "json") => void,
  kind: Address["kind"] = "unix",
): Promise<Address> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    const peer = new Peer(socket, (request, form) => {
      onRequest(peer, request, form);
    });
  });
  const path = kind === "unix" ? join(tempDirectory(), "s") : undefined;
  await new Promise<void>((resolve) => {
    if (path === undefined) server.listen(0, "127.0.0.1", resolve);
    else server.listen(path, resolve);
  });
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const bound = server.address();
  if (typeof bound === "object" && bound !== null) return { kind: "tcp", host: "127.0.0.1", port: bound.port };
  return { kind: "unix", path: path ?? "" };
}
