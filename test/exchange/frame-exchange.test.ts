import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FRAME, frameHeader, jsonFrame, PREFACE } from "../../wire/frames.ts";
import { MAX_DATA_FRAME_BYTES, MAX_PENDING_STDIN_BYTES, MAX_REQUEST_BYTES_ANNOUNCED } from "../../wire/limits.ts";
import type { Live } from "../../wire/live.ts";
import type { OutcomeFields } from "../../wire/schema.ts";
import { CANCEL, FrameTalk, requestBytes, STDIN_END, stdinBytes, type Got } from "../fixtures/frame-talk.ts";
import { replyOf, Switchboard, until, type Handle } from "./connections.ts";

const RUN = { operation: "test_op" };
const ACCEPTED = { run_id: "r", operation: "test_op", stdin: true, timeout_seconds: 1 };
const HELLO = {
  name: "hello",
  payload: { protocol: 2, capabilities: ["stdin", "cancel", "runs", "background", "filtered", "watch", "argv", "mcp"] },
};

/** An engine that works with the client that is there. */
function lively(work: (live: Live, signal: AbortSignal) => Promise<void>): Handle {
  return async (_message, _peer, signal, live) => {
    if (live === undefined) throw new Error("no client");
    live.accepted({ ...ACCEPTED, stdin: live.stdin !== undefined });
    await work(live, signal);
    return replyOf("");
  };
}

const idle = lively(async () => Promise.resolve());
const untilAborted = lively(
  async (_live, signal) =>
    new Promise((resolve) => {
      signal.addEventListener("abort", () => {
        resolve();
      });
    }),
);
const echo = lively(async ({ stdin, output }) => {
  for await (const chunk of stdin ?? []) await output.write("stdout", chunk as Buffer);
});

async function talk(handle: Handle, ...parts: readonly Buffer[]): Promise<{ board: Switchboard; talk: FrameTalk }> {
  const board = new Switchboard(handle);
  return { board, talk: await FrameTalk.open(await board.listen("unix"), ...parts) };
}

async function all(handle: Handle, ...parts: readonly Buffer[]): Promise<readonly Got[]> {
  return (await talk(handle, ...parts)).talk.ended;
}

function outcomeOf(got: readonly Got[]): OutcomeFields {
  const last = got.at(-1);
  if (last?.name !== "outcome") throw new Error(`the last frame is ${last?.name ?? "missing"}`);
  return last.payload as OutcomeFields;
}

describe("a connection that speaks frames", () => {
  it("begins on both sides with the preface, and gives hello, accepted, output in order, one outcome, and the end", async () => {
    const work = lively(async ({ output, notice }) => {
      await output.write("stdout", Buffer.from("one\n"));
      await output.write("stderr", Buffer.from("two\n"));
      notice({ text: "something" });
      await output.write("stdout", Buffer.from("three\n"));
    });
    const one = await talk(work, requestBytes(RUN));
    expect(await one.talk.ended).toEqual([
      HELLO,
      { name: "accepted", payload: { ...ACCEPTED, stdin: false } },
      { name: "stdout", payload: "one\n" },
      { name: "stderr", payload: "two\n" },
      { name: "notice", payload: { text: "something" } },
      { name: "stdout", payload: "three\n" },
      { name: "outcome", payload: { outcome: "completed", exit_code: 0, stdout_bytes: 0, stderr_bytes: 0 } },
    ]);
    expect(one.talk.preface).toEqual(PREFACE);
    await one.board.allGone();
  });

  it("means the same however its bytes are cut", async () => {
    const bytes = Buffer.concat([
      requestBytes({ ...RUN, stdin: true }),
      stdinBytes("hello "),
      stdinBytes("there"),
      STDIN_END,
    ]);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 20 }), async (sizes) => {
        const parts: Buffer[] = [];
        for (let at = 0, index = 0; at < bytes.length; index++) {
          const size = sizes[index % sizes.length] ?? 1;
          parts.push(bytes.subarray(at, at + size));
          at += size;
        }
        const got = await all(echo, ...parts);
        expect(got.find(({ name }) => name === "stdout")?.payload).toBe("hello there");
        expect(outcomeOf(got).outcome).toBe("completed");
      }),
      { numRuns: 15 },
    );
  });

  it("gives the reply of any other request in one frame, as the other protocol writes it", async () => {
    const list: Handle = async () => Promise.resolve({ shape: "list", operations: [], revision: "x" });
    expect(await all(list, requestBytes({ list_operations: true }))).toEqual([
      HELLO,
      { name: "reply", payload: { operations: [], revision: "x" } },
    ]);
  });

  it("splits what is too long for one frame", async () => {
    const work = lively(async ({ output }) => {
      await output.write("stdout", Buffer.alloc(3 * MAX_DATA_FRAME_BYTES + 5, "x"));
    });
    const got = await all(work, requestBytes(RUN));
    expect(String(got.find(({ name }) => name === "stdout")?.payload)).toHaveLength(3 * MAX_DATA_FRAME_BYTES + 5);
  });
});

