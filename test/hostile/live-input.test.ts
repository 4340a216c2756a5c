import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CODES } from "../../wire/codes.ts";
import { DaemonClient } from "../../wire/client.ts";
import { FRAME, frameHeader, jsonFrame, PREFACE } from "../../wire/frames.ts";
import type { OutcomeFields } from "../../wire/schema.ts";
import { buildProgram, DaemonProcess, soon, withMark, type Held } from "../contract/routes-process.ts";
import { defaultBase, TOKEN } from "../fixtures/base.ts";
import { connect, send } from "../fixtures/exchange.ts";
import { CANCEL, FrameTalk, requestBytes, STDIN_END, stdinBytes } from "../fixtures/frame-talk.ts";
import { fixturePrograms, tempDirectory } from "../fixtures/temp.ts";

/** Clients that mean no good, against the daemon as a process of its own, whose memory and open files are counted. */

const programs = fixturePrograms();
const markValue = tempDirectory();
const mark = `LIVE_MARK=${markValue}`;
const { base } = defaultBase({
  allowed_operations: ["both", "flood", "brief_flood", "wait", "count", "deaf"],
  operations: {
    both: { command: `${programs}/say`, args_template: ["out"] },
    flood: { command: "yes", args_template: ["a line that is written again and again"] },
    brief_flood: { command: "yes", args_template: ["a line that is written again and again"], timeout: 2 },
    wait: { command: `${programs}/say-and-wait`, args_template: ["60"] },
    count: { command: `${programs}/read-stdin`, stdin: "optional" },
    deaf: { command: `${programs}/say-and-wait`, args_template: ["60"], stdin: "optional", timeout: 2 },
  },
  env: { LIVE_MARK: markValue },
});
const program = await buildProgram();
let daemon = await DaemonProcess.start(program, base, { max_in_flight: 96, kill_grace: 200 });
const { address } = daemon;
const client = new DaemonClient(address, TOKEN);
let atRest = await rested();

/** What it holds when everything that is loaded on first use is loaded. */
async function rested(): Promise<Held> {
  for (let times = 0; times < 20; times++) await client.run({ operation: "both" });
  // Bun opens standard error once more for itself when standard input is first piped to a program.
  const fed = await FrameTalk.open(address, requestBytes({ token: TOKEN, operation: "count", stdin: true }), STDIN_END);
  await fed.ended;
  return daemon.held();
}

/** Memory that was taken is not given back at once, so each flood has a daemon of its own. */
async function another(): Promise<void> {
  await daemon.stop();
  daemon = await DaemonProcess.start(program, base, { max_in_flight: 96, kill_grace: 200 });
  atRest = await rested();
}

/** Megabytes that the daemon may take for what one of these clients does. */
const ROOM = 150;

const ask = (operation: string, more: object = {}): Buffer => requestBytes({ token: TOKEN, operation, ...more });

async function isServed(): Promise<void> {
  expect(await new DaemonClient(address, TOKEN).run({ operation: "both" })).toMatchObject({
    exit_code: 0,
    stdout: "out",
  });
}

async function outcomeOf(talk: FrameTalk): Promise<OutcomeFields> {
  return (await talk.until("outcome")) as OutcomeFields;
}

/** Bytes that come back, as far as they come. Never reads more than asked for. */
async function everything(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  await new Promise<void>((resolve) => {
    socket.once("end", resolve);
    socket.once("close", () => {
      resolve();
    });
  });
  return Buffer.concat(chunks);
}

afterEach(async () => {
  expect(daemon.isAlive).toBe(true);
  await isServed();
  await soon(() => withMark(mark).length === 0, 15_000);
  expect(withMark(mark)).toEqual([]);
  expect(await daemon.hasClosed(atRest)).toBe(true);
  expect(daemon.output).not.toContain("internal error");
});

function oversize(type: number, length: number): Buffer {
  const header = Buffer.alloc(5);
  header[0] = type;
  header.writeUInt32BE(length, 1);
  return header;
}

