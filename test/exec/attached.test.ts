import { PassThrough, Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { Executor, type Attached, type Launch, type RunResult } from "../../host/exec/run.ts";
import type { OutputSink } from "../../wire/live.ts";
import type { StreamName } from "../../wire/names.ts";
import { fixturePrograms } from "../fixtures/temp.ts";
import { launchOf } from "./processes.ts";

const executor = new Executor();
let bin: string;

beforeAll(() => {
  bin = fixturePrograms();
});

afterEach(async () => {
  await executor.settled();
});

/** Keeps what it gets, in order, with the time. */
class Watcher implements OutputSink {
  readonly seen: { readonly stream: StreamName; readonly text: string; readonly at: number }[] = [];
  bytes = 0;
  /** What each write is answered with. */
  wait: () => Promise<void> | undefined = () => undefined;

  write(stream: StreamName, bytes: Buffer): Promise<void> | undefined {
    this.seen.push({ stream, text: bytes.toString("latin1"), at: performance.now() });
    this.bytes += bytes.length;
    return this.wait();
  }

  text(stream: StreamName): string {
    return this.seen.flatMap((one) => (one.stream === stream ? [one.text] : [])).join("");
  }
}

async function run(
  script: string,
  attached: Partial<Attached>,
  changes: Partial<Launch> = {},
  signal = new AbortController().signal,
): Promise<RunResult> {
  const sink: Attached = { output: new Watcher(), keep: false, ...attached };
  return executor.run(launchOf(bin, "/bin/sh", ["-c", script], changes), signal, sink);
}

describe("output of a program that somebody watches", () => {
  it("comes line by line while the program runs, each stream for itself and whole", async () => {
    const output = new Watcher();
    const result = await run("echo a; sleep 0.3; echo b >&2; sleep 0.3; echo c", { output });
    expect(output.seen.map(({ stream, text }) => [stream, text])).toEqual([
      ["stdout", "a\n"],
      ["stderr", "b\n"],
      ["stdout", "c\n"],
    ]);
    const [first, , last] = output.seen;
    expect((last?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThan(300);
    expect(result).toMatchObject({ reason: "exited", exitCode: 0, stdout: { total: 4 }, stderr: { total: 2 } });
  });

  it("is counted and not kept, unless it is asked for", async () => {
    expect((await run("echo abc", {})).stdout).toEqual({ bytes: Buffer.alloc(0), total: 4, truncated: false });
    expect((await run("echo abc", { keep: true })).stdout.bytes.toString()).toBe("abc\n");
  });

  it("stays byte for byte what was written, whatever the bytes", async () => {
    const output = new Watcher();
    await run("printf '\\377\\000\\302'; sleep 0.05; printf '\\251\\n'", { output });
    expect(output.text("stdout")).toBe("\xff\0\xc2\xa9\n");
  });

  it("is waited for: a program that writes more than is taken stands still until it is taken", async () => {
    const output = new Watcher();
    let release = (): void => undefined;
    output.wait = async () => {
      output.wait = () => undefined;
      return new Promise((resolve) => {
        release = resolve;
      });
    };
    const ending = run("head -c 4000000 /dev/zero", { output });
    await sleep(400);
    const held = output.bytes;
    expect(held).toBeGreaterThan(0);
    expect(held).toBeLessThan(1_000_000);
    release();
    expect((await ending).stdout.total).toBe(4_000_000);
    expect(output.bytes).toBe(4_000_000);
  });

  it("is not lost when the program ends while its output is waited for", async () => {
    const output = new Watcher();
    output.wait = async () => sleep(120);
    const result = await run("echo a; sleep 0.05; echo b; sleep 0.05; echo c", { output });
    expect([output.text("stdout"), result.reason]).toEqual(["a\nb\nc\n", "exited"]);
  });

  it("that nobody takes ends with the time limit, although the program has ended by itself", async () => {
    const output = new Watcher();
    output.wait = async () => new Promise(() => undefined);
    const result = await run("echo a", { output }, { timeoutMs: 400 });
    expect(result).toMatchObject({ reason: "timed_out", exitCode: 124 });
  });

  it("is not lost when we are kept from reading it just as the program ends", async () => {
    const block = (): void => {
      for (const end = performance.now() + 120; performance.now() < end;);
    };
    for (let round = 0; round < 10; round++) {
      const all = Array.from({ length: 4 }, async () => {
        const result = await run("head -c 150000 /dev/zero", {});
        block();
        return result.stdout.total;
      });
      expect(await Promise.all(all)).toEqual([150_000, 150_000, 150_000, 150_000]);
    }
  });

  it("of a process that holds the pipes after the program's end is read until nothing comes any more", async () => {
    const output = new Watcher();
    const started = performance.now();
    const result = await run("(sleep 30; echo late) & echo now", { output });
    expect([output.text("stdout"), result.reason]).toEqual(["now\n", "exited"]);
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});

describe("standard input that somebody sends", () => {
  it("reaches the program, also in parts, and ends when it ends", async () => {
    const output = new Watcher();
    const stdin = new PassThrough();
    const ending = run("cat; echo done", { output, stdin });
    stdin.write("one ");
    await sleep(100);
    stdin.end("two\n");
    expect((await ending).exitCode).toBe(0);
    expect(output.text("stdout")).toBe("one two\ndone\n");
  });

  it("may be more than a pipe holds", async () => {
    const output = new Watcher();
    const stdin = Readable.from(Array.from({ length: 100 }, () => Buffer.alloc(65_536, "x")));
    await run("wc -c", { output, stdin });
    expect(output.text("stdout").trim()).toBe("6553600");
  });

  it("that the program does not read keeps nobody waiting", async () => {
    const stdin = Readable.from(Array.from({ length: 100 }, () => Buffer.alloc(65_536, "x")));
    expect(await run("exec true", { stdin })).toMatchObject({ reason: "exited", exitCode: 0 });
  });

  it("that never ends does not outlive the program", async () => {
    const stdin = new PassThrough();
    stdin.write("x");
    expect(await run("head -c 1 > /dev/null", { stdin })).toMatchObject({ reason: "exited", exitCode: 0 });
  });
});

describe("a program that is cancelled while somebody watches", () => {
  it("says what it said until then", async () => {
    const output = new Watcher();
    const abort = new AbortController();
    setTimeout(() => {
      abort.abort("cancelled");
    }, 300);
    const result = await run("echo a; exec sleep 30", { output }, {}, abort.signal);
    expect(result).toMatchObject({ reason: "cancelled", exitCode: 143, stdout: { total: 2 } });
    expect(output.text("stdout")).toBe("a\n");
  });
});
