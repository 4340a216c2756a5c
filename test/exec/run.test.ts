import { execFileSync } from "node:child_process";
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { RUN_COOKIE } from "../../host/exec/process-tree.ts";
import { Executor, type Launch, type RunResult } from "../../host/exec/run.ts";
import { fixturePrograms, tempDirectory } from "../fixtures/temp.ts";
import { isAlive, isGoneWithin, launchOf, pidIn } from "./processes.ts";

const executor = new Executor();
let bin: string;
let root: string;
let files = 0;

beforeAll(() => {
  bin = fixturePrograms();
  root = tempDirectory();
});

afterEach(async () => {
  await executor.settled();
});

/** A path in the temporary directory that nothing has used yet. */
function fresh(): string {
  return join(root, String(files++));
}

async function run(
  program: string,
  args: readonly string[] = [],
  changes: Partial<Launch> = {},
  signal = new AbortController().signal,
): Promise<RunResult> {
  return executor.run(launchOf(bin, program, args, changes), signal);
}

function closesOnExec(descriptor: string): boolean {
  try {
    const flags = /^flags:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, "utf8"))?.[1] ?? "0";
    return (Number.parseInt(flags, 8) & 0o2000000) !== 0;
  } catch {
    return true; // it was only open for the listing
  }
}

const out = ({ stdout }: RunResult): string => stdout.bytes.toString();
const err = ({ stderr }: RunResult): string => stderr.bytes.toString();

describe("a program that ends by itself", () => {
  it.each([[0], [1], [7], [255]])("gives its exit code %i as it is", async (code) => {
    const result = await run("exit-with", [String(code), "oops"]);
    expect(result).toMatchObject({ reason: "exited", exitCode: code, signal: undefined, maybeDetached: false });
    expect(err(result)).toBe("oops\n");
    expect(out(result)).toBe("");
  });

  it.each([
    ["KILL", 137],
    ["TERM", 143],
    ["SEGV", 139],
    ["HUP", 129],
    ["INT", 130],
  ])("by SIG%s gives %i, the signal's name, and what it wrote", async (name, code) => {
    const result = await run("die-by-signal", [name]);
    expect(result).toMatchObject({ reason: "exited", exitCode: code, signal: `SIG${name}` });
    expect(out(result)).toBe("last words\n");
  });

  it("got its arguments as they are", async () => {
    const args = ["", "a b", "$(id)", "`id`", "$'x'", "*", "a\tb", "é😀", "-x", "--", "\\", '"', "'", "{repo}"];
    expect(out(await run("print-args", args))).toBe(args.map((arg) => `[${arg}]\n`).join(""));
    expect(out(await run("print-args", ["a\nb"]))).toBe("[a\nb]\n");
  });

  it("got nothing on its standard input", async () => {
    expect(out(await run("read-stdin")).trim()).toBe("0");
    expect((await run("/bin/cat")).stdout.total).toBe(0);
  });

  it("ran where it was told to", async () => {
    expect(out(await run("print-cwd", [], { cwd: root }))).toBe(`${root}\n`);
  });

  it("was a session and a group of its own", async () => {
    const [pid, group, session] = out(await run("print-session"))
      .trim()
      .split(" ");
    expect([group, session]).toEqual([pid, pid]);
    expect(Number(pid)).not.toBe(process.pid);
  });

  it("had no open files but its three streams, whatever we have open", async () => {
    const server = createServer().listen(join(root, "s.sock"));
    const descriptors = [openSync("/etc/passwd", "r"), openSync(fresh(), "w")];
    // What was handed to us by whoever started the tests, to be handed on, is not of our making.
    const inherited = readdirSync("/proc/self/fdinfo").filter((name) => Number(name) > 2 && !closesOnExec(name));
    const controller = new AbortController();
    const file = fresh();
    const running = run("/bin/sh", ["-c", 'echo $$ > "$1"; exec sleep 20', "x", file], {}, controller.signal);
    try {
      const pid = await pidIn(file);
      while (!readFileSync(`/proc/${pid}/cmdline`, "utf8").startsWith("sleep")) await sleep(5);
      const open = (): readonly string[] =>
        readdirSync(`/proc/${pid}/fd`)
          .filter((name) => !inherited.includes(name))
          .sort();
      // Its loader opens libraries when it starts.
      await expect.poll(open, { timeout: 10_000 }).toEqual(["0", "1", "2"]);
      expect(readlinkSync(`/proc/${pid}/fd/0`)).toBe("/dev/null");
    } finally {
      controller.abort("cancelled");
      descriptors.forEach(closeSync);
      server.close();
    }
    expect((await running).reason).toBe("cancelled");
  });

  it("had exactly the environment that it was given, and the mark of its run", async () => {
    const result = await run("/bin/cat", ["/proc/self/environ"], {
      env: new Map([
        ["A", "1"],
        ["B", "x=y\nz"],
        ["EMPTY", ""],
      ]),
    });
    const entries = out(result)
      .split("\0")
      .filter((entry) => entry !== "");
    expect(entries.filter((entry) => !entry.startsWith(`${RUN_COOKIE}=`)).sort()).toEqual([
      "A=1",
      "B=x=y\nz",
      "EMPTY=",
    ]);
    expect(entries.find((entry) => entry.startsWith(`${RUN_COOKIE}=`))).toMatch(/^CMD2HOST_RUN=[0-9a-f]{32}$/);
  });

  it("has a mark of its own each time", async () => {
    const [one, two] = await Promise.all([run("print-environment"), run("print-environment")]);
    expect(one.stdout.bytes.equals(two.stdout.bytes)).toBe(false);
  });

  it("does not mix with others that run at the same time", async () => {
    const results = await Promise.all(
      Array.from({ length: 20 }, async (_, index) => run("exit-with", [String(index), `n${index}`])),
    );
    expect(results.map((result) => [result.exitCode, err(result)])).toEqual(
      Array.from({ length: 20 }, (_, index) => [index, `n${index}\n`]),
    );
  });
});

