import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { Duplex } from "node:stream";
import { Readable } from "node:stream";
import { beforeAll, describe, expect, it } from "vitest";
import { Connection } from "../../host/exchange/connection.ts";
import { ConnectionLimits, PenaltyRoom, Slots } from "../../host/exchange/limits.ts";
import type { ConnectionHost } from "../../host/exchange/line.ts";
import type { LinkPeer } from "../../link/peer.ts";
import { MESSAGE } from "../../link/message.ts";
import { firstWindow } from "../../link/stream-table.ts";
import { Pool, Window } from "../../link/window.ts";
import { StreamedCall } from "../../wire/client-stream.ts";
import { CodedError } from "../../wire/errors.ts";
import { ended } from "../../wire/reply.ts";
import { acquaint, allOf, dialling, echo, hearing, listening, machine, until, type Machine } from "./machines.ts";
import { RawMachine } from "./raw.ts";

let gateway: Machine;
let agent: Machine;

beforeAll(async () => {
  [gateway, agent] = [await machine("gateway"), await machine("web1")];
  await acquaint(gateway, agent);
});

/** A session, and what the agent does with streams. */
async function session(stream: (stream: Duplex) => void, more: object = {}) {
  const { address, listener } = await listening(agent, hearing(stream), more);
  const peer = await dialling(gateway, "web1", address).connected();
  return { peer, listener };
}

/** A stream, and its other end once that is there. */
async function pair(
  more: object = {},
): Promise<{ readonly ours: Duplex; readonly theirs: Duplex; readonly peer: LinkPeer }> {
  const opened: Duplex[] = [];
  const { peer } = await session((stream) => opened.push(stream), more);
  const ours = peer.open();
  await until(() => opened.length > 0);
  const [theirs] = opened;
  if (theirs === undefined) throw new Error("no stream");
  return { ours, theirs, peer };
}

