import { StringDecoder } from "node:string_decoder";
import { CodedError } from "../../wire/errors.ts";
import { STREAMS, type StreamName } from "../../wire/names.ts";
import { printableLines } from "../../wire/text.ts";
import type { Context } from "./context.ts";
import type { DirectOutput } from "./direct-output.ts";
import type { RunsClient } from "./target-runs.ts";
import { copyOutput, type Copy, type Start } from "./runs-copy.ts";

/** One stream of a run on one of our own streams: as it is, or, on a terminal, without what could steer it. */
class Outlet {
  readonly #stream: StreamName;
  readonly #output: DirectOutput;
  readonly #decoder: StringDecoder | undefined;

  constructor(stream: StreamName, output: DirectOutput, isTerminal: boolean) {
    this.#stream = stream;
    this.#output = output;
    this.#decoder = isTerminal ? new StringDecoder("utf8") : undefined;
  }

  readonly put = async (bytes: Buffer): Promise<void> => {
    if (this.#decoder === undefined) await this.#output.write(this.#stream, bytes);
    else await this.#text(this.#decoder.write(bytes));
  };

  /** What is left of a character that was cut. */
  async end(): Promise<void> {
    if (this.#decoder !== undefined) await this.#text(this.#decoder.end());
  }

  async #text(text: string): Promise<void> {
    if (text !== "") await this.#output.write(this.#stream, Buffer.from(printableLines(text)));
  }
}

/** A sentence of ours, in a line of standard error. */
export async function say(output: DirectOutput, text: string): Promise<void> {
  await output.write("stderr", Buffer.from(`cmd2host: ${text}\n`));
}

export interface Shown extends Pick<Copy, "runId" | "follow"> {
  readonly streams: readonly StreamName[];
  readonly start: Start;
}

async function showStream(owner: RunsClient, shown: Shown, stream: StreamName, context: Context): Promise<void> {
  const { direct } = context;
  const isTerminal = stream === "stdout" ? context.stdoutIsTerminal : context.stderrIsTerminal;
  const outlet = new Outlet(stream, direct, isTerminal);
  const missing = async (from: number, to: number): Promise<void> => {
    await say(direct, `bytes ${from} to ${to - 1} of ${stream} were not kept`);
  };
  await copyOutput(owner, { ...shown, stream, put: outlet.put, missing, signal: direct.signal });
  await outlet.end();
}

/**
 * Writes what a run wrote to our own streams: standard output to standard output, error to error. With `follow` both at the same time, otherwise
 * one after the other. When one was lost, the other is still shown.
 * @throws CodedError `output_lost` at the end, and what connecting throws
 */
export async function showOutput(owner: RunsClient, shown: Shown, context: Context): Promise<void> {
  let lost: CodedError | undefined;
  const show = async (stream: StreamName): Promise<void> => {
    try {
      await showStream(owner, shown, stream, context);
    } catch (error) {
      if (!(error instanceof CodedError) || error.code !== "output_lost") throw error;
      lost = error;
    }
  };
  const streams = STREAMS.filter((name) => shown.streams.includes(name));
  if (shown.follow) await Promise.all(streams.map(show));
  else for (const stream of streams) await show(stream);
  if (lost !== undefined) throw lost;
}
