import { CodedError } from "../../wire/errors.ts";
import type { StreamName } from "../../wire/names.ts";
import type { AdmittedShell } from "../calls.ts";
import { HeldOutput } from "./held-output.ts";
import type { CommandEnd, PageWait } from "./page.ts";

/** When everything there is fits into a page: how long the end is waited for, so that a short command needs one page. */
const GRACE_MS = 10;
/** A timer that is set to more would fire at once. */
const LONGEST_TIMER_MS = 2_147_483_647;

/** Why a command is ended from here, as `host/exec` names it. */
export type GivenUpFor = "cancelled" | "shutting_down";

/** What is to be told of a command while it runs. */
export interface CommandWatch {
  /** Output that has come. The bytes are not to be kept. */
  readonly output?: ((stream: StreamName, bytes: Buffer) => void) | undefined;
}

/** A command that runs, and its output as far as nobody has fetched it. */
export class HeldCommand {
  readonly output: HeldOutput;
  readonly #pageMaxBytes: number;
  readonly #stop = new AbortController();
  #end: CommandEnd | undefined;
  #changed: () => void = () => undefined;

  constructor(pageMaxBytes: number, watch: CommandWatch = {}) {
    this.#pageMaxBytes = pageMaxBytes;
    this.output = new HeldOutput(pageMaxBytes, (stream, bytes) => {
      watch.output?.(stream, bytes);
      this.#changed();
    });
  }

  /** How it ended; undefined while it runs. */
  get end(): CommandEnd | undefined {
    return this.#end;
  }

  /** Runs it. Never rejects. @param reportBug gets whatever is thrown that is no `CodedError` */
  async run(admitted: AdmittedShell, reportBug: (error: unknown) => void): Promise<void> {
    try {
      this.#finish({ kind: "ended", end: await admitted.run(this.output, this.#stop.signal) });
    } catch (error) {
      if (!(error instanceof CodedError)) reportBug(error);
      const shown = error instanceof CodedError ? error : new CodedError("internal", "internal error in the gateway");
      this.#finish({ kind: "failed", error: shown });
    }
  }

  /** Takes a page of its output away. */
  take(): { readonly stdout: string; readonly stderr: string } {
    return this.output.take(this.#pageMaxBytes, this.#end !== undefined);
  }

  /** Ends it; whoever waits for a page gets the reason. */
  giveUp(reason: GivenUpFor): void {
    const message = reason === "cancelled" ? "the command was given up" : "the gateway is shutting down";
    this.#finish({ kind: "failed", error: new CodedError(reason, message) });
    this.#stop.abort(reason);
    this.output.close();
  }

  /**
   * Resolves when a page may be made: the command has ended, a page is full, what there is was gathered for long enough, or the time is over. One at a
   * time.
   * @throws CodedError `cancelled` when `signal` aborts first
   */
  async ready(wait: PageWait, signal: AbortSignal): Promise<void> {
    const latest = performance.now() + wait.timeoutMs;
    for (let left = this.#leftMs(wait, latest); left > 0; left = this.#leftMs(wait, latest))
      await this.#change(left, signal);
    const grace = performance.now() + GRACE_MS;
    for (let left = GRACE_MS; left > 0 && this.#mayEnd; left = grace - performance.now())
      await this.#change(left, signal);
    if (signal.aborted) throw new CodedError("cancelled", "nobody waits for the page any more");
  }

  /** True while one page would do if it ended now. */
  get #mayEnd(): boolean {
    return this.#end === undefined && this.output.length <= this.#pageMaxBytes;
  }

  #leftMs({ gatherMs }: PageWait, latest: number): number {
    if (this.#end !== undefined || this.output.length >= this.#pageMaxBytes) return 0;
    const { since } = this.output;
    const gathered = gatherMs === undefined || since === undefined ? latest : since + gatherMs;
    return Math.min(latest, gathered) - performance.now();
  }

  async #change(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw new CodedError("cancelled", "nobody waits for the page any more");
    let timer: NodeJS.Timeout | undefined;
    let wake = (): void => undefined;
    await new Promise<void>((resolve) => {
      wake = (): void => {
        resolve();
      };
      this.#changed = wake;
      timer = setTimeout(wake, Math.min(ms, LONGEST_TIMER_MS));
      signal.addEventListener("abort", wake, { once: true });
    });
    clearTimeout(timer);
    signal.removeEventListener("abort", wake);
    this.#changed = () => undefined;
  }

  #finish(end: CommandEnd): void {
    this.#end ??= end;
    this.#changed();
  }
}