describe("a stream", () => {
  it("ends in each direction by itself, and closes when both have ended", async () => {
    const { ours, theirs, peer } = await pair();
    const seen: string[] = [];
    for (const [name, stream] of [
      ["ours", ours],
      ["theirs", theirs],
    ] as const)
      stream.on("close", () => seen.push(`${name} closed`)).on("finish", () => seen.push(`${name} finished`));
    ours.end("question", () => seen.push("ours ended"));
    expect(String(await allOfHalf(theirs))).toBe("question");
    await until(() => seen.includes("ours ended"));
    expect(seen.filter((line) => line.includes("closed"))).toEqual([]);
    theirs.write("ans");
    theirs.end("wer");
    expect(String(await allOfHalf(ours))).toBe("answer");
    await until(() => ours.closed && theirs.closed);
    expect(ours.errored ?? theirs.errored).toBeNull();
    await until(() => peer.streams === 0);
  });

  it("says how much waits, and drains when the other side reads", async () => {
    const { ours, theirs } = await pair({ window: 65_536 });
    const chunk = randomBytes(100_000);
    let written = 0;
    for (; ours.write(chunk); written++);
    written++;
    expect(ours.writableNeedDrain).toBe(true);
    expect(ours.writableLength).toBe(written * chunk.length);
    expect(theirs.readableFlowing).toBeNull();
    let got = 0;
    theirs.on("data", (bytes: Buffer) => (got += bytes.length));
    await once(ours, "drain");
    await until(() => got === written * chunk.length);
    expect(ours.writableLength).toBe(0);
  });

  it("may be paused, and read in any pieces", async () => {
    const { ours, theirs } = await pair();
    const sent = randomBytes(700_001);
    ours.end(sent);
    const got: Buffer[] = [];
    theirs.on("readable", () => {
      for (let bytes = theirs.read(7_001) as Buffer | null; bytes !== null; bytes = theirs.read(7_001) as Buffer | null)
        got.push(bytes);
    });
    await once(theirs, "end");
    expect(Buffer.concat(got).equals(sent)).toBe(true);
    const { ours: other, theirs: paused } = await pair();
    other.end(sent);
    const pieces: Buffer[] = [];
    paused.on("data", (bytes: Buffer) => {
      pieces.push(bytes);
      paused.pause();
      setImmediate(() => paused.resume());
    });
    await once(paused, "end");
    expect(Buffer.concat(pieces).equals(sent)).toBe(true);
  });

  it("goes on when a reader begins late, or puts something back", async () => {
    const { ours, theirs } = await pair({ window: 65_536, sessionWindow: 1 });
    const sent = randomBytes(500_000);
    ours.end(sent);
    // All that the window lets through is here before somebody reads.
    await once(theirs, "readable");
    await until(() => theirs.readableLength === 16_384);
    const back = theirs.read(100) as Buffer;
    theirs.unshift(back);
    expect((await allOfHalf(theirs)).equals(sent)).toBe(true);
    const { ours: other, theirs: bytewise } = await pair({ window: 65_536, sessionWindow: 1 });
    other.end(sent.subarray(0, 60_000));
    const got: Buffer[] = [];
    bytewise.on("readable", () => {
      for (let byte = bytewise.read(1) as Buffer | null; byte !== null; byte = bytewise.read(1) as Buffer | null)
        got.push(byte);
    });
    await once(bytewise, "end");
    expect(Buffer.concat(got).equals(sent.subarray(0, 60_000))).toBe(true);
  });

  it("takes text and empty chunks", async () => {
    const { ours, theirs } = await pair();
    ours.write("");
    ours.write("é", "utf8");
    ours.write(Buffer.alloc(0));
    ours.end("ff", "hex");
    expect((await allOfHalf(theirs)).toString("hex")).toBe("c3a9ff");
  });

  it("that is destroyed ends for the other side with link_lost", async () => {
    const { ours, theirs, peer } = await pair();
    ours.write("half of it");
    await once(theirs, "readable");
    ours.destroy();
    await until(() => theirs.closed);
    expect(theirs.errored).toMatchObject({
      code: "link_lost",
      message: "the other side gave the stream up before its end",
    });
    await until(() => peer.streams === 0);
    expect(ours.errored).toBeNull();
  });

  it.each([
    ["agent_full", "the other side takes no more streams now"],
    ["link_refused", "the other side does not take the stream"],
    ["cancelled", "the other side gave the stream up before its end"],
  ] as const)("that is turned away with %s says so", async (code, message) => {
    const { peer } = await session((stream) => stream.destroy(new CodedError(code, "no")));
    const stream = peer.open();
    stream.on("error", () => undefined);
    await until(() => stream.closed);
    expect(stream.errored).toMatchObject({ message, code: code === "cancelled" ? "link_lost" : code });
  });

  it("whose reader is gone after it has answered takes what is written, and keeps the answer", async () => {
    const { ours, theirs, peer } = await pair();
    ours.write("question");
    await once(theirs, "readable");
    theirs.end("answer");
    await once(theirs, "finish");
    theirs.destroy();
    await until(() => theirs.closed);
    for (let n = 0; n < 50; n++) ours.write(Buffer.alloc(100_000));
    ours.end();
    expect(String(await allOfHalf(ours))).toBe("answer");
    await until(() => ours.closed);
    expect(ours.errored).toBeNull();
    await until(() => peer.streams === 0);
  });

  it("that nobody has heard of leaves nothing when it is destroyed", async () => {
    const opened: Duplex[] = [];
    const { peer, listener } = await session((stream) => opened.push(stream));
    for (let n = 0; n < 5_000; n++) peer.open().destroy();
    expect(peer.streams).toBe(0);
    const stream = peer.open();
    await until(() => opened.length === 1);
    expect(listener.peers[0]?.streams).toBe(1);
    stream.destroy();
  });

  it("does not end the process when nobody listens to its error", async () => {
    const { ours, theirs, peer } = await pair();
    peer.close("enough");
    await until(() => ours.closed && theirs.closed);
    expect(ours.errored).toMatchObject({ code: "link_lost", message: "web1: enough" });
    expect(theirs.errored).toMatchObject({ code: "link_lost", message: "gateway ended the session (closed: enough)" });
    expect(() => peer.open()).toThrow(expect.objectContaining({ code: "link_lost" }));
    await expect(peer.ping()).rejects.toMatchObject({ code: "link_lost" });
    expect(peer.state).toBe("over");
  });
});

