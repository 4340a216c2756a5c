/** A peer for tests that says what the test likes, right or wrong. */
import type { Socket } from "node:net";
import { Framer } from "../../../capnp/wire/framer.ts";
import { MessageWriter, type StructWriter } from "../../../capnp/wire/writer.ts";
import { until } from "../sockets.ts";
import { telling } from "../told.ts";

export class RawPeer {
  /** What came, in words. */
  readonly heard: string[] = [];
  readonly socket: Socket;
  isClosed = false;
  #next = 0;

  constructor(socket: Socket) {
    this.socket = socket;
    const framer = new Framer(1 << 26, (message) => this.heard.push(telling(message)));
    socket.on("data", (chunk: Buffer) => {
      framer.push(chunk);
    });
    socket.once("close", () => {
      this.isClosed = true;
    });
  }

  send(...messages: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(messages));
  }

  /** The next thing that is heard. */
  async next(): Promise<string> {
    await until(() => this.heard.length > this.#next, "another message");
    return this.heard[this.#next++] ?? "";
  }

  /** The next so many things. */
  async following(count: number): Promise<readonly string[]> {
    const heard: string[] = [];
    while (heard.length < count) heard.push(await this.next());
    return heard;
  }
}

/** A message of any kind. */
export function raw(tag: number, dataWords: number, pointers: number, write: (body: StructWriter) => void): Buffer {
  const message = new MessageWriter();
  const root = message.root(1, 1);
  root.uint16(0, tag);
  write(root.struct(0, dataWords, pointers));
  return message.message();
}

/** Where a call goes: an id of an object, or of a call whose result it is, and where there. */
export type RawTarget = { readonly object: number } | { readonly answer: number; readonly path?: readonly number[] };

export function writeTarget(body: StructWriter, target: RawTarget): void {
  const written = body.struct(0, 1, 1);
  if ("object" in target) {
    written.uint32(0, target.object);
    return;
  }
  written.uint16(4, 1);
  const promised = written.struct(0, 1, 1);
  promised.uint32(0, target.answer);
  const { path = [] } = target;
  for (const [index, step] of promised.structs(0, path.length, 1, 0).entries()) {
    step.uint16(0, 1);
    step.uint16(2, path[index] ?? 0);
  }
}

/** A row of a table of capabilities: its kind and its id. */
export type RawRow = readonly [kind: number, id: number];

export function writeRows(payload: StructWriter, rows: readonly RawRow[]): void {
  for (const [index, row] of payload.structs(1, rows.length, 1, 1).entries()) {
    const [kind, id] = rows[index] ?? [0, 0];
    row.uint16(0, kind);
    row.uint32(4, id);
    // Where a third party's capability says through whom it can be called.
    if (kind === 5) row.struct(0, 1, 1).uint32(0, id);
  }
}

export function rawCall(
  id: number,
  target: RawTarget,
  interfaceId: bigint,
  method: number,
  options: {
    readonly text?: string;
    readonly rows?: readonly RawRow[];
    readonly sendTo?: number;
  } = {},
): Buffer {
  return raw(2, 3, 3, (body) => {
    body.uint32(0, id);
    body.uint16(4, method);
    body.uint16(6, options.sendTo ?? 0);
    body.uint64(8, interfaceId);
    writeTarget(body, target);
    const payload = body.struct(1, 0, 2);
    const params = payload.struct(0, 0, 1);
    if (options.rows !== undefined) {
      params.capability(0, 0);
      writeRows(payload, options.rows);
    } else params.text(0, options.text ?? "");
  });
}

/** Results of a call: one text, or the first of some capabilities. */
export function rawResults(
  id: number,
  options: {
    readonly text?: string;
    readonly rows?: readonly RawRow[];
    readonly isBare?: boolean;
    readonly flags?: number;
  },
): Buffer {
  return raw(3, 2, 1, (body) => {
    body.uint32(0, id);
    body.uint8(4, options.flags ?? 1);
    const payload = body.struct(0, 0, 2);
    if (options.isBare === true) payload.capability(0, 0);
    else {
      const results = payload.struct(0, 0, 1);
      if (options.rows === undefined) results.text(0, options.text ?? "");
      else results.capability(0, 0);
    }
    if (options.rows !== undefined) writeRows(payload, options.rows);
  });
}
