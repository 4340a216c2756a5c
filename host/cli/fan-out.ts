import { setMaxListeners } from "node:events";
import { CodedError, errnoOf } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";
import { Foreground } from "../../terminal/foreground.ts";
import { GatewayClient } from "../fleet/gateway-client.ts";
import { gatewayPlace } from "../fleet/gateway-place.ts";
import { Voice } from "./call-voice.ts";
import type { ExecLine, Several } from "./exec-line.ts";
import { KEPT_BYTES } from "./fan-out-keep.ts";
import { FanOutProgress } from "./fan-out-progress.ts";
import { Counts, type TargetResult } from "./fan-out-result.ts";
import { runOnAll } from "./fan-out-run.ts";
import { grouped, jsonLine, progressWords, tableOf } from "./fan-out-words.ts";
import { chosenTargets } from "./fleet-targets.ts";
import type { RunSurroundings } from "./operation-run.ts";

const EXIT_TROUBLE = 1;
const EXIT_READER_GONE = 141;
/** Most names in one line. */
const MAX_NAMED = 20;

/** One command on several targets, and what is said of it. */
class FanOut {
  readonly #line: ExecLine;
  readonly #several: Several;
  readonly #around: RunSurroundings;
  readonly #foreground: Foreground;
  readonly #voice: Voice;
  /** Ends what runs, for whatever reason. */
  readonly #stop = new AbortController();
  #progress: FanOutProgress | undefined;

  constructor(line: ExecLine, several: Several, around: RunSurroundings) {
    this.#line = line;
    this.#several = several;
    this.#around = around;
    this.#foreground = new Foreground(around, (error) => {
      this.#foreground.stop.stop(errnoOf(error) === "EPIPE" ? EXIT_READER_GONE : EXIT_TROUBLE);
    });
    this.#voice = new Voice(this.#foreground.stderr);
    // Every target listens, and each is one that is wanted.
    setMaxListeners(0, this.#stop.signal);
    this.#foreground.stop.signal.addEventListener("abort", () => {
      this.#stop.abort();
    });
  }

  async run(): Promise<number> {
    return this.#foreground.run(async () => {
      try {
        return await this.#exitCode();
      } catch (error) {
        if (!(error instanceof CodedError)) throw error;
        if (error.code !== "cancelled") this.#voice.trouble(error);
        return EXIT_TROUBLE;
      }
    });
  }

  async #exitCode(): Promise<number> {
    const client = new GatewayClient(gatewayPlace(this.#line.gateway, this.#around.environment));
    const { signal } = this.#stop;
    const found = await chosenTargets(client, this.#several.choice, signal);
    const names = found.map(({ name }) => name);
    if (this.#several.dryRun) {
      await this.#print(Buffer.from(names.map((name) => `${printable(name)}\n`).join("")));
      return 0;
    }
    const counts = new Counts(names.length);
    const results = await this.#results(client, names, counts);
    const left = results.filter(({ kind }) => kind === "not_run");
    for (const { kind } of left) counts.add(kind);
    await this.#printAll(results, left);
    if (left.length > 0) this.#voice.say(`not run: ${listed(left.map(({ target }) => target))}`);
    this.#voice.say(counts.words);
    return counts.of("ok") === names.length ? 0 : EXIT_TROUBLE;
  }

  async #results(client: GatewayClient, names: readonly string[], counts: Counts): Promise<readonly TargetResult[]> {
    const { errorColumns } = this.#around;
    const { concurrency, failFast, format } = this.#several;
    const { signal } = this.#stop;
    if (errorColumns !== undefined)
      this.#progress = new FanOutProgress(this.#voice, errorColumns, counts, names.length);
    try {
      return await runOnAll(names, {
        request: this.#line.request,
        on: (target) => client.on(target),
        concurrency,
        keepBytes: format === "table" ? 0 : KEPT_BYTES,
        isOver: () => signal.aborted,
        signal,
        begun: (target) => this.#progress?.begun(target),
        ended: (result): Promise<void> | undefined => {
          counts.add(result.kind);
          this.#progress?.ended(result.target);
          if (failFast && result.kind !== "ok") this.#stop.abort();
          return this.#printOne(result);
        },
      });
    } finally {
      this.#progress?.end();
    }
  }

  #printOne(result: TargetResult): Promise<void> | undefined {
    switch (this.#several.format) {
      case "grouped":
        return this.#print(grouped(result, this.#around.stdoutIsTerminal));
      case "jsonl":
        return this.#print(Buffer.from(jsonLine(result)));
      case "table":
        // Where no line shows how far it is.
        if (this.#progress === undefined) this.#voice.say(progressWords(result));
        return undefined;
    }
  }

  /** What is shown only when all have ended. */
  async #printAll(results: readonly TargetResult[], left: readonly TargetResult[]): Promise<void> {
    if (this.#several.format === "table") await this.#print(Buffer.from(tableOf(results)));
    if (this.#several.format === "jsonl") await this.#print(Buffer.from(left.map(jsonLine).join("")));
  }

  #print(bytes: Buffer): Promise<void> | undefined {
    this.#voice.status(undefined);
    return this.#foreground.stdout.write(bytes);
  }
}

function listed(names: readonly string[]): string {
  const more = names.length - MAX_NAMED;
  const shown = names.slice(0, MAX_NAMED).map(printable).join(", ");
  return more > 0 ? `${shown} and ${more} more` : shown;
}

/** Runs a command on several targets at the same time. Returns the exit code. */
export async function fanOut(line: ExecLine, several: Several, around: RunSurroundings): Promise<number> {
  return new FanOut(line, several, around).run();
}