/** All bytes until the end, of a stream that is not closed by it. */
async function allOfHalf(stream: Duplex): Promise<Buffer> {
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  await once(stream, "end");
  return Buffer.concat(chunks);
}

describe("streams beside each other", () => {
  it("have turns: a small one is not behind a large one", async () => {
    let large = 0;
    const { peer } = await session((stream) => {
      stream.once("data", (first: Buffer) => {
        stream.unshift(first);
        if (first[0] === 1) stream.on("data", (bytes: Buffer) => (large += bytes.length));
        else echo(stream);
      });
    });
    const bulk = peer.open();
    const total = 60_000_000;
    Readable.from(
      (function* () {
        for (let n = 0; n < total; n += 100_000) yield Buffer.alloc(100_000, 1);
      })(),
    ).pipe(bulk);
    await until(() => large > 1_000_000);
    const small = peer.open();
    for (let n = 0; n < 20; n++) {
      small.write("?");
      await once(small, "data");
    }
    expect(large).toBeLessThan(total);
    await until(() => large === total);
  });

  it("are as many as the other side takes, and no more", async () => {
    const { peer } = await session((stream) => stream.resume(), { streams: 3 });
    const open = [peer.open(), peer.open(), peer.open()];
    expect(() => peer.open()).toThrow(expect.objectContaining({ code: "agent_full" }));
    open[0]?.destroy();
    await until(() => peer.streams === 2);
    await peer.ping();
    peer.open();
  });

  it("are turned away while those before them are still being read", async () => {
    const held: Duplex[] = [];
    const { peer } = await session(
      (stream) => {
        // Answered, and not read to its end.
        held.push(stream);
        stream.end();
      },
      { streams: 2 },
    );
    for (let n = 0; n < 2; n++) {
      const stream = peer.open();
      stream.end("x");
      await allOf(stream);
    }
    const third = peer.open();
    await until(() => third.closed);
    expect(third.errored).toMatchObject({ code: "agent_full" });
    held[0]?.destroy();
    await until(() => held[0]?.closed === true);
    const fourth = peer.open();
    fourth.end();
    await allOf(fourth);
  });

  it("are opened by no one who may not", async () => {
    const { address, listener } = await listening(agent, hearing(echo));
    const peer = await dialling(gateway, "web1", address).connected();
    expect(() => listener.peer("gateway")?.open()).toThrow(expect.objectContaining({ code: "link_refused" }));
    await peer.ping();
    const other = await listening(agent, hearing());
    const raw = new RawMachine({ port: other.port, key: gateway.identity.current });
    await raw.begin();
    raw.send(MESSAGE.open, 1);
    expect(await raw.goodbye()).toBe("broken: a stream, where none is taken");
  });

  it("can be opened by both sides, where both may", async () => {
    const { address, listener } = await listening(agent, hearing(echo));
    await dialling(gateway, "web1", address, hearing(echo)).connected();
    const stream = listener.peer("gateway")?.open();
    stream?.end("the other way");
    expect(stream === undefined ? undefined : String(await allOf(stream))).toBe("the other way");
  });

  it("put small writes together in one message", async () => {
    const { port, listener } = await listening(agent, hearing(echo));
    const raw = new RawMachine({ port, key: gateway.identity.current });
    await raw.begin();
    const stream = listener.peer("gateway")?.open();
    stream?.cork();
    for (let n = 0; n < 100; n++) stream?.write("abc");
    stream?.uncork();
    const data = await raw.next(MESSAGE.data);
    expect(data.length).toBe(300);
    expect(data.stream).toBe(2);
    stream?.write(Buffer.alloc(65_541 + 65_541));
    expect((await raw.next(MESSAGE.data)).length).toBe(65_236);
    raw.number(MESSAGE.credit, 200_000, 2);
    expect((await raw.next(MESSAGE.data)).length).toBe(65_600);
    expect((await raw.next(MESSAGE.data)).length).toBe(246);
  });
});