describe.runIf(process.platform === "linux")("a client that breaks the rules", () => {
  it.each<readonly [string, string, readonly Buffer[]]>([
    ["a request of four gigabytes", "frame_too_large", [PREFACE, oversize(FRAME.request, 0xffffffff)]],
    ["an unknown type", "frame_malformed", [PREFACE, oversize(0x7f, 0)]],
    ["input before the request", "frame_malformed", [PREFACE, stdinBytes("x")]],
    ["a request that is no JSON", "json_invalid", [PREFACE, frameHeader(FRAME.request, 3), Buffer.from("{]}")]],
    ["a second request", "frame_malformed", [ask("wait"), jsonFrame(FRAME.request, {})]],
    ["input after its end", "frame_malformed", [ask("wait", { stdin: true }), STDIN_END, stdinBytes("x")]],
    [
      "input in a frame that is too long",
      "frame_too_large",
      [ask("count", { stdin: true }), oversize(FRAME.stdin, 65_537)],
    ],
    ["a cancel with a payload", "frame_too_large", [ask("wait"), oversize(FRAME.cancel, 1)]],
  ])("by %s: is told so", async (_what, code, parts) => {
    const talk = await FrameTalk.open(address, ...parts);
    expect((await outcomeOf(talk)).code).toBe(code);
    expect((await talk.ended).at(-1)?.name).toBe("outcome");
  });

  it("with any bytes behind the preface: gets one answer with a code, or is closed", async () => {
    const frame = fc.tuple(
      fc.oneof(fc.constantFrom<number>(...Object.values(FRAME)), fc.nat(255)),
      fc.uint8Array({ maxLength: 40 }),
      fc.boolean(),
    );
    const bytesOf = (frames: readonly (readonly [number, Uint8Array, boolean])[]): Buffer =>
      Buffer.concat(
        frames.flatMap(([type, payload, isHonest]) => [
          oversize(type, isHonest ? payload.length : payload.length * 97),
          Buffer.from(payload),
        ]),
      );
    const attack = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
      fc.array(frame, { maxLength: 8 }).map(bytesOf),
      fc
        .array(frame, { maxLength: 8 })
        .map((frames) => Buffer.concat([ask("count", { stdin: true }).subarray(8), bytesOf(frames)])),
    );
    await fc.assert(
      fc.asyncProperty(attack, async (bytes) => {
        const talk = await FrameTalk.open(address, PREFACE, bytes);
        talk.socket.end();
        const got = await talk.ended;
        const last = got.at(-1);
        expect(got[0]?.name).toBe("hello");
        // Who has gone gets no outcome, perhaps, but never anything else behind it.
        if (last?.name === "outcome") {
          const { outcome, code } = last.payload as OutcomeFields;
          if (outcome !== "completed") expect(Object.keys(CODES)).toContain(code);
        } else expect(["hello", "accepted", "reply", "stdout", "started", "exit"]).toContain(last?.name);
      }),
      { numRuns: 150 },
    );
  });

  it("with half a preface, two hundred times: keeps nobody out, and is answered in the protocol or closed", async () => {
    const sockets = await Promise.all(Array.from({ length: 200 }, async () => connect(address)));
    const answers = sockets.map(async (socket, index) => {
      socket.on("error", () => undefined);
      socket.write(PREFACE.subarray(0, 1 + (index % 7)));
      const bytes = await everything(socket);
      socket.destroy();
      return bytes;
    });
    for (let times = 0; times < 10; times++) await isServed();
    for (const bytes of await Promise.all(answers)) {
      const isFrames = bytes.subarray(0, PREFACE.length).equals(PREFACE);
      const isJson = bytes[0] === "{".charCodeAt(0);
      expect(bytes.length === 0 || isFrames || isJson, bytes.subarray(0, 40).toString("latin1")).toBe(true);
    }
  });

  it("in every mixture of background, input and command line: gets an answer with a code or a result", async () => {
    const flags = [false, true];
    const mixtures = flags.flatMap((background) =>
      flags.flatMap((stdin) =>
        flags.flatMap((required) =>
          ["count", "both"].flatMap((operation) => [
            { operation, background, stdin, stdin_required: required },
            {
              raw_argv: operation === "both" ? ["yes"] : [`${programs}/read-stdin`],
              background,
              stdin,
              stdin_required: required,
            },
            { operation, raw_argv: [`${programs}/read-stdin`], background, stdin, filtered: true, timeout_seconds: 1 },
          ]),
        ),
      ),
    );
    for (const request of mixtures) {
      const fields = { token: TOKEN, ...request };
      const talk = await FrameTalk.open(address, requestBytes(fields));
      if (request.stdin) talk.send(stdinBytes("abc"), STDIN_END);
      const last = (await talk.ended).at(-1);
      expect(["outcome", "reply"]).toContain(last?.name);
      const said = last?.payload as { readonly outcome?: string; readonly run?: object; readonly code?: string };
      expect(said.outcome === "completed" || said.run !== undefined || said.code !== undefined).toBe(true);
      const { text } = await send(address, [JSON.stringify(fields)]);
      expect(Object.keys(JSON.parse(text) as object).length).toBeGreaterThan(0);
    }
  });
});

