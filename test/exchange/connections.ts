import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { afterAll } from "vitest";
import { Connection } from "../../host/exchange/connection.ts";
import { ConnectionLimits, PenaltyRoom, Slots } from "../../host/exchange/limits.ts";
import type { ConnectionHost } from "../../host/exchange/line.ts";
import type { Peer } from "../../host/engine/rooms.ts";
import { listening } from "../../host/listen/server.ts";
import type { Address } from "../../wire/client.ts";
import type { CodedError } from "../../wire/errors.ts";
import type { Reply } from "../../wire/outcome.ts";
import { endOf, saying } from "../fixtures/said.ts";
import { tempDirectory } from "../fixtures/temp.ts";

const room = tempDirectory();

export type Handle = ConnectionHost["handle"];

/** The reply of a program that said `text`. */
export function replyOf(text: string): Reply {
  return endOf({
    kind: "completed",
    exitCode: 0,
    signal: undefined,
    stdout: saying(text),
    stderr: saying(""),
    notice: undefined,
    redacted: 0,
  });
}

/** Resolves when `check` holds; fails after `limitMs`. */
export async function until(check: () => boolean, limitMs = 5_000): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!check()) {
    if (performance.now() > deadline) throw new Error("did not come true in time");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

interface Call {
  readonly message: unknown;
  readonly signal: AbortSignal;
}

/** A server of connections with an engine of the test's own making. It is closed when the test file ends. */
export class Switchboard {
  readonly calls: Call[] = [];
  readonly dropped: string[] = [];
  readonly refused: CodedError[] = [];
  readonly connections: Connection[] = [];
  readonly sockets: Duplex[] = [];
  readonly started: boolean[] = [];
  readonly slots: Slots;
  readonly limits = new ConnectionLimits(100, 100);
  readonly host: ConnectionHost;

  constructor(
    handle: Handle,
    options: { readonly slots?: number; readonly waiting?: number; readonly penalty?: PenaltyRoom } = {},
  ) {
    this.slots = new Slots(options.slots ?? 64);
    this.host = {
      handle: async (message, peer, signal, live) => {
        this.calls.push({ message, signal });
        return handle(message, peer, signal, live);
      },
      slots: { work: this.slots, wait: new Slots(options.waiting ?? 4), session: new Slots(2) },
      limits: this.limits,
      penalty: options.penalty ?? new PenaltyRoom(300, 2, 0),
      dropped: (_, why) => this.dropped.push(why),
      refused: (_, error) => this.refused.push(error),
    };
  }

  /** The only call so far. */
  get call(): Call {
    const [call] = this.calls;
    if (call === undefined || this.calls.length > 1) throw new Error(`${this.calls.length} calls`);
    return call;
  }

  async listen(kind: Address["kind"]): Promise<Address> {
    const path = join(mkdtempSync(join(room, "s")), "s");
    const peer: Peer = { transport: kind, id: kind };
    const server = await listening(
      kind === "unix" ? { path } : { host: "127.0.0.1", port: 0 },
      kind,
      (socket) => {
        const connection = new Connection(socket, peer, this.host);
        this.sockets.push(socket);
        this.connections.push(connection);
        this.started.push(connection.start());
      },
      () => peer,
    );
    running.push({ board: this, close: () => server.close() });
    const bound = server.address();
    if (typeof bound !== "object" || bound === null) return { kind: "unix", path };
    return { kind: "tcp", host: "127.0.0.1", port: bound.port };
  }

  /** Resolves when every connection is closed on both sides and counted no more. */
  async allGone(): Promise<void> {
    await Promise.all(this.connections.map(async (connection) => connection.gone()));
    await until(() => this.limits.open === 0);
  }
}

const running: { readonly board: Switchboard; readonly close: () => unknown }[] = [];
afterAll(() => {
  for (const { board, close } of running) {
    for (const socket of board.sockets) socket.destroy();
    close();
  }
});