describe("a window", () => {
  it("grows with what is read, as far as the session has room, and gives it back", () => {
    const pool = new Pool(100_000);
    const window = new Window(16_384, 65_536, pool);
    window.take(16_384);
    expect(() => {
      window.take(1);
    }).toThrow("data beyond the credit");
    expect(window.read(1)).toBe(0);
    expect(window.read(16_383)).toBe(32_768);
    window.take(32_768);
    expect(window.read(32_768)).toBe(65_536);
    window.take(65_536);
    expect(window.read(65_536)).toBe(65_536);
    const other = new Window(16_384, 1_000_000, pool);
    other.take(16_384);
    expect(other.read(16_384)).toBe(32_768);
    other.take(32_768);
    expect(other.read(32_768)).toBe(32_768 + 32_768);
    window.close();
    // What was left, and what the first one gave back.
    other.take(60_000);
    expect(other.read(60_000)).toBe(60_000 + 1_696 + 49_152);
  });

  it("is such that all streams together hold no more than the session may", () => {
    expect(firstWindow({ window: 1_048_576, sessionWindow: 67_108_864, streams: 1_024 })).toBe(32_768);
    expect(firstWindow({ window: 1_048_576, sessionWindow: 67_108_864, streams: 16 })).toBe(1_048_576);
    expect(firstWindow({ window: 1_048_576, sessionWindow: 1, streams: 1_024 })).toBe(16_384);
  });
});

const NOTHING = { bytes: Buffer.alloc(0), total: 0, truncated: false };

describe("protocol 2 on a stream", () => {
  it("runs as on a socket: output, standard input, end", async () => {
    const host: ConnectionHost = {
      handle: async (_message, _peer, _signal, live) => {
        live?.accepted({
          run_id: "00000000-0000-4000-8000-000000000000",
          operation: "x",
          stdin: true,
          timeout_seconds: 60,
        });
        let length = 0;
        for await (const bytes of live?.stdin ?? []) length += (bytes as Buffer).length;
        for (let n = 0; n < 40; n++) await live?.output.write("stdout", Buffer.alloc(200_000, n));
        return ended(undefined, 2, {
          kind: "completed",
          exitCode: length % 256,
          signal: undefined,
          stdout: NOTHING,
          stderr: NOTHING,
          notice: undefined,
          redacted: 0,
        });
      },
      slots: { work: new Slots(4), wait: new Slots(4), session: new Slots(4) },
      limits: new ConnectionLimits(8, 8),
      penalty: new PenaltyRoom(1, 1, 1),
      dropped: (_, why) => {
        throw new Error(why);
      },
      refused: (_, error) => {
        throw error;
      },
    };
    const { peer } = await session((stream) => {
      // A connection asks for nothing that a stream has not.
      new Connection(stream, { id: "link:gateway", transport: "tcp" } as never, host).start();
    });
    let got = 0;
    const call = new StreamedCall(
      peer.open(),
      {
        stdin: Readable.from([Buffer.alloc(300_000), Buffer.alloc(7)]),
        output: {
          write: (_, bytes) => {
            got += bytes.length;
            return undefined;
          },
        },
      },
      () => undefined,
    );
    const end = await call.run({ operation: "x", stdin: true });
    expect(end).toMatchObject({ kind: "ended", outcome: { exit_code: 300_007 % 256 } });
    expect(got).toBe(8_000_000);
    await until(() => peer.streams === 0);
  });
});
