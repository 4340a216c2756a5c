import { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, it } from "vitest";
import { LINGER_BYTES, LINGER_MS, MAX_REQUEST_BYTES, READ_DEADLINE_MS, WRITE_DEADLINE_MS } from "../../wire/limits.ts";
import type { OperationReply } from "../../wire/schema.ts";
import { connect, send } from "../fixtures/exchange.ts";
import { replyOf, Switchboard, until, type Handle } from "./connections.ts";

const REQUEST = '{"operation":"test_op"}';
const hello: Handle = async () => Promise.resolve(replyOf("hello"));

function denial(text: string): OperationReply {
  return JSON.parse(text) as OperationReply;
}

describe.concurrent("the time limits of a connection", () => {
  it.for(["unix", "tcp"] as const)(
    "a reader that never reads is dropped at the write deadline, over %s [promise 9]",
    async (kind, { expect }) => {
      const board = new Switchboard(async () => Promise.resolve(replyOf("x".repeat(60_000_000))));
      const socket = await connect(await board.listen(kind));
      socket.on("error", () => undefined);
      socket.pause();
      const started = performance.now();
      socket.write(REQUEST);
      await until(() => board.dropped.length > 0, WRITE_DEADLINE_MS + 5_000);
      expect(board.dropped).toEqual(["the reply was not read in time"]);
      expect(performance.now() - started).toBeGreaterThan(WRITE_DEADLINE_MS - 100);
      await board.allGone();
      expect([board.limits.open, board.slots.used]).toEqual([0, 0]);
      socket.destroy();
    },
  );

  it("a client that sends its request byte by byte is told at the deadline, however busy it is", async ({ expect }) => {
    const board = new Switchboard(hello);
    const parts = Array.from({ length: 52 }, () => "a");
    const { text, ms } = await send(await board.listen("unix"), ['{"operation":"', ...parts], { pauseMs: 100 });
    expect(denial(text)).toMatchObject({
      code: "frame_timeout",
      denied_reason: "Invalid JSON: no complete request within 5 s (i/o timeout)",
    });
    expect(ms).toBeGreaterThan(READ_DEADLINE_MS - 100);
    expect(board.refused).toMatchObject([{ code: "frame_timeout" }]);
  });

  it("a client that sends nothing is told so too", async ({ expect }) => {
    const board = new Switchboard(hello);
    const { text, ms } = await send(await board.listen("tcp"), []);
    expect(denial(text)).toMatchObject({ code: "frame_timeout" });
    expect(ms).toBeGreaterThan(READ_DEADLINE_MS - 100);
  });

  it("a command that runs longer than the read deadline is none of its business", async ({ expect }) => {
    const board = new Switchboard(async () => {
      await sleep(READ_DEADLINE_MS + 500);
      return replyOf("late");
    });
    expect(denial((await send(await board.listen("unix"), [REQUEST])).text)).toMatchObject({ stdout: "late" });
  });

  it.for([
    ["its reply", REQUEST],
    ["its refusal", "x"],
    ["no answer to white space alone", " ".repeat(MAX_REQUEST_BYTES + 1)],
  ] as const)("a client that never closes is let go a little after it got %s", async ([, sent], { expect }) => {
    const board = new Switchboard(hello);
    const socket = await connect(await board.listen("tcp"));
    socket.on("error", () => undefined);
    socket.resume();
    const started = performance.now();
    socket.write(sent);
    await until(() => board.connections.length === 1);
    await board.allGone();
    expect(performance.now() - started).toBeGreaterThan(LINGER_MS - 100);
    expect(board.limits.open).toBe(0);
    socket.destroy();
  });

  it("a client that never stops writing is cut off at a bound [promise 9]", async ({ expect }) => {
    const board = new Switchboard(hello);
    const socket = await connect(await board.listen("unix"));
    socket.on("error", () => undefined);
    const part = Buffer.alloc(1 << 20, "a");
    const pump = (): void => {
      while (!socket.destroyed && socket.write(part));
      socket.once("drain", pump);
    };
    pump();
    await until(() => board.connections.length === 1);
    await board.allGone();
    const [served] = board.sockets;
    const read = served instanceof Socket ? served.bytesRead : 0;
    expect(read).toBeGreaterThan(LINGER_BYTES);
    expect(read).toBeLessThan(LINGER_BYTES + (1 << 20));
    socket.destroy();
  });
});
