import { Blocks } from "../../host/util/blocks.ts";
import type { OutputSink } from "../../wire/live.ts";
import type { StreamName } from "../../wire/names.ts";
import { begunBytes } from "./characters.ts";

/** How many pages of output are kept before the command is held. */
const PAGES_HELD = 4;

/** The most that the output of one command keeps, in bytes, besides what a sender has in hand. */
export function heldBytes(pageMaxBytes: number): number {
  return PAGES_HELD * pageMaxBytes;
}

/** Output of one command that nobody has fetched yet. It takes a few pages; then the command is held until one is fetched. */
export class HeldOutput implements OutputSink {
  readonly #streams: Readonly<Record<StreamName, Blocks>> = { stdout: new Blocks(), stderr: new Blocks() };
  readonly #most: number;
  readonly #grown: (stream: StreamName, bytes: Buffer) => void;
  #waiting: (() => void)[] = [];
  #closed = false;
  #since: number | undefined;

  /** @param grown called for all that comes */
  constructor(pageMaxBytes: number, grown: (stream: StreamName, bytes: Buffer) => void) {
    this.#most = heldBytes(pageMaxBytes);
    this.#grown = grown;
  }

  get length(): number {
    return this.#streams.stdout.length + this.#streams.stderr.length;
  }

  /** Since when there is something to fetch, in milliseconds as of `performance.now()`; undefined when there is nothing. */
  get since(): number | undefined {
    return this.#since;
  }

  write(stream: StreamName, bytes: Buffer): Promise<void> | undefined {
    if (this.#closed || bytes.length === 0) return undefined;
    this.#streams[stream].push(bytes);
    this.#since ??= performance.now();
    this.#grown(stream, bytes);
    if (this.length < this.#most) return undefined;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /**
   * Takes a page away: standard output first, standard error with what room is left. A character that is cut by the page's end stays for the next
   * one, unless nothing will follow.
   */
  take(maxBytes: number, isOver: boolean): { readonly stdout: string; readonly stderr: string } {
    const stdout = this.#takeOf("stdout", maxBytes, isOver);
    const stderr = this.#takeOf("stderr", maxBytes - stdout.length, isOver);
    this.#since = this.length === 0 ? undefined : performance.now();
    if (this.length < this.#most) this.#letGo();
    return { stdout: stdout.toString("utf8"), stderr: stderr.toString("utf8") };
  }

  /** Forgets what nobody will fetch, and takes and forgets what comes from now on. */
  close(): void {
    this.#closed = true;
    for (const blocks of Object.values(this.#streams)) blocks.drop(blocks.length);
    this.#since = undefined;
    this.#letGo();
  }

  #takeOf(stream: StreamName, maxBytes: number, isOver: boolean): Buffer {
    const blocks = this.#streams[stream];
    const bytes = Buffer.concat(blocks.views(maxBytes));
    const isLast = isOver && bytes.length === blocks.length;
    const whole = isLast ? bytes : bytes.subarray(0, bytes.length - begunBytes(bytes));
    blocks.drop(whole.length);
    return whole;
  }

  #letGo(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