describe("the output of a program", () => {
  it("is cut at the cap, and counted whole, per stream", async () => {
    const result = await run("/bin/sh", ["-c", "echo helloworld; echo goodbye >&2"], {
      maxStdoutBytes: 5,
      maxStderrBytes: 100,
    });
    expect(result.stdout).toEqual({ bytes: Buffer.from("hello"), total: 11, truncated: true });
    expect(result.stderr).toEqual({ bytes: Buffer.from("goodbye\n"), total: 8, truncated: false });
  });

  it.each([
    ["aあ", "aあ", false],
    ["aああ", "aあ", true],
    ["😀x", "😀", true],
    ["abc😀", "abc", true],
    ["あい", "あ", true],
  ])("%j is never cut inside a character", async (text, kept, truncated) => {
    const { stdout } = await run("/usr/bin/printf", [text], { maxStdoutBytes: 4 });
    expect([stdout.bytes.toString(), stdout.total, stdout.truncated]).toEqual([
      kept,
      Buffer.byteLength(text),
      truncated,
    ]);
  });

  it("may be without end: what is not kept takes no memory", async () => {
    const before = process.memoryUsage();
    const { stdout, exitCode } = await run("write-bytes", ["52428800"], { maxStdoutBytes: 1_024 });
    const after = process.memoryUsage();
    expect([exitCode, stdout.bytes.length, stdout.total, stdout.truncated]).toEqual([0, 1_024, 52_428_800, true]);
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(40_000_000);
    expect(after.rss - before.rss).toBeLessThan(40_000_000);
  });

  it("is whole when the program ends right behind a lot of it", async () => {
    for (let round = 0; round < 5; round++) {
      const { stdout } = await run("write-bytes", ["3000000"], { maxStdoutBytes: 4_000_000 });
      expect([stdout.bytes.length, stdout.truncated]).toEqual([3_000_000, false]);
    }
  });
});

