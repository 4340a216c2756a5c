import type { Readable, Writable } from "node:stream";
import type { ArgvRequest, DaemonCalls, RunRequest } from "../../wire/daemon-calls.ts";
import { CodedError, errnoOf } from "../../wire/errors.ts";
import type { OutputSink } from "../../wire/live.ts";
import type { StreamName } from "../../wire/names.ts";
import type { Accepted, OutcomeFields } from "../../wire/schema.ts";
import { Foreground } from "../../terminal/foreground.ts";
import { PacedStream } from "../../terminal/paced-stream.ts";
import type { Signals } from "../../terminal/stop.ts";
import { StatusLine } from "./call-status.ts";
import { outcomeLines, Voice } from "./call-voice.ts";

/** What a command is run in that stands for another one. It writes as that one does, so it prints itself, unlike the commands that report. */
export interface RunSurroundings {
  readonly environment: NodeJS.ProcessEnv;
  /** Absolute. */
  readonly cwd: string;
  /** Not read before it is wanted; undefined where there is nothing to send. */
  readonly stdin: Readable | undefined;
  readonly stdout: Writable;
  /** May be the same as `stdout`. */
  readonly stderr: Writable;
  /** Width of the terminal that may show how a command goes on; undefined where nothing of the kind is wanted. */
  readonly statusColumns: number | undefined;
  /** The same where nothing that others write is shown between. */
  readonly errorColumns: number | undefined;
  readonly stdoutIsTerminal: boolean;
  readonly signals: Signals;
}

export const EXIT_USAGE = 2;
/** Nobody reads standard output any more: what a shell makes of SIGPIPE. */
const EXIT_READER_GONE = 141;
export const EXIT_DENIED = 220;

/** One operation, and how its end is told. */
export interface RunTask {
  /** Until the daemon says which operation it is. */
  readonly name: string;
  readonly request: RunRequest | ArgvRequest;
  /** Print the outcome as JSON in the end. */
  readonly json: boolean;
  readonly noStdin: boolean;
  /** Ask where the time goes. */
  readonly profile?: boolean;
  /** Finds whoever is to be asked. */
  readonly open: () => Promise<Pick<DaemonCalls, "stream">>;
  /** When nobody was found, and when it went wrong later. */
  readonly exits: { readonly notOpened: number; readonly trouble: number };
  /** Said when a call was cancelled and nothing more came. */
  readonly cancelled: (runId: string | undefined) => string;
  /** What trouble means, when more is known of it here. */
  readonly meaning?: (error: CodedError, runId: string | undefined) => CodedError;
  readonly accepted?: (accepted: Accepted) => void;
  readonly output?: (stream: StreamName) => void;
  /** Whatever is to be said besides, in the end. */
  readonly ended?: (outcome: OutcomeFields) => string;
}

/** Runs one operation in the foreground: its output goes to ours as it comes, and what we say ourselves to standard error. */
export class OperationRun {
  readonly #task: RunTask;
  readonly #around: RunSurroundings;
  readonly #foreground: Foreground;
  readonly #voice: Voice;
  readonly #shown = { stdout: 0, stderr: 0 };
  readonly #noticed = new Set<string>();
  #name: string;
  #runId: string | undefined;

  constructor(task: RunTask, around: RunSurroundings) {
    this.#task = task;
    this.#around = around;
    this.#name = task.name;
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
    const { open, exits } = this.#task;
    let client: Pick<DaemonCalls, "stream">;
    try {
      client = await open();
    } catch (error) {
      return this.#trouble(error, exits.notOpened);
    }
    try {
      return this.#ended(await this.#streamed(client));
    } catch (error) {
      return this.#trouble(error, exits.trouble);
    }
  }

  async #streamed(client: Pick<DaemonCalls, "stream">): Promise<OutcomeFields> {
    const { statusColumns, stdin } = this.#around;
    const { request, noStdin, profile, accepted, output: told } = this.#task;
    const output: OutputSink = {
      write: (name, bytes): Promise<void> | undefined => {
        this.#shown[name] += bytes.length;
        told?.(name);
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
      return await client.stream(request, {
        output,
        accepted: (run) => {
          this.#name = run.operation;
          this.#runId = run.run_id;
          accepted?.(run);
        },
        notice: ({ text }) => {
          this.#noticed.add(text);
          this.#voice.say(`notice: ${text}`);
        },
        stdin: noStdin ? undefined : stdin,
        profile,
        signal: this.#foreground.stop.signal,
      });
    } finally {
      status?.end();
    }
  }

  #ended(outcome: OutcomeFields): number {
    if (this.#task.json) this.#voice.json(outcome);
    // Who ended it knows that it was ended.
    else if (this.#foreground.stop.exit === undefined)
      for (const line of outcomeLines(outcome, this.#shown, this.#noticed)) this.#voice.say(line);
    this.#voice.block(this.#task.ended?.(outcome) ?? "");
    // Of the original comes -1 when a signal ended the command.
    return outcome.outcome === "denied" ? EXIT_DENIED : outcome.exit_code & 0xff;
  }

  #trouble(thrown: unknown, exit: number): number {
    if (!(thrown instanceof CodedError)) throw thrown;
    const error = this.#task.meaning?.(thrown, this.#runId) ?? thrown;
    const { code, message, hint } = error;
    if (this.#task.json) this.#voice.json({ error: { code, message, hint } });
    else if (code === "cancelled" && this.#foreground.stop.exit !== EXIT_READER_GONE)
      this.#voice.say(this.#task.cancelled(this.#runId));
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
    this.#foreground.stop.stop(isReaderGone ? EXIT_READER_GONE : this.#task.exits.trouble);
  }
}

/** Says what is wrong with a command line. Returns the exit code. @throws whatever is no CodedError */
export async function sayUsage(error: unknown, { stderr }: Pick<RunSurroundings, "stderr">): Promise<number> {
  if (!(error instanceof CodedError)) throw error;
  const paced = new PacedStream(stderr, () => undefined);
  new Voice(paced).trouble(error);
  await paced.flushed();
  return EXIT_USAGE;
}
