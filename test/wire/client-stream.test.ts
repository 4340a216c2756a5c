import { once } from "node:events";
import { PassThrough, Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import { DaemonClient, type Address } from "../../wire/client.ts";
import type { StreamOptions } from "../../wire/daemon-calls.ts";
import { emptyFrame, FRAME, frameHeader, jsonFrame, PREFACE } from "../../wire/frames.ts";
import { MAX_DATA_FRAME_BYTES } from "../../wire/limits.ts";
import type { StreamName } from "../../wire/names.ts";
import type { OutcomeFields } from "../../wire/schema.ts";
import { failure } from "./client-failure.ts";
import { ACCEPTED, ENDED, frameServer } from "./frame-server.ts";

class Kept {
  readonly stdout: Buffer[] = [];
  readonly stderr: Buffer[] = [];

  write(stream: StreamName, bytes: Buffer): undefined {
    this[stream].push(bytes);
  }

  text(stream: StreamName): string {
    return Buffer.concat(this[stream]).toString();
  }
}

async function stream(address: Address, options: Partial<StreamOptions> = {}): Promise<OutcomeFields> {
  return new DaemonClient(address, "the-token").stream({ operation: "say" }, { output: new Kept(), ...options });
}

/** Counts what is read of it. */
class Watched extends Readable {
  reads = 0;

  override _read(): void {
    this.reads++;
    this.push(Buffer.alloc(1_000, "x"));
  }
}

describe("a streamed call", () => {
  it.each(["unix", "tcp"] as const)("sends the request at once and gives output as it comes, over %s", async (kind) => {
    let go: () => void = () => undefined;
    const seen = new Promise<void>((resolve) => (go = resolve));
    const requests: unknown[] = [];
    const address = await frameServer((peer, request) => {
      requests.push(request);
      peer.accept().data(FRAME.stdout, "one\n");
      // Only when the first part has been given on does the rest come.
      void seen.then(() => {
        peer
          .data(FRAME.stderr, "oops\n")
          .data(FRAME.stdout, Buffer.from([0xff, 0x00]))
          .end({ exit_code: 3 });
      });
    }, kind);
    const said: unknown[] = [];
    const kept = new Kept();
    const outcome = await stream(address, {
      output: {
        write: (name, bytes) => {
          kept.write(name, bytes);
          go();
          return undefined;
        },
      },
      accepted: (accepted) => said.push(accepted),
    });
    expect(outcome).toEqual({ ...ENDED, exit_code: 3 });
    expect(requests).toEqual([{ protocol: 2, operation: "say", params: null, token: "the-token" }]);
    expect(said).toEqual([ACCEPTED]);
    expect(Buffer.concat(kept.stdout)).toEqual(Buffer.from("one\n\xff\x00", "latin1"));
    expect(kept.text("stderr")).toBe("oops\n");
  });

  it("writes everything that a request can hold, and nothing that is empty", async () => {
    const requests: string[] = [];
    const address = await frameServer((peer, request) => {
      requests.push(JSON.stringify(request));
      peer.accept().end();
    });
    const client = new DaemonClient(address, "t");
    const output = new Kept();
    const more = { targetRepo: "o/r", timeoutSeconds: 5 };
    await client.stream({ operation: "a", params: { x: [1] }, flags: ["--f"], ...more }, { output, filtered: true });
    await client.stream({ argv: ["gh", "pr"], ...more }, { output, stdin: Readable.from([]) });
    await client.stream({ argv: ["gh"], targetRepo: "", cwd: { toplevel: "/w", originUrl: "u" } }, { output });
    expect(requests).toEqual([
      '{"protocol":2,"operation":"a","params":{"x":[1]},"flags":["--f"],"target_repo":"o/r","timeout_seconds":5,"filtered":true,"token":"t"}',
      '{"protocol":2,"raw_argv":["gh","pr"],"target_repo":"o/r","timeout_seconds":5,"stdin":true,"token":"t"}',
      '{"protocol":2,"raw_argv":["gh"],"cwd_context":{"toplevel":"/w","origin_url":"u"},"token":"t"}',
    ]);
  });

  it("is the same however the daemon's bytes are cut", async () => {
    const bytes = Buffer.concat([
      PREFACE,
      jsonFrame(FRAME.hello, { protocol: 2, capabilities: ["x"] }),
      emptyFrame(FRAME.alive),
      jsonFrame(FRAME.accepted, ACCEPTED),
      frameHeader(FRAME.stdout, 4),
      Buffer.from("abcd"),
      jsonFrame(FRAME.notice, { text: "é" }),
      frameHeader(FRAME.stderr, 2),
      Buffer.from("ef"),
      jsonFrame(FRAME.outcome, { ...ENDED, notice: "ü" }),
    ]);
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.integer({ min: 1, max: bytes.length - 1 }), { maxLength: 6 }),
        async (cuts) => {
          const ends = [...cuts.sort((a, b) => a - b), bytes.length];
          const address = await frameServer((peer) => {
            void (async () => {
              let at = 0;
              for (const end of ends) {
                peer.raw(bytes.subarray(at, end));
                at = end;
                await new Promise(setImmediate);
              }
            })();
          });
          const kept = new Kept();
          const notices: unknown[] = [];
          const outcome = await stream(address, { output: kept, notice: (notice) => notices.push(notice) });
          expect([kept.text("stdout"), kept.text("stderr"), notices]).toEqual(["abcd", "ef", [{ text: "é" }]]);
          expect(outcome).toEqual({ ...ENDED, notice: "ü" });
        },
      ),
      { numRuns: 40 },
    );
    const address = await frameServer((peer) => {
      for (const byte of bytes) peer.raw(Buffer.from([byte]));
    });
    expect(await stream(address)).toMatchObject({ notice: "ü" });
  });

  it("of a denial gives an outcome, without anything before it", async () => {
    const denial = { outcome: "denied", code: "operation_not_allowed", message: "no", hint: "ask" } as const;
    const address = await frameServer((peer) => {
      peer.greet().end({ ...denial, exit_code: 1 });
    });
    let accepted = 0;
    expect(await stream(address, { accepted: () => accepted++ })).toEqual({ ...ENDED, ...denial, exit_code: 1 });
    expect(accepted).toBe(0);
  });

  it("closes the connection when the outcome has come, whatever the daemon does", async () => {
    let closed: Promise<void> | undefined;
    const address = await frameServer((peer) => {
      closed = peer.closed;
      peer.accept().json(FRAME.outcome, ENDED).raw("garbage behind it");
      peer.socket.on("end", () => peer.socket.end());
    });
    await stream(address);
    await closed;
  });

  it("lets go of a signal when it is over", async () => {
    const controller = new AbortController();
    const address = await frameServer((peer) => {
      peer.accept().end();
    });
    await stream(address, { signal: controller.signal });
    controller.abort();
    expect((await failure(stream(address, { signal: controller.signal }))).code).toBe("cancelled");
  });
});

