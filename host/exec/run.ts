import { spawn, type ChildProcessByStdio } from "node:child_process";
import { randomBytes } from "node:crypto";
import { constants } from "node:os";
import { Writable, type Readable } from "node:stream";
import { CodedError, errnoOf, messageOf } from "../../wire/errors.ts";
import type { OutputSink } from "../../wire/live.ts";
import type { Captured } from "../../wire/outcome.ts";
import { printable } from "../../wire/text.ts";
import { Capture, Tally } from "./capture.ts";
import type { Command } from "./command.ts";
import { Flow, quiet } from "./flow.ts";
import { canFindDetached, endMarked, endTree, groupExists, RUN_COOKIE } from "./process-tree.ts";
import type { RunningMarks } from "./running-marks.ts";

/** Everything that is needed to start one program. */
export interface Launch {
  readonly command: Command;
  readonly args: readonly string[];
  readonly env: ReadonlyMap<string, string>;
  readonly cwd: string;
  /** What the program reads: bytes, or an open file that the caller closes. Nothing when absent. */
  readonly stdin?: Buffer | number;
  /** What the program may read from descriptor 3; nothing is there when absent. */
  readonly handed?: Buffer;
  /** Milliseconds; 0 or less: it times out before it is started. */
  readonly timeoutMs: number;
  readonly graceMs: number;
  readonly maxStdoutBytes: number;
  readonly maxStderrBytes: number;
}

/** What passes between a program and whoever watches it while it runs. */
export interface Attached {
  /** Gets everything that the program writes. While it wants to be waited for, the program's pipe is not read. */
  readonly output: OutputSink;
  /** What the program reads, instead of the launch's. */
  readonly stdin?: Readable | undefined;
  /** False: nothing is kept for the result, it is only counted. */
  readonly keep: boolean;
}

/** Why a run was ended by us. The abort signal's reason is any but the first. */
export type EndReason = "timed_out" | "cancelled" | "shutting_down" | "stdin_too_large";

/** How a run ended, with what was captured until then. */
export interface RunResult {
  readonly reason: "exited" | EndReason;
  /** 0–255; 128+n when signal n ended it. */
  readonly exitCode: number;
  readonly signal: string | undefined;
  readonly stdout: Captured;
  readonly stderr: Captured;
  /** True when processes may be left that cannot be found here. */
  readonly maybeDetached: boolean;
}

type Child = ChildProcessByStdio<Writable | null, Readable, Readable>;

interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** After we ended it, how long its last words are waited for. The reply goes out then; the ending goes on. */
const LAST_WORDS_MS = 100;
/** The longest that a timer can wait; it would fire at once beyond. */
const LONGEST_TIMER_MS = 2_147_483_647;

function exitCodeOf(exit: Exit): number {
  if (exit.signal !== null) return 128 + constants.signals[exit.signal];
  return exit.code ?? 1;
}

const END_REASONS: readonly unknown[] = ["timed_out", "cancelled", "shutting_down", "stdin_too_large"];

function isEndReason(value: unknown): value is EndReason {
  return END_REASONS.includes(value);
}

/** Lets the program read from a stream. A program that does not want to read more leaves the rest to nobody. */
function feed(input: Readable, pipe: Writable): void {
  pipe.on("error", () => {
    input.unpipe(pipe);
    input.resume();
  });
  input.on("error", () => {
    pipe.end();
  });
  input.pipe(pipe);
}

/** A program that ends before it has read it all needs no more. */
function hand(bytes: Buffer, child: Child): void {
  // When file descriptors are short there are no pipes at all.
  const third: unknown = Array.isArray(child.stdio) ? child.stdio[3] : undefined;
  if (third instanceof Writable) third.on("error", () => undefined).end(bytes);
}

