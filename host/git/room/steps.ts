import { CodedError } from "../../../wire/errors.ts";
import { printable, shortened } from "../../../wire/text.ts";
import type { Attached, Launch, RunResult } from "../../exec/run.ts";

/** Starts a program and resolves when it ended. */
export type Execute = (launch: Launch, signal: AbortSignal, attached?: Attached) => Promise<RunResult>;

/** A step was ended from outside: the time is over, the client is gone, the daemon stops. */
export class Ended extends Error {
  override readonly name = "Ended";
  readonly result: RunResult;

  constructor(result: RunResult) {
    super(`ended: ${result.reason}`);
    this.result = result;
  }
}

/** What a helper program of git's may print for us to read. */
const HELPER_STDOUT = 1_048_576;
const HELPER_STDERR = 16_384;

/** Larger objects than git takes in pieces by itself (512 MiB) are refused: a delta of some bytes can say that it unfolds to any size. */
const MAX_ALLOCATION = "600m";

/**
 * The repository is said outright: one that came to harm would not be recognised, and git would take one of the directories above it. What git
 * allocates at once is bounded.
 */
function inRepository(env: ReadonlyMap<string, string>, path: string): ReadonlyMap<string, string> {
  return new Map([...env, ["GIT_DIR", path], ["GIT_ALLOC_LIMIT", MAX_ALLOCATION]]);
}

/** The git programs of one operation, one after the other, within one time limit. */
export class Steps {
  readonly #execute: Execute;
  readonly #launch: Launch;
  readonly #env: ReadonlyMap<string, string>;
  readonly #signal: AbortSignal;
  readonly #deadline: number;
  readonly #attached: Attached | undefined;

  /**
   * @param launch the program, its limits, and the environment of the step that talks to the remote
   * @param env the environment of all other steps: no agent, no credentials
   * @param attached gets the output of the main step as it comes
   */
  constructor(
    execute: Execute,
    launch: Launch,
    env: ReadonlyMap<string, string>,
    signal: AbortSignal,
    attached?: Attached,
  ) {
    this.#attached = attached;
    this.#execute = execute;
    this.#launch = launch;
    this.#env = env;
    this.#signal = signal;
    this.#deadline = performance.now() + launch.timeoutMs;
  }

  /** Throws `Ended` when the time is over or the client is gone. For work between the programs. */
  checkpoint(): void {
    const reason = this.#signal.aborted ? "cancelled" : this.#remaining() <= 0 ? "timed_out" : undefined;
    if (reason !== undefined) throw new Ended(this.#endedResult(reason));
  }

  /** What the operation is about: its output goes to the client as it is. Ended ones are returned as well. Without `env`, `cwd` is the repository. */
  async main(cwd: string, args: readonly string[], env = inRepository(this.#launch.env, cwd)): Promise<RunResult> {
    const launch = { ...this.#launch, args, cwd, env, timeoutMs: this.#remaining() };
    return this.#execute(launch, this.#signal, this.#attached);
  }

  /** A helper in the repository `cwd`, whatever its exit code. @throws Ended */
  async helper(cwd: string, args: readonly string[], stdin?: Buffer | number): Promise<RunResult> {
    const result = await this.#execute(
      {
        ...this.#launch,
        args,
        cwd,
        env: inRepository(this.#env, cwd),
        timeoutMs: this.#remaining(),
        maxStdoutBytes: HELPER_STDOUT,
        maxStderrBytes: HELPER_STDERR,
        ...(stdin === undefined ? {} : { stdin }),
      },
      this.#signal,
    );
    if (result.reason !== "exited") throw new Ended(result);
    return result;
  }

  #remaining(): number {
    return this.#deadline - performance.now();
  }

  #endedResult(reason: "cancelled" | "timed_out"): RunResult {
    const nothing = { bytes: Buffer.alloc(0), total: 0, truncated: false };
    const why = this.#signal.reason === "shutting_down" ? "shutting_down" : reason;
    return {
      reason: why,
      exitCode: reason === "timed_out" ? 124 : 143,
      signal: undefined,
      stdout: nothing,
      stderr: nothing,
      maybeDetached: false,
    };
  }
}

/** The first line that git says about a failure, safe to print. */
export function complaint(result: RunResult): string {
  const [line = ""] = result.stderr.bytes.toString("utf8").split("\n");
  return printable(shortened(line.replace(/^(?:fatal|error): /, ""), 200));
}

/** A helper that must not fail did. */
export function failedStep(what: string, result: RunResult): CodedError {
  return new CodedError(
    "git_failed",
    `${what} failed on the host (exit code ${result.exitCode}): ${complaint(result)}`,
  );
}