describe("output that is not taken at once", () => {
  it("stops the daemon until every stream is ready for more", async () => {
    const TOTAL = 40_000_000;
    const block = Buffer.alloc(MAX_DATA_FRAME_BYTES, "x");
    let written = 0;
    let blocked = 0;
    const address = await frameServer((peer) => {
      peer.accept().data(FRAME.stderr, "e");
      const go = (): void => {
        while (written < TOTAL) {
          written += block.length;
          peer.data(FRAME.stdout, block);
          if (peer.socket.writableNeedDrain) {
            blocked++;
            peer.socket.once("drain", go);
            return;
          }
        }
        peer.end();
      };
      go();
    });
    let free: () => void = () => undefined;
    let got = 0;
    const held = new Promise<void>((resolve) => (free = resolve));
    const first = new Set<StreamName>();
    const ended = stream(address, {
      output: {
        write: (name, bytes): Promise<void> | undefined => {
          got += bytes.length;
          if (first.has(name)) return undefined;
          first.add(name);
          // One stream is ready at once, which is not enough.
          return name === "stderr" ? held : Promise.resolve();
        },
      },
    });
    await sleep(300);
    const [gotBefore, writtenBefore] = [got, written];
    await sleep(200);
    expect([got, written]).toEqual([gotBefore, writtenBefore]);
    expect(written).toBeLessThan(TOTAL / 2);
    expect(blocked).toBeGreaterThan(0);
    free();
    await ended;
    expect(got).toBeGreaterThanOrEqual(TOTAL);
  });
});

