import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Address } from "../../wire/client.ts";

/** One connection of a client to the fake daemon. */
export interface Connection {
  readonly request: Readonly<Record<string, unknown>>;
  /** Writes a reply, an object as JSON or text as it is, and closes. */
  reply(answer: unknown): void;
  /** Settles when the client's side is gone. */
  readonly closed: Promise<void>;
}

export interface FakeDaemon {
  readonly address: Address;
  /** Command line options that lead to it, with the tools for which it is asked nothing before a call. */
  readonly options: readonly string[];
  /** The next connection whose request has arrived and that nobody took yet. */
  next(): Promise<Connection>;
  /** Every request so far. */
  readonly requests: readonly Readonly<Record<string, unknown>>[];
  /** Replies at once to every request from now on. */
  answer(reply: unknown): void;
  close(): Promise<void>;
}

type Replies = Readonly<Record<string, unknown>>;

/** Replies as the original daemon (`original`) or ours (`ours`) sends them. */
export function replies(form: "original" | "ours"): (name: string) => unknown {
  const all = JSON.parse(readFileSync(new URL(`fixtures/${form}.json`, import.meta.url), "utf8")) as Replies;
  return (name) => {
    if (!Object.hasOwn(all, name)) throw new RangeError(`no reply called ${name}`);
    return all[name];
  };
}

function parsedOrUndefined(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return JSON.parse(text) as Readonly<Record<string, unknown>>;
  } catch {
    return undefined;
  }
}

/** What the original answers to bytes that are no JSON object. */
const NOT_JSON = { exit_code: 1, stdout: "", stderr: "", denied_reason: "Invalid JSON request" };

/** Answers as soon as the JSON object is complete, as daemons do: the client does not close its side. */
function onRequest(socket: Socket, take: (connection: Connection) => void): void {
  let text = "";
  let taken = false;
  const closed = new Promise<void>((resolve) => {
    socket.once("close", () => {
      resolve();
    });
  });
  socket.on("error", () => undefined);
  socket.on("end", () => socket.end());
  socket.on("data", (chunk) => {
    text += chunk.toString("utf8");
    if (!text.trimStart().startsWith("{")) {
      // The preface of the newer protocol is bad JSON for it.
      socket.end(JSON.stringify(NOT_JSON));
      return;
    }
    const request = parsedOrUndefined(text);
    if (request === undefined || taken) return;
    taken = true;
    take({
      request,
      closed,
      reply: (answer) => {
        socket.end(typeof answer === "string" ? answer : JSON.stringify(answer));
      },
    });
  });
}

async function listening(server: Server, where: string | number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    const ready = (): void => {
      resolve();
    };
    if (typeof where === "string") server.listen(where, ready);
    else server.listen(where, "127.0.0.1", ready);
  });
}

/** A daemon that speaks protocol 1 on a real socket and replies what a test says. */
export async function fakeDaemon(kind: "unix" | "tcp" = "unix"): Promise<FakeDaemon> {
  const directory = await mkdtemp(join(tmpdir(), "cmd2host-fake-"));
  const waiting: Connection[] = [];
  const takers: ((connection: Connection) => void)[] = [];
  const sockets = new Set<Socket>();
  const requests: Readonly<Record<string, unknown>>[] = [];
  let standing: { readonly reply: unknown } | undefined;

  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    onRequest(socket, (connection) => {
      requests.push(connection.request);
      if (standing !== undefined) {
        connection.reply(standing.reply);
        return;
      }
      const taker = takers.shift();
      if (taker === undefined) waiting.push(connection);
      else taker(connection);
    });
  });
  const path = join(directory, "d.sock");
  await listening(server, kind === "unix" ? path : 0);
  const bound = server.address();
  const port = typeof bound === "object" && bound !== null ? bound.port : 0;
  return {
    address: kind === "unix" ? { kind, path } : { kind, host: "127.0.0.1", port },
    options: ["-tools=generic", ...(kind === "unix" ? ["-socket", path] : ["-host=127.0.0.1", `-port=${port}`])],
    requests,
    next: async () =>
      new Promise((resolve) => {
        const connection = waiting.shift();
        if (connection === undefined) takers.push(resolve);
        else resolve(connection);
      }),
    answer: (reply) => {
      standing = { reply };
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      await rm(directory, { recursive: true });
    },
  };
}