describe("a client that speaks frames and then", () => {
  it("cancels: the operation is told, and its outcome still comes", async () => {
    const one = await talk(untilAborted, requestBytes(RUN));
    await one.talk.until("accepted");
    one.talk.send(CANCEL);
    expect(outcomeOf(await one.talk.ended).outcome).toBe("completed");
    expect(one.board.call.signal.reason).toBe("cancelled");
  });

  it("goes away or closes its sending side: the operation is told that nobody is there", async () => {
    for (const leave of ["destroy", "end"] as const) {
      const one = await talk(untilAborted, requestBytes(RUN));
      await one.talk.until("accepted");
      one.talk.socket[leave]();
      await until(() => one.board.call.signal.aborted);
      expect(one.board.call.signal.reason).toBe("disconnected");
      await one.board.allGone();
    }
  });

  it("reads nothing: the operation is held, and goes on when it reads again", async () => {
    let written = 0;
    const work = lively(async ({ output }) => {
      for (; written < 200; written++) await output.write("stdout", Buffer.alloc(65_536));
    });
    const one = await talk(work, requestBytes(RUN));
    one.talk.socket.pause();
    await sleep(300);
    expect(written).toBeLessThan(100);
    one.talk.socket.resume();
    const got = await one.talk.ended;
    expect(String(got.find(({ name }) => name === "stdout")?.payload)).toHaveLength(200 * 65_536);
  });

  it("sends more input than anybody reads: it is not read any more, asked whether it is there, and missed when it is not", async () => {
    const one = await talk(untilAborted, requestBytes({ ...RUN, stdin: true }));
    const part = stdinBytes(Buffer.alloc(MAX_DATA_FRAME_BYTES));
    const sent = 8 * MAX_PENDING_STDIN_BYTES;
    for (let at = 0; at < sent; at += MAX_DATA_FRAME_BYTES) one.talk.send(part);
    await one.talk.until("alive");
    expect(one.talk.socket.writableLength).toBeGreaterThan(sent / 2);
    one.talk.socket.destroy();
    await until(() => one.board.call.signal.aborted);
    await one.board.allGone();
  });

  it("sends input that the operation does not take: it is dropped", async () => {
    const work: Handle = async (_message, _peer, _signal, live) => {
      live?.accepted({ ...ACCEPTED, stdin: false });
      await sleep(200);
      return replyOf("");
    };
    const one = await talk(work, requestBytes({ ...RUN, stdin: true }));
    for (let index = 0; index < 100; index++) one.talk.send(stdinBytes(Buffer.alloc(MAX_DATA_FRAME_BYTES)));
    expect(outcomeOf(await one.talk.ended).outcome).toBe("completed");
  });
});

const oversize = (type: number, length: number): Buffer => {
  const header = Buffer.alloc(5);
  header[0] = type;
  header.writeUInt32BE(length, 1);
  return header;
};