describe("standard input", () => {
  it("is sent in frames of at most 64 KiB when it is taken, and its end is told", async () => {
    const sizes: number[] = [];
    const address = await frameServer((peer) => {
      peer.accept({ stdin: true });
      void peer.stdinEnded.then(() => {
        sizes.push(...peer.stdin.map((part) => part.length));
        peer.data(FRAME.stdout, Buffer.concat(peer.stdin)).end();
      });
    });
    const kept = new Kept();
    const big = Buffer.alloc(50_000, "é");
    await stream(address, { output: kept, stdin: Readable.from([big, "text", Buffer.alloc(0)], { objectMode: true }) });
    expect(kept.text("stdout")).toBe(`${big.toString()}text`);
  });

  it("of any size is cut so that no frame is too long", async () => {
    // The server's reader refuses longer frames by throwing, which would end this test.
    let got = 0;
    const address = await frameServer((peer) => {
      peer.accept({ stdin: true });
      void peer.stdinEnded.then(() => {
        got = peer.stdin.reduce((sum, part) => sum + part.length, 0);
        peer.end();
      });
    });
    const sizes = [1, MAX_DATA_FRAME_BYTES, MAX_DATA_FRAME_BYTES + 1, 3 * MAX_DATA_FRAME_BYTES + 7];
    await stream(address, { stdin: Readable.from(sizes.map((size) => Buffer.alloc(size))) });
    expect(got).toBe(sizes.reduce((a, b) => a + b, 0));
  });

  it("that is empty is only its end", async () => {
    let types: readonly number[] = [];
    const address = await frameServer((peer) => {
      peer.accept({ stdin: true });
      void peer.stdinEnded.then(() => {
        types = peer.types;
        peer.end();
      });
    });
    await stream(address, { stdin: Readable.from([]) });
    expect(types).toEqual([FRAME.request, FRAME.stdin_end]);
  });

  it("is not touched when the operation takes none, or denies, or before it is accepted", async () => {
    const stdin = new Watched();
    onTestFinished(() => {
      stdin.destroy();
    });
    const none = await frameServer((peer) => {
      peer.accept({ stdin: false });
      setTimeout(() => {
        peer.end();
      }, 50);
    });
    const denied = await frameServer((peer) => {
      peer.greet();
      setTimeout(() => {
        peer.end({ outcome: "denied" });
      }, 50);
    });
    await stream(none, { stdin });
    await stream(denied, { stdin });
    expect([stdin.reads, stdin.listenerCount("data"), stdin.listenerCount("error")]).toEqual([0, 0, 0]);
  });

  it("is read no faster than the daemon takes it, and no further when the command has ended", async () => {
    const address = await frameServer((peer) => {
      peer.accept({ stdin: true });
      peer.socket.pause();
      setTimeout(() => {
        peer.end();
      }, 300);
    });
    const stdin = new Watched();
    await stream(address, { stdin });
    const { reads } = stdin;
    expect(reads).toBeGreaterThan(10);
    // A mebibyte waits, and the buffers of the connection are full.
    expect(reads).toBeLessThan(20_000);
    await sleep(50);
    expect([stdin.reads, stdin.listenerCount("data"), stdin.destroyed]).toEqual([reads, 0, false]);
  });

  it("goes on when the daemon reads again", async () => {
    const total = 6_000_000;
    const address = await frameServer((peer) => {
      peer.accept({ stdin: true });
      peer.socket.pause();
      setTimeout(() => peer.socket.resume(), 200);
      void peer.stdinEnded.then(() => {
        peer.end({ stdout_bytes: peer.stdin.reduce((sum, part) => sum + part.length, 0) });
      });
    });
    const parts = Array.from({ length: 60 }, () => Buffer.alloc(total / 60));
    expect((await stream(address, { stdin: Readable.from(parts) })).stdout_bytes).toBe(total);
  });

  it("waits while the output is not taken", async () => {
    let sent = 0;
    const address = await frameServer((peer) => {
      peer.accept({ stdin: true }).data(FRAME.stdout, "x");
      peer.socket.on("data", (chunk: Buffer) => (sent += chunk.length));
      void peer.stdinEnded.then(() => {
        peer.end();
      });
    });
    let free: () => void = () => undefined;
    const stdin = new PassThrough();
    const ended = stream(address, {
      stdin,
      output: { write: async () => new Promise<void>((resolve) => (free = resolve)) },
    });
    await sleep(100);
    const before = sent;
    stdin.end("more");
    await sleep(100);
    expect(sent).toBe(before);
    free();
    await ended;
    expect(sent).toBeGreaterThan(before);
  });

  it("that cannot be read cancels the command, and its end is not told", async () => {
    let types: readonly number[] = [];
    let closed: Promise<void> | undefined;
    const address = await frameServer((peer) => {
      ({ types, closed } = peer);
      peer.accept({ stdin: true });
      peer.socket.on("end", () => peer.socket.end());
    });
    const stdin = new Readable({
      read() {
        this.destroy(Object.assign(new Error("broken"), { code: "EIO" }));
      },
    });
    const error = await failure(stream(address, { stdin }));
    expect(error).toMatchObject({ code: "file_failed", message: "cannot read standard input: EIO" });
    await closed;
    expect(types).toEqual([FRAME.request, FRAME.cancel]);
  });

  it("that breaks off is not taken for complete, even if that was before the call", async () => {
    const address = await frameServer((peer) => {
      peer.accept({ stdin: true });
    });
    const stdin = new PassThrough();
    stdin.destroy();
    await once(stdin, "close");
    expect(await failure(stream(address, { stdin }))).toMatchObject({
      code: "file_failed",
      message: expect.stringMatching(/^cannot read standard input: /) as string,
    });
  });

  it("that fails after the end is nobody's business", async () => {
    const address = await frameServer((peer) => {
      peer.accept({ stdin: true });
      setTimeout(() => {
        peer.end();
      }, 20);
    });
    const stdin = new PassThrough();
    await stream(address, { stdin });
    const closed = new Promise((resolve) => stdin.once("close", resolve));
    stdin.destroy(new Error("late"));
    await closed;
  });
});