describe("a program that runs too long", () => {
  it("is answered at once with what it wrote, and is gone soon after", async () => {
    const started = performance.now();
    const result = await run("sleep-loudly", ["20"], { timeoutMs: 500 });
    expect(performance.now() - started).toBeLessThan(5_000);
    expect(result).toMatchObject({ reason: "timed_out", exitCode: 124, signal: undefined, maybeDetached: false });
    const pid = Number(/^pid (\d+)\n$/.exec(out(result))?.[1]);
    expect(pid).toBeGreaterThan(0);
    await executor.settled();
    expect(isAlive(pid)).toBe(false);
  });

  it("is gone soon after although it ignores TERM; nobody waits for it", async () => {
    const file = fresh();
    const started = performance.now();
    const result = await run("ignore-term", ["20", file], { timeoutMs: 700, graceMs: 700 });
    const answered = performance.now() - started;
    const pid = await pidIn(file);
    expect(result.reason).toBe("timed_out");
    expect(answered).toBeLessThan(5_000);
    await executor.settled();
    expect(isAlive(pid)).toBe(false);
  });

  it("is gone with what it detached", async () => {
    const file = fresh();
    const running = run("detach", ["20", file], { timeoutMs: 1_500 });
    const detached = await pidIn(file);
    const result = await running;
    expect(result).toMatchObject({ reason: "timed_out", exitCode: 124 });
    expect(out(result)).toBe("started\n");
    await executor.settled();
    expect(isAlive(detached)).toBe(false);
  });

  it.each([[0], [-1], [-5_000]])("is not even started with %i ms", async (timeoutMs) => {
    const file = fresh();
    const result = await run("touch-file", [file], { timeoutMs });
    expect(result).toMatchObject({ reason: "timed_out", exitCode: 124 });
    expect([result.stdout.total, result.stderr.total]).toEqual([0, 0]);
    await sleep(100);
    expect(existsSync(file)).toBe(false);
  });

  it.each([[2_147_483_648], [1e13], [Number.MAX_SAFE_INTEGER]])(
    "does not run too long when it may for %i ms",
    async (timeoutMs) => {
      expect(await run("/bin/sleep", ["0.2"], { timeoutMs })).toMatchObject({ reason: "exited", exitCode: 0 });
    },
  );
});

describe("a program whose client goes away", () => {
  it.each([
    ["cancelled", "cancelled"],
    ["shutting_down", "shutting_down"],
    ["timed_out", "timed_out"],
    [undefined, "cancelled"],
    [new Error("x"), "cancelled"],
    ["nonsense", "cancelled"],
  ])("is ended when it is aborted with %s, and says %s", async (reason, said) => {
    const file = fresh();
    const controller = new AbortController();
    const running = run("detach", ["20", file], {}, controller.signal);
    const detached = await pidIn(file);
    controller.abort(reason);
    const started = performance.now();
    const result = await running;
    expect(performance.now() - started).toBeLessThan(5_000);
    expect(result).toMatchObject({ reason: said, exitCode: said === "timed_out" ? 124 : 143 });
    expect(out(result)).toBe("started\n");
    expect(await isGoneWithin(detached, 5_000)).toBe(true);
  });

  it("is not started when the client was gone before", async () => {
    const file = fresh();
    expect(await run("touch-file", [file], {}, AbortSignal.abort("shutting_down"))).toMatchObject({
      reason: "shutting_down",
      exitCode: 143,
    });
    expect(await run("touch-file", [file], {}, AbortSignal.abort())).toMatchObject({
      reason: "cancelled",
      exitCode: 143,
    });
    await sleep(100);
    expect(existsSync(file)).toBe(false);
  });

  it("is not ended twice, nor after its own end", async () => {
    const controller = new AbortController();
    const result = await run("exit-with", ["3"], {}, controller.signal);
    controller.abort("cancelled");
    expect(result).toMatchObject({ reason: "exited", exitCode: 3 });
  });

  it("leaves no listeners behind", async () => {
    const controller = new AbortController();
    const warnings: string[] = [];
    const note = (warning: Error): void => {
      warnings.push(warning.name);
    };
    process.on("warning", note);
    for (let round = 0; round < 15; round++) await run("exit-with", ["0"], {}, controller.signal);
    await sleep(10);
    process.off("warning", note);
    expect(warnings).toEqual([]);
  });
});

