import type { StreamName } from "../../wire/names.ts";
import { printable, shortened } from "../../wire/text.ts";
import type { ToolContext } from "./tool.ts";

/** How often a client is told, in milliseconds. */
const EVERY_MS = 500;
/** A sign of life after this much silence, so that clients with idle limits do not give up. */
const SILENCE_MS = 5_000;
/** Bytes at the end of the output among which the last line is looked for, and the longest message. */
const LAST_BYTES = 400;
const MAX_MESSAGE_BYTES = 200;

function lastLine(end: Buffer): string {
  const lines = end.toString("utf8").split(/[\r\n]+/);
  return (lines.findLast((line) => line.trim() !== "") ?? "").trim();
}

/** Tells a client how a command gets on: the last line that it wrote, or how long it has been silent. Nothing happens for one that did not ask. */
export class CommandProgress {
  readonly #report: NonNullable<ToolContext["progress"]>;
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #began = performance.now();
  #toldAt = this.#began;
  #told = 0;
  #end: Buffer = Buffer.alloc(0);
  #hasNews = false;

  constructor(report: ToolContext["progress"]) {
    this.#report = report ?? ((): void => undefined);
    this.#timer = report === undefined ? undefined : setInterval(this.#look, EVERY_MS);
  }

  /** Takes what a command writes. */
  readonly output = (_stream: StreamName, bytes: Buffer): void => {
    if (this.#timer === undefined) return;
    const end = Buffer.concat([this.#end, bytes.subarray(-LAST_BYTES)]);
    this.#end = end.subarray(-LAST_BYTES);
    this.#hasNews = true;
  };

  stop(): void {
    clearInterval(this.#timer);
  }

  readonly #look = (): void => {
    const now = performance.now();
    const line = this.#hasNews ? lastLine(this.#end) : "";
    if (line === "" && now - this.#toldAt < SILENCE_MS) return;
    const seconds = Math.round((now - this.#began) / 1_000);
    // Whatever the clock says, it must grow.
    this.#told = Math.max(seconds, this.#told + 0.001);
    this.#toldAt = now;
    this.#hasNews = false;
    this.#report(
      line === "" ? `still running, ${seconds} s` : shortened(printable(line), MAX_MESSAGE_BYTES),
      this.#told,
    );
  };
}