describe("cancelling", () => {
  it("sends a frame and waits for the outcome, with what is still printed", async () => {
    const controller = new AbortController();
    const address = await frameServer((peer) => {
      peer.accept();
      controller.abort();
      void peer.cancelled.then(() => {
        peer.data(FRAME.stdout, "last words").end({ outcome: "failed", code: "cancelled", exit_code: 143 });
      });
    });
    const output = new Kept();
    const outcome = await stream(address, { output, signal: controller.signal });
    expect(outcome).toMatchObject({ outcome: "failed", code: "cancelled", exit_code: 143 });
    expect(output.text("stdout")).toBe("last words");
  });

  it("ends standard input without telling its end", async () => {
    const controller = new AbortController();
    const stdin = new PassThrough();
    let types: readonly number[] = [];
    const address = await frameServer((peer) => {
      ({ types } = peer);
      peer.accept({ stdin: true });
      void peer.cancelled.then(() => {
        stdin.end("more");
        setTimeout(() => {
          peer.end();
        }, 50);
      });
    });
    const ended = stream(address, { stdin, signal: controller.signal });
    stdin.write("some");
    await sleep(100);
    controller.abort();
    await ended;
    expect(types).toEqual([FRAME.request, FRAME.stdin, FRAME.cancel]);
  });

  it("before the command was accepted keeps standard input untouched", async () => {
    const controller = new AbortController();
    const stdin = new Watched();
    const address = await frameServer((peer) => {
      controller.abort();
      void peer.cancelled.then(() => {
        peer.accept({ stdin: true }).end();
      });
    });
    await stream(address, { stdin, signal: controller.signal });
    expect(stdin.reads).toBe(0);
  });

  it("gives up after some seconds without an outcome, and closes the connection", async () => {
    const controller = new AbortController();
    let closed: Promise<void> | undefined;
    const address = await frameServer((peer) => {
      closed = peer.closed;
      peer.accept();
      peer.socket.on("end", () => peer.socket.end());
      controller.abort();
    });
    const started = Date.now();
    expect(await failure(stream(address, { signal: controller.signal }))).toMatchObject({ code: "cancelled" });
    expect(Date.now() - started).toBeGreaterThan(4_000);
    await closed;
  });

  it("is what a caller hears who cancelled, when the daemon only closes the connection", async () => {
    const controller = new AbortController();
    const address = await frameServer((peer) => {
      peer.accept();
      controller.abort();
      void peer.cancelled.then(() => peer.socket.end());
    });
    expect(await failure(stream(address, { signal: controller.signal }))).toMatchObject({ code: "cancelled" });
  });

  it("while the connection is made sends nothing", async () => {
    let requests = 0;
    const address = await frameServer(() => requests++);
    const controller = new AbortController();
    const ended = failure(stream(address, { signal: controller.signal }));
    controller.abort();
    expect((await ended).code).toBe("cancelled");
    expect((await failure(stream(address, { signal: AbortSignal.abort() }))).code).toBe("cancelled");
    await sleep(50);
    expect(requests).toBe(0);
  });
});