describe.runIf(process.platform === "linux")("a client that floods", () => {
  beforeEach(another);

  it("with frames of one byte each, one byte at a time: is understood", async () => {
    const bytes = Buffer.concat([
      ask("count", { stdin: true }),
      ...Array.from({ length: 300 }, () => stdinBytes("x")),
      STDIN_END,
    ]);
    const talk = await FrameTalk.open(address);
    talk.socket.setNoDelay(true);
    for (const byte of bytes) talk.socket.write(Buffer.from([byte]));
    expect((await outcomeOf(talk)).exit_code).toBe(0);
    expect(talk.got.find(({ name }) => name === "stdout")?.payload).toBe("300\n");
  });

  it("with a million tiny frames that the program reads: every one arrives", async () => {
    const talk = await FrameTalk.open(address, ask("count", { stdin: true }));
    const many = Buffer.concat(Array.from({ length: 10_000 }, () => stdinBytes("x")));
    const peak = await daemon.peakOf(async () => {
      for (let times = 0; times < 100; times++)
        if (!talk.socket.write(many)) await new Promise((resolve) => talk.socket.once("drain", resolve));
      talk.send(STDIN_END);
      expect((await outcomeOf(talk)).exit_code).toBe(0);
    });
    expect(talk.got.find(({ name }) => name === "stdout")?.payload).toBe("1000000\n");
    expect(peak - atRest.rss).toBeLessThan(ROOM);
  });

  it("with a million tiny frames that nobody reads: takes no more memory than a few large ones", async () => {
    const talks = await Promise.all(
      Array.from({ length: 4 }, async () => FrameTalk.open(address, ask("deaf", { stdin: true }))),
    );
    const many = Buffer.concat(Array.from({ length: 250_000 }, () => stdinBytes("x")));
    const peak = await daemon.peakOf(async () => {
      for (const talk of talks) for (let times = 0; times < 4; times++) talk.send(many);
      await isServed();
      for (const talk of talks) expect((await outcomeOf(talk)).code).toBe("timed_out");
      for (const { socket } of talks) socket.destroy();
    });
    expect(peak - atRest.rss).toBeLessThan(ROOM);
  });

  it("with empty frames, and with cancels: the run is cancelled, and that is all", async () => {
    const talk = await FrameTalk.open(address, ask("deaf", { stdin: true }));
    await talk.until("stdout");
    const empty = Buffer.concat(Array.from({ length: 200_000 }, () => stdinBytes("")));
    const cancels = Buffer.concat(Array.from({ length: 200_000 }, () => CANCEL));
    const peak = await daemon.peakOf(async () => {
      talk.send(empty, cancels);
      expect((await outcomeOf(talk)).code).toBe("cancelled");
      await talk.ended;
    });
    expect(peak - atRest.rss).toBeLessThan(ROOM);
  });
});

describe.runIf(process.platform === "linux")("a client that does not read", () => {
  beforeEach(another);

  it("holds the program and not the daemon; its time limit ends it, and others are served", async () => {
    const talk = await FrameTalk.open(address, ask("brief_flood"));
    talk.socket.pause();
    const peak = await daemon.peakOf(async () => {
      for (let times = 0; times < 5; times++) {
        await isServed();
        await sleep(100);
      }
      const { runs } = await client.runs();
      const id = runs?.find(({ operation }) => operation === "brief_flood")?.run_id ?? "";
      expect((await client.status(id, 20)).run).toMatchObject({ state: "failed", code: "timed_out" });
      talk.socket.resume();
      expect(await outcomeOf(talk)).toMatchObject({ outcome: "failed", code: "timed_out", exit_code: 124 });
    });
    expect(peak - atRest.rss).toBeLessThan(ROOM);
  });

  it("but one byte a second: is held and ended just so", async () => {
    const socket = await connect(address);
    socket.on("error", () => undefined);
    socket.pause();
    socket.write(ask("brief_flood"));
    const peak = await daemon.peakOf(async () => {
      for (let times = 0; times < 3; times++) {
        await new Promise((resolve) => {
          socket.once("readable", resolve);
        });
        socket.read(1);
        await sleep(1_000);
      }
      await isServed();
    });
    socket.destroy();
    const { runs } = await client.runs();
    expect(runs?.find(({ operation }) => operation === "brief_flood")).toMatchObject({ code: "timed_out" });
    expect(peak - atRest.rss).toBeLessThan(ROOM);
  });

  it("64 of them at once: others are served, memory stays bounded, and all of it comes back when they go", async () => {
    const talks: FrameTalk[] = [];
    const peak = await daemon.peakOf(async () => {
      for (let index = 0; index < 64; index++) {
        const talk = await FrameTalk.open(address, ask("flood"));
        talk.socket.pause();
        talks.push(talk);
      }
      for (let times = 0; times < 5; times++) await isServed();
      await sleep(500);
      expect((await client.runs()).runs?.filter(({ state }) => state === "running")).toHaveLength(64);
      for (const { socket } of talks) socket.destroy();
      await soon(() => withMark(mark).length === 0, 15_000);
    });
    await isServed();
    expect(peak - atRest.rss).toBeLessThan(2 * ROOM);
    expect(daemon.held().rss - atRest.rss).toBeLessThan(ROOM);
  });

  it("at the limit of requests in flight: who comes then is closed, and served when they have gone", async () => {
    const talks: FrameTalk[] = [];
    for (let index = 0; index < 96; index++) talks.push(await FrameTalk.open(address, ask("wait")));
    for (const talk of talks) await talk.until("accepted");
    const late = await FrameTalk.open(address, ask("both"));
    expect(await late.ended).toEqual([]);
    for (const { socket } of talks) socket.destroy();
    await soon(() => withMark(mark).length === 0, 15_000);
  });
});