describe("a program that leaves others behind", () => {
  it("is answered at once although they hold its output, and those in its group are ended", async () => {
    const file = fresh();
    const started = performance.now();
    const result = await run("leave-grandchild", ["20", file]);
    expect(performance.now() - started).toBeLessThan(5_000);
    expect(result).toMatchObject({ reason: "exited", exitCode: 0 });
    expect(out(result)).toBe("started\n");
    const grandchild = await pidIn(file);
    await executor.settled();
    expect(isAlive(grandchild)).toBe(false);
  });

  it("is answered at once although they hold its output from a session of their own", async () => {
    const file = fresh();
    const started = performance.now();
    const result = await run("leave-detached", ["20", file]);
    expect(performance.now() - started).toBeLessThan(5_000);
    expect([result.exitCode, out(result)]).toEqual([0, "started\n"]);
    process.kill(await pidIn(file), "SIGKILL");
  });

  it("is answered although they never stop to write", async () => {
    const file = fresh();
    const started = performance.now();
    const result = await run("chatter-detached", [file]);
    expect(performance.now() - started).toBeLessThan(10_000);
    expect(result.exitCode).toBe(0);
    expect(await isGoneWithin(await pidIn(file), 5_000)).toBe(true);
  });
});

describe("a program that cannot be started", () => {
  it("because of a NUL in an argument", async () => {
    await expect(run("print-args", ["a\0b"])).rejects.toMatchObject({ name: "CodedError", code: "spawn_failed" });
  });

  it("because of a NUL in its environment", async () => {
    await expect(run("print-args", [], { env: new Map([["A", "x\0"]]) })).rejects.toMatchObject({
      code: "spawn_failed",
    });
  });

  it("because an argument is larger than the system takes", async () => {
    const error: unknown = await run("print-args", ["x".repeat(3_000_000)]).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "spawn_failed", message: expect.stringContaining("E2BIG") as string });
  });

  it("because it is gone", async () => {
    await expect(run("/nonexistent/to\u001bol")).rejects.toMatchObject({
      code: "command_not_found",
      message: "Command not found: /nonexistent/to\\x1bol",
    });
  });

  it("because it is a directory", async () => {
    await expect(run("/tmp")).rejects.toMatchObject({ code: "spawn_failed", message: "could not start /tmp: EACCES" });
  });

  it("leaves no open files behind", async () => {
    await run("exit-with", ["0"]);
    const count = (): number => readdirSync("/proc/self/fd").length;
    const before = count();
    for (let round = 0; round < 20; round++) await run("/nonexistent/tool").catch(() => undefined);
    await sleep(50);
    expect(count()).toBeLessThan(before + 10);
  });

  it.runIf(existsSync("/usr/bin/prlimit"))(
    "because the daemon has no file descriptor left: it says so and lives",
    async () => {
      const limit = (value: string): void => {
        execFileSync("/usr/bin/prlimit", ["--pid", String(process.pid), `--nofile=${value}:`]);
      };
      const before = /Max open files\s+(\d+)/.exec(readFileSync("/proc/self/limits", "utf8"))?.[1] ?? "1024";
      const held: number[] = [];
      let attempt: Promise<unknown> | undefined;
      limit("256");
      try {
        for (;;) held.push(openSync("/dev/null", "r"));
      } catch {
        attempt = run("exit-with", ["0"]).catch((thrown: unknown) => thrown);
      } finally {
        held.forEach(closeSync);
        limit(before);
      }
      expect(await attempt).toMatchObject({
        code: "spawn_failed",
        message: expect.stringContaining("EMFILE") as string,
      });
      expect(await run("exit-with", ["0"])).toMatchObject({ exitCode: 0 });
    },
  );
});

describe("an executor", () => {
  it("is settled when nothing runs or is being ended", async () => {
    await expect(new Executor().settled()).resolves.toBeUndefined();
  });

  it("is settled when everything that it ended is gone, also what was added meanwhile", async () => {
    const own = new Executor();
    const marks = [fresh(), fresh(), fresh()];
    const controllers = marks.map(() => new AbortController());
    const runs = marks.map(async (file, index) =>
      own.run(launchOf(bin, "ignore-term", ["20", file]), (controllers[index] ?? new AbortController()).signal),
    );
    const pids = await Promise.all(marks.map(pidIn));
    controllers[0]?.abort("shutting_down");
    const settled = sleep(50).then(async () => own.settled());
    await sleep(100);
    controllers[1]?.abort("shutting_down");
    controllers[2]?.abort("shutting_down");
    await Promise.all(runs);
    await settled;
    expect(pids.map(isAlive)).toEqual([false, false, false]);
  });
});