describe("a daemon that breaks off", () => {
  it.each([
    ["during the preface", PREFACE.subarray(0, 3)],
    ["behind the preface", PREFACE],
    [
      "in the middle of output",
      Buffer.concat([PREFACE, jsonFrame(FRAME.accepted, ACCEPTED), frameHeader(FRAME.stdout, 9)]),
    ],
    ["in the middle of the outcome", Buffer.concat([PREFACE, jsonFrame(FRAME.outcome, ENDED).subarray(0, -1)])],
  ])("%s has not told the end of the command", async (_when, bytes) => {
    const address = await frameServer((peer) => {
      peer.raw(bytes).socket.end();
    });
    expect(await failure(stream(address))).toMatchObject({
      code: "reply_invalid",
      message: "failed to read response: the daemon closed the connection before the end of the command",
    });
  });

  it("by a reset is named", async () => {
    const address = await frameServer((peer) => {
      peer.accept();
      setTimeout(() => {
        peer.socket.resetAndDestroy();
      }, 50);
    }, "tcp");
    expect((await failure(stream(address))).message).toBe(
      "failed to read response: the daemon closed the connection before the end of the command (ECONNRESET)",
    );
  });

  it("before its first byte may be at its limits, and is not asked again", async () => {
    let requests = 0;
    const closing = await frameServer((peer) => {
      requests++;
      peer.socket.end();
    });
    expect(await failure(stream(closing))).toMatchObject({
      code: "reply_invalid",
      message: "failed to parse response: the daemon closed the connection without a reply",
      hint: expect.stringContaining("max_in_flight") as string,
    });
    const resetting = await frameServer((peer) => {
      requests++;
      peer.socket.resetAndDestroy();
    }, "tcp");
    expect((await failure(stream(resetting))).message).toBe(
      "failed to read response: the daemon gave no answer (ECONNRESET)",
    );
    expect(requests).toBe(2);
  });
});

describe("what is not the protocol", () => {
  const accepted = jsonFrame(FRAME.accepted, ACCEPTED);
  it.each([
    ["an unknown frame", Buffer.from([0x99, 0, 0, 0, 0]), /frame of unknown type 0x99$/],
    ["a frame of a client", emptyFrame(FRAME.cancel), /frame of unknown type 0x04$/],
    ["a frame that is too long", Buffer.from([FRAME.stdout, 0xff, 0, 0, 0]), /has 4278190080 bytes; at most 65536/],
    ["a reply", jsonFrame(FRAME.reply, {}), /a reply in place of the outcome of a command$/],
    [
      "output before the command is accepted",
      Buffer.concat([frameHeader(FRAME.stderr, 1), Buffer.from("x")]),
      /before/,
    ],
    ["a second acceptance", Buffer.concat([accepted, accepted]), /accepted twice$/],
    [
      "an outcome that is no JSON",
      Buffer.concat([frameHeader(FRAME.outcome, 1), Buffer.from("x")]),
      /^failed to parse/,
    ],
    ["an outcome without an exit code", jsonFrame(FRAME.outcome, { outcome: "completed" }), /\/exit_code: is missing$/],
    ["a hello of another form", jsonFrame(FRAME.hello, {}), /\/protocol: is missing$/],
    ["a notice of another form", jsonFrame(FRAME.notice, { text: 5 }), /\/text: expected string/],
    ["an acceptance of another form", jsonFrame(FRAME.accepted, {}), /\/run_id: is missing$/],
  ])("%s is invalid, and closes the connection", async (_what, bytes, message) => {
    let closed: Promise<void> | undefined;
    const address = await frameServer((peer) => {
      closed = peer.closed;
      peer.raw(PREFACE).raw(bytes);
      peer.socket.on("end", () => peer.socket.end());
    });
    const error = await failure(stream(address));
    expect(error.code).toBe("reply_invalid");
    expect(error.message).toMatch(message);
    await closed;
  });

  it("a preface that a change of line ends destroyed is recognised", async () => {
    const address = await frameServer((peer) => {
      peer.raw(Buffer.from("896332680a1a02", "hex"));
    });
    expect((await failure(stream(address))).message).toBe(
      "failed to read response: it begins like a stream, but was changed on the way",
    );
  });

  it("another version of the protocol is named", async () => {
    const address = await frameServer((peer) => {
      peer.raw(Buffer.concat([PREFACE.subarray(0, 7), Buffer.from([9])]));
    });
    expect((await failure(stream(address))).message).toBe(
      "failed to read response: the daemon streams in version 9, and this client in 2",
    );
  });

  it("what a listener of the caller throws is thrown on as it is", async () => {
    const address = await frameServer((peer) => {
      peer.accept();
    });
    const broken = new Error("a bug");
    await expect(
      stream(address, {
        accepted: () => {
          throw broken;
        },
      }),
    ).rejects.toBe(broken);
  });
});