function start(launch: Launch, cookie: string, source: Readable | undefined): Child {
  const { command, args, env, cwd, stdin, handed } = launch;
  const input = source === undefined && stdin === undefined ? "ignore" : typeof stdin === "number" ? stdin : "pipe";
  try {
    const child = spawn(command.file, [...args], {
      argv0: command.argv0,
      cwd,
      env: { ...Object.fromEntries(env), [RUN_COOKIE]: cookie },
      stdio: [input, "pipe", "pipe", ...(handed === undefined ? [] : ["pipe" as const])],
      // A session and process group of its own: ended as one, and without our terminal.
      detached: true,
    }) as Child;
    // When file descriptors are short there are no pipes at all.
    if (source === undefined) child.stdin?.on("error", () => undefined).end(stdin);
    else if (child.stdin) feed(source, child.stdin);
    if (handed !== undefined) hand(handed, child);
    return child;
  } catch (error) {
    throw new CodedError("spawn_failed", `could not start ${printable(command.file)}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

async function exited(child: Child, file: string): Promise<Exit> {
  return new Promise((resolve, reject) => {
    child.once("exit", (code, signal) => {
      resolve({ code, signal });
    });
    child.once("error", (error) => {
      const missing = errnoOf(error) === "ENOENT";
      reject(
        missing
          ? new CodedError("command_not_found", `Command not found: ${printable(file)}`)
          : new CodedError("spawn_failed", `could not start ${printable(file)}: ${errnoOf(error) ?? error.message}`),
      );
    });
  });
}

/** A program that was started, with all that it starts. */
interface Tree {
  readonly pid: number;
  readonly cookie: string;
  readonly graceMs: number;
  /** To be called when nothing of it is left that we end. */
  readonly ended: () => void;
}

function ignore(): void {
  return undefined;
}

/** Runs programs, and remembers what is still being ended so that a shutdown can wait for it. */
export class Executor {
  readonly #marks: RunningMarks | undefined;
  readonly #ending = new Set<Promise<void>>();

  /** @param marks where it is noted what runs, for whom comes after a daemon that was killed; without it nobody does */
  constructor(marks?: RunningMarks) {
    this.#marks = marks;
  }

  /** Ends what is noted of an earlier daemon, before anything is run. Resolves with how many processes there were. */
  async endLeft(graceMs: number): Promise<number> {
    const cookies = this.#marks?.noted ?? [];
    const counted = endMarked(cookies, graceMs);
    const ending = counted.then(() => {
      for (const cookie of cookies) this.#marks?.forget(cookie);
      this.#ending.delete(ending);
    });
    this.#ending.add(ending);
    return counted;
  }

  /** Resolves when no process of an ended run is left that can be found. */
  async settled(): Promise<void> {
    while (this.#ending.size > 0) await Promise.all(this.#ending);
  }

  /** Ends what a finished program left in its group. Not before its reply: nearly always nobody is left, and asking is not free. */
  #endLeftovers(tree: Tree): void {
    const looked = new Promise<void>((resolve) => {
      setImmediate(() => {
        if (groupExists(tree.pid)) this.#end(tree);
        else tree.ended();
        this.#ending.delete(looked);
        resolve();
      });
    });
    this.#ending.add(looked);
  }

  #end({ pid, cookie, graceMs, ended }: Tree): void {
    const ending = endTree(pid, cookie, graceMs).finally(() => {
      ended();
      this.#ending.delete(ending);
    });
    this.#ending.add(ending);
  }

  /**
   * Runs one program to its end, its time limit, or until `signal` aborts (with an `EndReason` as reason). Its end is when it has ended and
   * what it wrote has been taken.
   * @throws CodedError `command_not_found`, `spawn_failed`
   */
  async run(launch: Launch, signal: AbortSignal, attached?: Attached): Promise<RunResult> {
    const keep = attached?.keep !== false;
    const stdout = keep ? new Capture(launch.maxStdoutBytes) : new Tally();
    const stderr = keep ? new Capture(launch.maxStderrBytes) : new Tally();
    const result = (reason: RunResult["reason"], exitCode: number, name: string | undefined): RunResult => ({
      reason,
      exitCode,
      signal: name,
      stdout: stdout.result(),
      stderr: stderr.result(),
      maybeDetached: reason !== "exited" && !canFindDetached(),
    });
    if (launch.timeoutMs <= 0) return result("timed_out", 124, undefined);
    if (signal.aborted) return result(isEndReason(signal.reason) ? signal.reason : "cancelled", 143, undefined);

    const cookie = randomBytes(16).toString("hex");
    const child = start(launch, cookie, attached?.stdin);
    const exit = exited(child, launch.command.file);
    const { pid } = child;
    // Nothing runs, and when file descriptors are short there are no pipes either. Why comes as an event, which `exit` throws.
    if (pid === undefined) return result("exited", exitCodeOf(await exit), undefined);
    const { graceMs } = launch;
    const tree: Tree = { pid, cookie, graceMs, ended: this.#marks?.began(cookie) ?? ignore };
    const flows = [
      new Flow(child.stdout, "stdout", stdout, attached?.output),
      new Flow(child.stderr, "stderr", stderr, attached?.output),
    ];
    const drained = Promise.all(flows.map(async (flow) => flow.ended));
    const stop = stopper(launch.timeoutMs, signal);
    try {
      const first = await Promise.race([exit, stop.promise]);
      if (typeof first === "string") {
        this.#end(tree);
        await Promise.race([Promise.all([exit, drained]), delay(LAST_WORDS_MS)]);
        return result(first, first === "timed_out" ? 124 : 143, undefined);
      }
      const silence = quiet(flows);
      const taken = await Promise.race([drained, silence.promise, stop.promise]).finally(silence.clear);
      this.#endLeftovers(tree);
      // It has ended, but whoever reads its output did not take it in time.
      if (typeof taken === "string") return result(taken, taken === "timed_out" ? 124 : 143, undefined);
      return result("exited", exitCodeOf(first), first.signal ?? undefined);
    } finally {
      stop.clear();
      for (const flow of flows) flow.close();
    }
  }
}

async function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Resolves with the reason when the time is over or the signal aborts. */
function stopper(
  timeoutMs: number,
  signal: AbortSignal,
): { readonly promise: Promise<EndReason>; readonly clear: () => void } {
  let clear = (): void => undefined;
  const promise = new Promise<EndReason>((resolve) => {
    const timer = setTimeout(
      () => {
        resolve("timed_out");
      },
      Math.min(timeoutMs, LONGEST_TIMER_MS),
    );
    const aborted = (): void => {
      resolve(isEndReason(signal.reason) ? signal.reason : "cancelled");
    };
    signal.addEventListener("abort", aborted, { once: true });
    clear = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", aborted);
    };
  });
  return { promise, clear };
}
