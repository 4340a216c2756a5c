import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { PenaltyRoom } from "../../host/exchange/limits.ts";
import { CodedError } from "../../wire/errors.ts";
import { MAX_REQUEST_BYTES } from "../../wire/limits.ts";
import type { Reply } from "../../wire/outcome.ts";
import { deniedBy } from "../../wire/reply.ts";
import type { OperationReply } from "../../wire/schema.ts";
import { connect, send } from "../fixtures/exchange.ts";
import { endOf } from "../fixtures/said.ts";
import { replyOf, Switchboard, until, type Handle } from "./connections.ts";

const REQUEST = '{"operation":"test_op"}';
const both = ["unix", "tcp"] as const;

const hello: Handle = async () => Promise.resolve(replyOf("hello"));

/** Waits for the signal to be aborted, then replies. */
const untilAborted: Handle = async (_, __, signal) =>
  new Promise((resolve) => {
    signal.addEventListener("abort", () => {
      resolve(replyOf("ended"));
    });
  });

function after(ms: number): Handle {
  return async () => {
    await sleep(ms);
    return replyOf("hello");
  };
}

function parsed(text: string): OperationReply {
  return JSON.parse(text) as OperationReply;
}

describe.concurrent.each(both)("a connection over %s", (kind) => {
  it("gives one reply to one request and is closed", async () => {
    const board = new Switchboard(hello);
    const { text } = await send(await board.listen(kind), [REQUEST]);
    expect(parsed(text)).toMatchObject({ stdout: "hello", outcome: "completed" });
    expect(text.endsWith("}")).toBe(true);
    expect(board.call.message).toEqual({ operation: "test_op" });
    await board.allGone();
    expect([board.limits.open, board.slots.used]).toEqual([0, 0]);
    expect(board.call.signal.aborted).toBe(false);
  });

  it("takes a request in parts, and a client that has closed its sending side", async () => {
    const board = new Switchboard(hello);
    const address = await board.listen(kind);
    expect(
      parsed((await send(address, [" ", '{"operation":', '"x"}', " \n"], { pauseMs: 20, halfClose: true })).text),
    ).toMatchObject({ stdout: "hello" });
    expect(parsed((await send(address, [REQUEST], { halfClose: true })).text)).toMatchObject({ stdout: "hello" });
    expect(board.refused).toEqual([]);
  });

  it.each([[[]], [[" \n\t"]]])("that ends without a request gets no answer: %j", async (parts) => {
    const board = new Switchboard(hello);
    expect(await send(await board.listen(kind), parts, { halfClose: true })).toMatchObject({
      text: "",
      error: undefined,
    });
    await board.allGone();
    expect(board.calls).toEqual([]);
    expect([board.dropped, board.refused]).toEqual([[], []]);
  });

  it("that breaks off its request is told so when it is still there to hear it", async () => {
    const board = new Switchboard(hello);
    const { text } = await send(await board.listen(kind), ['{"operation":'], { halfClose: true });
    expect(parsed(text)).toMatchObject({ denied_reason: "Invalid JSON: unexpected EOF", code: "json_invalid" });
  });

  it("that begins as a browser's is refused at its first byte", async () => {
    const board = new Switchboard(hello);
    const { text } = await send(await board.listen(kind), ["P"]);
    expect(parsed(text)).toMatchObject({ exit_code: 1, code: "json_invalid" });
    expect(board.calls).toEqual([]);
    expect(board.refused).toMatchObject([{ code: "json_invalid" }]);
  });

  it("that is too large gets its denial whole, although the client keeps writing [promise 9]", async () => {
    const board = new Switchboard(hello);
    const part = Buffer.alloc(MAX_REQUEST_BYTES, "a");
    const parts = [Buffer.from('{"operation":"'), ...Array.from({ length: 100 }, () => part)];
    const answer = await send(await board.listen(kind), parts);
    expect(parsed(answer.text)).toMatchObject({
      denied_reason: "Request too large (exceeded 65536 bytes)",
      code: "frame_too_large",
    });
    expect(answer.error).toBeUndefined();
    expect(board.calls).toEqual([]);
  });

  it("with a second object in the same bytes is refused, in the form that the first one asks for", async () => {
    const board = new Switchboard(hello);
    const address = await board.listen(kind);
    const reason = "Invalid request: data after the JSON object; one request per connection";
    expect(parsed((await send(address, [`${REQUEST}{"a":1}`])).text)).toMatchObject({
      denied_reason: reason,
      code: "json_trailing_data",
    });
    expect(JSON.parse((await send(address, ['{"list_operations":true}XX'])).text)).toMatchObject({
      operations: null,
      error: reason,
    });
    expect(JSON.parse((await send(address, ['{"describe_operation":"x"} 1'])).text)).toMatchObject({ error: reason });
    expect(board.calls).toEqual([]);
  });

  it("with a second object in later bytes is refused too, and the first one's command is ended", async () => {
    const board = new Switchboard(untilAborted);
    const { text } = await send(await board.listen(kind), [REQUEST, " \n", "{", '"a":1}', "more"], { pauseMs: 60 });
    expect(parsed(text)).toMatchObject({ code: "json_trailing_data", stdout: "" });
    expect(board.call.signal.reason).toBe("cancelled");
    expect(board.refused).toMatchObject([{ code: "json_trailing_data" }]);
  });

  it("may send white space while its request is worked on", async () => {
    const board = new Switchboard(after(200));
    const { text } = await send(await board.listen(kind), [REQUEST, " ", "\n\t"], { pauseMs: 40 });
    expect(parsed(text)).toMatchObject({ stdout: "hello" });
    expect(board.call.signal.aborted).toBe(false);
  });

  it("that is half-closed hears a sign of life now and then, which does not spoil the reply", async () => {
    const board = new Switchboard(after(1_300));
    const { text } = await send(await board.listen(kind), [REQUEST], { halfClose: true });
    expect(text).toMatch(/^ {1,3}\{/);
    expect(parsed(text)).toMatchObject({ stdout: "hello" });
    expect(board.call.signal.aborted).toBe(false);
  });

  it.each([
    ["half-closed first", true],
    ["open", false],
  ])("that is gone, %s, ends its command soon [promise 10]", async (_, halfClose) => {
    const board = new Switchboard(untilAborted);
    const socket = await connect(await board.listen(kind));
    socket.on("error", () => undefined);
    socket.write(REQUEST);
    await until(() => board.calls.length === 1);
    expect(board.connections[0]?.working).toBe(true);
    if (halfClose) socket.end();
    await sleep(50);
    expect(board.call.signal.aborted).toBe(false);
    socket.destroy();
    await until(() => board.call.signal.aborted, 3_000);
    expect(board.call.signal.reason).toBe("disconnected");
    await board.allGone();
    expect([board.limits.open, board.slots.used]).toEqual([0, 0]);
  });

  it("beyond the number of requests in flight is closed without a byte", async () => {
    const board = new Switchboard(untilAborted, { slots: 1 });
    const address = await board.listen(kind);
    const first = await connect(address);
    const second = await connect(address);
    await until(() => board.connections.length === 2);
    first.write(REQUEST);
    await until(() => board.slots.full);
    // Accepted while there was room, and complete when there was none.
    second.resume().write(REQUEST);
    await once(second, "end");
    expect(second.bytesRead).toBe(0);
    expect(board.dropped).toEqual(["max_in_flight=1 reached"]);
    expect((await send(address, [REQUEST])).text).toBe("");
    expect(board.started).toEqual([true, true, false]);
    expect(board.calls).toHaveLength(1);
    first.destroy();
    await until(() => !board.slots.full);
  });

  it("gets the slot of a failed authentication while that one still waits for its answer", async () => {
    const unauthenticated: Reply = { shape: "list", error: new CodedError("unauthenticated", "Authentication failed") };
    const board = new Switchboard(
      async (message) => Promise.resolve(JSON.stringify(message).includes("good") ? replyOf("hello") : unauthenticated),
      { slots: 1 },
    );
    const address = await board.listen(kind);
    const bad = send(address, ['{"list_operations":true}']);
    await until(() => board.calls.length === 1 && board.slots.used === 0);
    expect(parsed((await send(address, ['{"operation":"good"}'])).text)).toMatchObject({ stdout: "hello" });
    expect(board.connections[0]?.working).toBe(false);
    const { text, ms } = await bad;
    expect(JSON.parse(text)).toMatchObject({ operations: null, error: "Authentication failed" });
    expect(ms).toBeGreaterThan(290);
  });
});

describe.concurrent("a failed authentication", () => {
  const error = new CodedError("unauthenticated", "Authentication failed");
  const replies: readonly Reply[] = [
    endOf(deniedBy(error), { requestId: "r" }),
    { shape: "list", error },
    { shape: "describe", error },
  ];

  it.each(replies)("is answered late in the form of $shape", async (reply) => {
    const board = new Switchboard(async () => Promise.resolve(reply));
    const { text, ms } = await send(await board.listen("unix"), [REQUEST]);
    expect(text).toContain("Authentication failed");
    expect(ms).toBeGreaterThan(290);
  });

  it("is the only denial that is answered late", async () => {
    const board = new Switchboard(
      async () => Promise.resolve({ shape: "list", error: new CodedError("project_unknown", "no") }),
      {
        penalty: new PenaltyRoom(60_000, 1, 0),
      },
    );
    expect((await send(await board.listen("unix"), [REQUEST])).text).toContain("project_unknown");
  });

  it("gets no answer at all when too many wait", async () => {
    const board = new Switchboard(async () => Promise.resolve({ shape: "list", error }), {
      penalty: new PenaltyRoom(300, 1, 0),
    });
    const address = await board.listen("unix");
    const answers = await Promise.all([1, 2, 3].map(async () => send(address, [REQUEST])));
    expect(answers.filter(({ text }) => text === "")).toHaveLength(2);
    expect(board.dropped).toEqual(["too many failed authentications", "too many failed authentications"]);
    await board.allGone();
  });

  it("may be closed in favour of another connection while it waits", async () => {
    const board = new Switchboard(async () => Promise.resolve({ shape: "list", error }));
    board.limits.maxTotal = 1;
    const address = await board.listen("unix");
    const bad = send(address, [REQUEST]);
    await until(() => board.calls.length === 1 && board.slots.used === 0);
    const next = send(address, [REQUEST]);
    expect((await bad).text).toBe("");
    expect((await next).text).toContain("Authentication failed");
  });
});

describe("a connection", () => {
  it("that there is no room for is closed at once", async () => {
    const board = new Switchboard(untilAborted);
    board.limits.maxTotal = 1;
    const address = await board.listen("unix");
    const first = await connect(address);
    first.write(REQUEST);
    await until(() => board.calls.length === 1);
    expect((await send(address, [])).text).toBe("");
    expect(board.started).toEqual([true, false]);
    first.destroy();
    await board.allGone();
  });

  it("that a reset ends is ended like any other", async () => {
    const board = new Switchboard(untilAborted);
    const socket = await connect(await board.listen("tcp"));
    socket.write(REQUEST);
    await until(() => board.calls.length === 1);
    socket.resetAndDestroy();
    await until(() => board.call.signal.aborted);
    await board.allGone();
  });

  it("of a stopping daemon has its command ended and still gets its reply", async () => {
    const board = new Switchboard(untilAborted);
    const answer = send(await board.listen("unix"), [REQUEST]);
    await until(() => board.calls.length === 1);
    board.connections[0]?.shutDown();
    expect(parsed((await answer).text)).toMatchObject({ stdout: "ended" });
    expect(board.call.signal.reason).toBe("shutting_down");
  });

  it("can be dropped, and is gone then", async () => {
    const board = new Switchboard(untilAborted);
    const socket = await connect(await board.listen("unix"));
    socket.resume();
    await until(() => board.connections.length === 1);
    const gone = board.allGone();
    board.limits.dropIdle();
    await once(socket, "end");
    await gone;
    await board.allGone();
    expect(board.limits.open).toBe(0);
    socket.destroy();
  });

  it("whose engine fails is closed without an answer, and nothing else suffers", async () => {
    let fail = true;
    const board = new Switchboard(async () => {
      if (fail) throw new Error("a bug\n");
      return Promise.resolve(replyOf("hello"));
    });
    const address = await board.listen("unix");
    expect((await send(address, [REQUEST])).text).toBe("");
    expect(board.dropped).toEqual(["internal error: a bug\n"]);
    fail = false;
    expect(parsed((await send(address, [REQUEST])).text)).toMatchObject({ stdout: "hello" });
    expect(board.slots.used).toBe(0);
  });
});