describe("frames that are against the rules", () => {
  it.each<readonly [string, string, readonly Buffer[]]>([
    [
      "a request beyond the limit",
      "frame_too_large",
      [PREFACE, oversize(FRAME.request, MAX_REQUEST_BYTES_ANNOUNCED + 1)],
    ],
    ["a request of four gigabytes", "frame_too_large", [PREFACE, oversize(FRAME.request, 0xffffffff)]],
    ["an unknown type", "frame_malformed", [PREFACE, oversize(0x7f, 0)]],
    ["a type that only a daemon sends", "frame_malformed", [PREFACE, jsonFrame(FRAME.accepted, ACCEPTED)]],
    ["input before the request", "frame_malformed", [PREFACE, stdinBytes("x")]],
    ["a cancel before the request", "frame_malformed", [PREFACE, CANCEL]],
    ["a request that is no JSON", "json_invalid", [PREFACE, frameHeader(FRAME.request, 3), Buffer.from("{]}")]],
    ["an empty request", "json_invalid", [PREFACE, frameHeader(FRAME.request, 0)]],
    [
      "a request that is not UTF-8",
      "json_invalid",
      [PREFACE, frameHeader(FRAME.request, 9), Buffer.from('{"a":"\xff"}', "latin1")],
    ],
    [
      "a member that stands twice",
      "json_duplicate_key",
      [PREFACE, frameHeader(FRAME.request, 13), Buffer.from('{"a":1,"a":2}')],
    ],
    [
      "something behind the object",
      "json_trailing_data",
      [PREFACE, frameHeader(FRAME.request, 4), Buffer.from("{} x")],
    ],
    [
      "a version that is not known",
      "protocol_unsupported",
      [Buffer.concat([PREFACE.subarray(0, 7), Buffer.from([9])])],
    ],
  ])("%s: denied with a code, and nothing runs", async (_what, code, parts) => {
    const one = await talk(idle, ...parts);
    expect(outcomeOf(await one.talk.ended)).toMatchObject({ outcome: "denied", code, exit_code: 1 });
    expect(one.board.calls).toEqual([]);
    await one.board.allGone();
  });

  it.each<readonly [string, string, object, Buffer]>([
    ["a second request", "frame_malformed", {}, jsonFrame(FRAME.request, RUN)],
    ["input that was not offered", "frame_malformed", {}, stdinBytes("x")],
    ["an end of input that was not offered", "frame_malformed", {}, STDIN_END],
    ["input after its end", "frame_malformed", { stdin: true }, Buffer.concat([STDIN_END, stdinBytes("x")])],
    ["a second end of input", "frame_malformed", { stdin: true }, Buffer.concat([STDIN_END, STDIN_END])],
    ["an unknown type", "frame_malformed", {}, oversize(0x66, 1)],
    [
      "input in a frame that is too long",
      "frame_too_large",
      { stdin: true },
      oversize(FRAME.stdin, MAX_DATA_FRAME_BYTES + 1),
    ],
    ["a cancel with a payload", "frame_too_large", {}, oversize(FRAME.cancel, 1)],
  ])("%s while the operation runs: it is ended, and has failed with a code", async (_what, code, request, bytes) => {
    const one = await talk(untilAborted, requestBytes({ ...RUN, ...request }));
    await one.talk.until("accepted");
    one.talk.send(bytes);
    expect(outcomeOf(await one.talk.ended)).toMatchObject({ outcome: "failed", code });
    expect(one.board.call.signal.reason).toBe("cancelled");
    await one.board.allGone();
  });

  it("nothing but part of a request before the connection is closed: denied", async () => {
    const one = await talk(idle, requestBytes(RUN).subarray(0, 20));
    one.talk.socket.end();
    expect(outcomeOf(await one.talk.ended)).toMatchObject({ outcome: "denied", code: "frame_malformed" });
  });

  it("the first byte alone: refused in the other protocol's words", async () => {
    const board = new Switchboard(idle);
    const address = await board.listen("unix");
    const socket = (await FrameTalk.open(address)).socket;
    socket.removeAllListeners("data");
    const text = new Promise<string>((resolve) => {
      let so = "";
      socket.on("data", (chunk: Buffer) => (so += chunk.toString()));
      socket.once("end", () => {
        resolve(so);
      });
    });
    socket.write(Buffer.from([0x89, 0x50, 0x4e, 0x47]));
    expect(JSON.parse(await text)).toMatchObject({ outcome: "denied", code: "json_invalid" });
    socket.end();
    await board.allGone();
  });
});

describe("limits on connections that speak frames", () => {
  it("hold as for the others: with every place taken, a new connection is closed", async () => {
    const board = new Switchboard(untilAborted, { slots: 1 });
    const address = await board.listen("unix");
    const first = await FrameTalk.open(address, requestBytes(RUN));
    await first.until("accepted");
    const second = await FrameTalk.open(address, requestBytes(RUN));
    expect(await second.ended).toEqual([]);
    first.socket.destroy();
    await until(() => board.slots.used === 0);
  });

  it("of requests that wait are their own, and say so", async () => {
    const waits: Handle = async (_message, _peer, signal) =>
      new Promise((resolve) => {
        signal.addEventListener("abort", () => {
          resolve({ shape: "list", operations: [], revision: "" });
        });
      });
    const board = new Switchboard(waits, { slots: 1, waiting: 2 });
    const address = await board.listen("unix");
    const held = [
      await FrameTalk.open(address, requestBytes({ watch_operations: "x", wait_seconds: 9 })),
      await FrameTalk.open(address, requestBytes({ watch_operations: "x", wait_seconds: 9 })),
    ];
    await until(() => board.calls.length === 2);
    const third = await FrameTalk.open(address, requestBytes({ watch_operations: "x", wait_seconds: 9 }));
    expect((await third.ended).at(-1)).toMatchObject({ name: "reply", payload: { code: "too_many_waiting" } });
    expect(board.slots.used).toBe(0);
    for (const { socket } of held) socket.destroy();
    await board.allGone();
  });
});
