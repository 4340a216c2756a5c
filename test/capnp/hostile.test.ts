import { spawn, type ChildProcess } from "node:child_process";
import { createHmac } from "node:crypto";
import { createConnection, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { AUTHENTICATOR, COMMAND_AGENT } from "../../capnp/commando/schema.ts";
import { atEnd, projectRoot } from "../fixtures/temp.ts";
import { Random } from "../fuzz/engine/random.ts";
import { client, NEVER } from "./agents.ts";
import { raw, rawCall, RawPeer, writeTarget } from "./rpc/raw-peer.ts";
import { until } from "./sockets.ts";
import { TRANSCRIPTS } from "./transcripts.ts";
import { farPointer, listPointer, listTag, message, structPointer } from "./words.ts";

const SEED = 7;
const MEBIBYTE = 1_048_576;
/** Of the agent's process, which could take all of the machine's. */
const MAX_GROWTH = 64 * MEBIBYTE;

/** An agent in a process with little room, which says nothing but its port as long as all is well. */
class AgentProcess {
  readonly process: ChildProcess;
  readonly lines: string[] = [];
  #asked = 0;

  constructor() {
    const program = fileURLToPath(new URL("agent-process.ts", import.meta.url));
    this.process = spawn(process.execPath, ["--expose-gc", "--max-old-space-size=64", "--import", "tsx", program], {
      stdio: ["pipe", "pipe", "inherit"],
      cwd: projectRoot,
    });
    if (this.process.stdout !== null) createInterface(this.process.stdout).on("line", (line) => this.lines.push(line));
    atEnd(() => {
      this.process.kill("SIGKILL");
    });
  }

  async port(): Promise<number> {
    await until(() => this.lines.length > 0 || this.process.exitCode !== null, "the agent listens");
    return Number(this.lines[0]?.slice("port ".length));
  }

  async rss(): Promise<number> {
    this.#asked++;
    this.process.stdin?.write("\n");
    const answers = (): readonly string[] => this.lines.filter((line) => line.startsWith("rss "));
    await until(() => answers().length === this.#asked || this.process.exitCode !== null, "the agent answers");
    return Number(answers().at(-1)?.slice("rss ".length));
  }
}

function connected(port: number): Socket {
  const socket = createConnection({ port, host: "127.0.0.1", noDelay: true });
  socket.on("error", () => undefined);
  return socket;
}

/** Sends bytes on a connection of their own, until the agent has closed it or has not for a while. */
async function thrown(port: number, bytes: readonly Buffer[], patienceMs: number): Promise<void> {
  const socket = connected(port);
  socket.resume();
  for (const part of bytes) socket.write(part);
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => socket.destroy(), patienceMs);
    socket.once("close", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

const BOOTSTRAP = raw(8, 1, 1, () => undefined);

/** A call of the bootstrap whose payload begins with these words, as one whole message. */
function callWith(...payload: readonly bigint[]): Buffer {
  return message([
    structPointer(0, 1, 1),
    2n,
    structPointer(0, 3, 3),
    1n,
    AUTHENTICATOR.id,
    0n,
    structPointer(2, 1, 1),
    structPointer(3, 0, 2),
    0n,
    1n << 32n,
    structPointer(-1, 0, 0),
    ...payload,
  ]);
}

const BOMBS: readonly (readonly [name: string, ...parts: readonly Buffer[]])[] = [
  ["2^32 segments", Buffer.alloc(8, 0xff)],
  ["a segment of 2^32 words", Buffer.from("00000000ffffffff", "hex"), Buffer.alloc(60_000)],
  ["512 segments of 2^32 words", Buffer.concat([Buffer.from("ff010000", "hex"), Buffer.alloc(2_052, 0xff)])],
  ["513 segments", Buffer.concat([Buffer.from("00020000", "hex"), Buffer.alloc(2_052)])],
  [
    "messages of 512 empty segments",
    ...Array.from({ length: 200 }, () => message(...Array.from({ length: 512 }, () => []))),
  ],
  ["empty messages", Buffer.alloc(1_000_000)],
  ["a table of 2^28 capabilities", BOOTSTRAP, callWith(0n, listPointer(0, 7, 0), listTag(1 << 28, 0, 0))],
  ["a table of 2^29 bytes", BOOTSTRAP, callWith(0n, listPointer(0, 2, (1 << 29) - 1))],
  ["a payload that is its own table", BOOTSTRAP, callWith(0n, structPointer(-3, 0, 2))],
  ["a table in a table", BOOTSTRAP, callWith(0n, listPointer(-1, 7, 1))],
  ["a message inside of itself", message([structPointer(0, 1, 1), 0n, structPointer(-3, 1, 1)])],
  ["far pointers in a circle", message([farPointer(1, 0)], [farPointer(0, 0)])],
  ["double far pointers in a circle", message([farPointer(0, 0, true), farPointer(0, 0, true)])],
  [
    "a call to a call to a call",
    BOOTSTRAP,
    ...Array.from({ length: 40 }, (_, id) => rawCall(id + 1, { answer: id, path: [0] }, 1n, 1)),
  ],
  ["a call to itself", BOOTSTRAP, rawCall(1, { answer: 1 }, 1n, 1)],
  [
    "capabilities without end",
    BOOTSTRAP,
    ...Array.from({ length: 30 }, (_, id) =>
      rawCall(id + 1, { answer: 0 }, 1n, 1, {
        rows: Array.from({ length: 60 }, (_, row) => [1, id * 60 + row] as const),
      }),
    ),
  ],
  [
    "bootstraps without end",
    ...Array.from({ length: 2_000 }, (_, id) =>
      raw(8, 1, 1, (body) => {
        body.uint32(0, id);
      }),
    ),
  ],
  [
    "disembargoes without end",
    ...Array.from({ length: 20_000 }, () =>
      raw(13, 1, 1, (body) => {
        writeTarget(body, { object: 0 });
      }),
    ),
  ],
  ["messages of no kind without end", ...Array.from({ length: 20_000 }, () => raw(77, 1, 1, () => undefined))],
  [
    "challenges without end",
    BOOTSTRAP,
    ...Array.from({ length: 20_000 }, () => rawCall(1, { answer: 0 }, AUTHENTICATOR.id, AUTHENTICATOR.challenge)),
  ],
];

describe("an agent under attack", () => {
  const theirs = new AgentProcess();
  let port = 0;
  let before = 0;

  beforeAll(async () => {
    port = await theirs.port();
    // Once all of it, so that what is compared later is loaded.
    for (const [, ...parts] of BOMBS) await thrown(port, parts, 20);
    before = await theirs.rss();
  });

  /** It still lets the right key in, has met no bug, and takes no more memory. */
  async function isWell(): Promise<void> {
    const gateway = await client(port);
    await expect(gateway.ping(NEVER)).resolves.toMatchObject({ hostname: "scripted" });
    gateway.close();
    expect((await theirs.rss()) - before).toBeLessThan(MAX_GROWTH);
    expect(theirs.lines.filter((line) => !/^(?:port|rss) /.test(line))).toEqual([]);
    expect(theirs.process.exitCode).toBeNull();
  }

  it.each(BOMBS.map(([name, ...parts]) => [name, parts] as const))("survives %s", async (_, parts) => {
    await Promise.all(Array.from({ length: 5 }, async () => thrown(port, parts, 50)));
    await isWell();
  });

  it("survives changed recordings and random bytes", async () => {
    const random = new Random(SEED);
    const recordings = TRANSCRIPTS.map(({ lines }) =>
      lines.filter(({ isGateway }) => isGateway).map(({ bytes }) => bytes),
    );
    const cases = Array.from({ length: 800 }, () => {
      if (random.below(8) === 0)
        return [Buffer.from(Array.from({ length: 8 + random.below(300) }, () => random.below(256)))];
      const parts = random.of(recordings).map((bytes) => Buffer.from(bytes));
      for (let left = 1 + random.below(6); left > 0; left--) {
        const part = random.of(parts);
        part[8 + random.below(part.length - 8)] = random.below(2) === 0 ? 0xff : random.below(256);
      }
      return parts.slice(0, 1 + random.below(parts.length));
    });
    for (let at = 0; at < cases.length; at += 40)
      await Promise.all(cases.slice(at, at + 40).map(async (parts) => thrown(port, parts, 15)));
    await isWell();
  });

  it("survives many connections that begin a message and do not end it", async () => {
    const sockets = Array.from({ length: 200 }, () => connected(port));
    const almost = Buffer.concat([Buffer.from("00000000fe1f0000", "hex"), Buffer.alloc(60_000)]);
    for (const socket of sockets) socket.write(almost);
    await until(() => sockets.every(({ writableLength }) => writableLength === 0), "all of it is sent");
    await isWell();
    for (const socket of sockets) socket.destroy();
  });

  it("survives gateways that read nothing of what they ask for", async () => {
    const sockets = Array.from({ length: 10 }, () => connected(port));
    const asking = rawCall(1, { answer: 0 }, AUTHENTICATOR.id, AUTHENTICATOR.challenge);
    const much = Buffer.concat([BOOTSTRAP, ...Array.from({ length: 20_000 }, () => asking)]);
    for (const socket of sockets) {
      socket.pause();
      socket.write(much);
    }
    await until(() => sockets.every(({ writableLength }) => writableLength < much.length), "they are read at first");
    await isWell();
    for (const socket of sockets) socket.destroy();
  });
});

describe("an agent and a gateway that has the key, and is hostile", () => {
  async function admitted(port: number): Promise<RawPeer> {
    const peer = new RawPeer(connected(port));
    let received = Buffer.alloc(0);
    peer.socket.on("data", (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
    });
    peer.send(BOOTSTRAP, rawCall(1, { answer: 0 }, AUTHENTICATOR.id, AUTHENTICATOR.challenge));
    await peer.following(2);
    const proof = createHmac("sha256", "secret").update(received.subarray(-32)).digest();
    peer.send(
      raw(2, 3, 3, (body) => {
        body.uint32(0, 2);
        body.uint16(4, AUTHENTICATOR.authenticate);
        body.uint64(8, AUTHENTICATOR.id);
        writeTarget(body, { answer: 0 });
        body.struct(1, 0, 2).struct(0, 0, 1).data(0, proof);
      }),
    );
    expect(await peer.next()).toBe("return 2 results with hosted 1");
    return peer;
  }

  it("does not read one long text ten thousand times", async () => {
    const theirs = new AgentProcess();
    const peer = await admitted(await theirs.port());
    const before = await theirs.rss();
    const variables = 10_000;
    const words = 8_000;
    const first = 19 + 2;
    const texts = 2 * variables + first;
    const list = Array.from({ length: 2 * variables }, (_, index) =>
      listPointer(texts - (first + index) - 1, 2, words * 8),
    );
    peer.send(
      message([
        structPointer(0, 1, 1),
        2n,
        structPointer(0, 3, 3),
        3n | (BigInt(COMMAND_AGENT.exec) << 32n),
        COMMAND_AGENT.id,
        0n,
        structPointer(2, 1, 1),
        structPointer(3, 0, 2),
        0n,
        1n,
        0n,
        structPointer(1, 0, 1),
        0n,
        structPointer(0, 1, 4),
        0n,
        0n,
        0n,
        listPointer(2, 7, 2 * variables),
        0n,
        0n,
        listTag(variables, 0, 2),
        ...list,
        ...Array.from({ length: words - 1 }, () => 0x6161_6161_6161_6161n),
        0x0061_6161_6161_6161n,
      ]),
    );
    expect(await peer.next()).toMatch(/^return 3 exception failed "the message is read more often than it is long"/);
    expect((await theirs.rss()) - before).toBeLessThan(MAX_GROWTH);
    expect(theirs.lines.filter((line) => line.startsWith("bug"))).toEqual([]);
  });

  it("does not run more calls at the same time than it may", async () => {
    const theirs = new AgentProcess();
    const peer = await admitted(await theirs.port());
    const before = await theirs.rss();
    const sleeping = (id: number): Buffer =>
      raw(2, 3, 3, (body) => {
        body.uint32(0, id);
        body.uint16(4, COMMAND_AGENT.exec);
        body.uint64(8, COMMAND_AGENT.id);
        writeTarget(body, { object: 1 });
        const request = body.struct(1, 0, 2).struct(0, 0, 1).struct(0, 1, 4);
        request.text(0, "sleep");
        request.text(1, "x".repeat(5_000));
      });
    for (let id = 3; id < 1_100; id++) peer.send(sleeping(id));
    await until(() => peer.isClosed, "it is closed");
    expect(peer.heard.at(-1)).toMatch(/^abort failed "more than 1024 calls/);
    expect((await theirs.rss()) - before).toBeLessThan(MAX_GROWTH);
  });
});
