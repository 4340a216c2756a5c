import { printable } from "../wire/text.ts";
import type { CallContext } from "./context.ts";

/** Longest message, in bytes: clients show it on one line. */
const MAX_MESSAGE_BYTES = 200;
/** Bytes at the end of a stream among which the last line is looked for. */
const LAST_BYTES = 1_024;
/** Sequences that move the cursor or colour text. */
const ESCAPES = new RegExp(
  String.raw`\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-Z\\-_])`,
  "g",
);

/** How often progress is told, in milliseconds. */
export interface Pace {
  /** At most once in this time. */
  readonly every: number;
  /** A sign of life after this much silence, so that clients with idle limits do not give up. */
  readonly silence: number;
}

const PACE: Pace = { every: 500, silence: 5_000 };

/** Tells a client how a call gets on. */
export interface Progress {
  /** The newest thing to tell; `message` is called only when it is told. An empty text is not told. */
  say(message: () => string): void;
  stop(): void;
}

const SILENT: Progress = { say: () => undefined, stop: () => undefined };

/** As much of a text as fits on one line of a client. */
function oneLine(text: string): string {
  let line = printable(text);
  while (Buffer.byteLength(line) > MAX_MESSAGE_BYTES) line = line.slice(0, -1);
  return line.replace(/[\ud800-\udbff]$/, "");
}

/** Begins to tell, with a sign of life when nothing is said. Nothing happens for a client that did not ask. */
export function startProgress(report: CallContext["progress"], pace: Pace = PACE): Progress {
  if (report === undefined) return SILENT;
  const began = performance.now();
  let [lastTime, lastValue] = [began, 0];
  let isFirst = true;
  let waiting: (() => string) | undefined;
  const tell = (message: string, now: number): void => {
    if (message === "") return;
    // Whatever the clock says, it must grow.
    lastValue = Math.max(Math.round(now - began) / 1_000, lastValue + 0.001);
    lastTime = now;
    isFirst = false;
    report(oneLine(message), lastValue);
  };
  const look = (): void => {
    const now = performance.now();
    const message = waiting;
    if (message !== undefined && (isFirst || now - lastTime >= pace.every)) {
      waiting = undefined;
      tell(message(), now);
    } else if (now - lastTime >= pace.silence) tell(`still running, ${Math.round((now - began) / 1_000)} s`, now);
  };
  const timer = setInterval(look, Math.min(pace.every, pace.silence));
  return {
    say: (message) => {
      waiting = message;
      if (isFirst) look();
    },
    stop: () => {
      clearInterval(timer);
    },
  };
}

/** Remembers the last line that is not blank of what passes by. Progress bars, which go back to the line's start, count as lines. */
export class LastLine {
  #end: Buffer = Buffer.alloc(0);

  push(bytes: Buffer): void {
    const end = bytes.length >= LAST_BYTES ? bytes : Buffer.concat([this.#end, bytes]);
    this.#end = end.subarray(Math.max(0, end.length - LAST_BYTES));
  }

  /** Empty when there is none. */
  text(): string {
    const lines = this.#end
      .toString("utf8")
      .replace(ESCAPES, "")
      .split(/[\r\n]+/);
    return (lines.findLast((line) => line.trim() !== "") ?? "").trim();
  }
}
