import type { Readable, Writable } from "node:stream";
import { checkoutAt } from "../../wire/checkout.ts";
import { DaemonClient } from "../../wire/client.ts";
import { CodedError, errnoOf } from "../../wire/errors.ts";
import type { OutputSink } from "../../wire/live.ts";
import type { OutcomeFields } from "../../wire/schema.ts";
import { shortened } from "../../wire/text.ts";
import { addressOf, tokenOf } from "../../wire/whereabouts.ts";
import { ownSocket } from "./call-daemon.ts";
import { parseCallLine, type CallLine } from "./call-line.ts";
import { PacedStream } from "../../terminal/paced-stream.ts";
import { StatusLine } from "./call-status.ts";
import { Foreground } from "../../terminal/foreground.ts";
import type { Signals } from "../../terminal/stop.ts";
import { outcomeLines, Voice } from "./call-voice.ts";

/** What `call` is run in. It writes as the command does, so it prints itself, unlike the commands that report. */
export interface CallSurroundings {
  readonly environment: NodeJS.ProcessEnv;
  /** Absolute. */
  readonly cwd: string;
  /** Not read before the daemon wants it; undefined where there is nothing to send. */
  readonly stdin: Readable | undefined;
  readonly stdout: Writable;
  /** May be the same as `stdout`. */
  readonly stderr: Writable;
  /** Width of the terminal that may show how a command goes on; undefined where nothing of the kind is wanted. */
  readonly statusColumns: number | undefined;
  readonly signals: Signals;
}

const EXIT_USAGE = 2;
/** These four are the original's. */
const EXIT_READER_GONE = 141;
const EXIT_TROUBLE = 200;
const EXIT_NO_TOKEN = 201;
const EXIT_DENIED = 220;

class Call {
  readonly #line: CallLine;
  readonly #around: CallSurroundings;
  readonly #foreground: Foreground;
  readonly #voice: Voice;
  readonly #shown = { stdout: 0, stderr: 0 };
  readonly #noticed = new Set<string>();
  #name: string;

  constructor(line: CallLine, around: CallSurroundings) {
    this.#line = line;
    this.#around = around;
    const { request } = line;
    this.#name = shortened("argv" in request ? request.argv.join(" ") : request.operation, 64);
    this.#foreground = new Foreground(around, (error) => {
      this.#stdoutFailed(error);
    });
    this.#voice = new Voice(this.#foreground.stderr);
  }

  /** The exit code. */
  async run(): Promise<number> {
    return this.#foreground.run(async () => this.#exitCode());
  }

  async #exitCode(): Promise<number> {
    const { environment } = this.#around;
    let token: string;
    try {
      token = await tokenOf(this.#line.where.tokenFile, environment);
    } catch (error) {
      return this.#trouble(error, EXIT_NO_TOKEN);
    }
    try {
      return this.#ended(
        await this.#streamed(
          new DaemonClient(
            addressOf(this.#line.where, environment, () => ownSocket(environment)),
            token,
          ),
        ),
      );
    } catch (error) {
      return this.#trouble(error, EXIT_TROUBLE);
    }
  }

  async #streamed(client: DaemonClient): Promise<OutcomeFields> {
    const { statusColumns, stdin, cwd } = this.#around;
    const { request } = this.#line;
    const output: OutputSink = {
      write: (name, bytes): Promise<void> | undefined => {
        this.#shown[name] += bytes.length;
        return name === "stdout" ? this.#foreground.stdout.write(bytes) : this.#voice.command(bytes);
      },
    };
    const status =
      statusColumns === undefined
        ? undefined
        : new StatusLine(
            this.#voice,
            statusColumns,
            () => this.#name,
            () => this.#shown.stdout,
          );
    try {
      return await client.stream("argv" in request ? { ...request, cwd: checkoutAt(cwd) } : request, {
        output,
        accepted: ({ operation }) => (this.#name = operation),
        notice: ({ text }) => {
          this.#noticed.add(text);
          this.#voice.say(`notice: ${text}`);
        },
        stdin: this.#line.noStdin ? undefined : stdin,
        signal: this.#foreground.stop.signal,
      });
    } finally {
      status?.end();
    }
  }

  #ended(outcome: OutcomeFields): number {
    if (this.#line.json) this.#voice.json(outcome);
    // Who ended it knows that it was ended.
    else if (this.#foreground.stop.exit === undefined)
      for (const line of outcomeLines(outcome, this.#shown, this.#noticed)) this.#voice.say(line);
    // Of the original comes -1 when a signal ended the command.
    return outcome.outcome === "denied" ? EXIT_DENIED : outcome.exit_code & 0xff;
  }

  #trouble(error: unknown, exit: number): number {
    if (!(error instanceof CodedError)) throw error;
    const { code, message, hint } = error;
    if (this.#line.json) this.#voice.json({ error: { code, message, hint } });
    else if (code === "cancelled" && this.#foreground.stop.exit !== EXIT_READER_GONE)
      this.#voice.say("cancelled; the daemon has not said how the command ended");
    else if (code !== "cancelled") this.#voice.trouble(error);
    return exit;
  }

  #stdoutFailed(error: Error): void {
    const isReaderGone = errnoOf(error) === "EPIPE";
    if (!isReaderGone && this.#foreground.stop.exit === undefined)
      this.#voice.trouble(
        new CodedError("file_failed", `cannot write standard output: ${errnoOf(error) ?? error.message}`, {
          hint: "The command was cancelled.",
        }),
      );
    this.#foreground.stop.stop(isReaderGone ? EXIT_READER_GONE : EXIT_TROUBLE);
  }
}

/**
 * Runs one operation: its output goes to ours as it comes, and what we say ourselves to standard error. Returns the exit code, or "help" when
 * the command line asks for that.
 */
export async function call(argv: readonly string[], around: CallSurroundings): Promise<number | "help"> {
  let line: CallLine | "help";
  try {
    line = parseCallLine(argv, around.environment["HOST_CMD_PROXY_TARGET_REPO"]);
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    const stderr = new PacedStream(around.stderr, () => undefined);
    new Voice(stderr).trouble(error);
    await stderr.flushed();
    return EXIT_USAGE;
  }
  return line === "help" ? line : new Call(line, around).run();
}
