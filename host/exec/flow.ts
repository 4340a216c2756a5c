import type { Readable } from "node:stream";
import type { OutputSink } from "../../wire/live.ts";
import type { StreamName } from "../../wire/names.ts";

/** Counts what passes by, and may keep some of it. */
export interface Meter {
  take(chunk: Buffer): void;
}

/** After the program's end, its pipes are read until they close or nothing comes for this long: something else may hold them open. */
const QUIET_MS = 50;
const QUIET_MAX_MS = 2_000;

/** One stream of a program on its way out. It is not read while the sink has enough: then the program waits when its pipe is full. */
export class Flow {
  /** Resolves when everything was read and taken. */
  readonly ended: Promise<void>;
  readonly #stream: Readable;
  readonly #name: StreamName;
  readonly #meter: Meter;
  readonly #sink: OutputSink | undefined;
  #waiting = false;
  #closed = false;
  #onEnd: () => void = () => undefined;
  #onActivity: () => void = () => undefined;

  constructor(stream: Readable, name: StreamName, meter: Meter, sink: OutputSink | undefined) {
    this.#stream = stream;
    this.#name = name;
    this.#meter = meter;
    this.#sink = sink;
    this.ended = new Promise((resolve) => {
      this.#onEnd = resolve;
    });
    stream.on("data", (chunk: Buffer) => {
      this.#take(chunk);
    });
    stream.once("close", () => {
      this.#closed = true;
      if (!this.#waiting) this.#onEnd();
    });
  }

  /** True while the sink is waited for: that nothing comes says nothing then. */
  get isHeld(): boolean {
    return this.#waiting;
  }

  /** Called whenever something came, or the sink let go. */
  onActivity(listener: () => void): void {
    this.#onActivity = listener;
  }

  /** Nothing more is read. */
  close(): void {
    this.#stream.destroy();
  }

  #take(chunk: Buffer): void {
    this.#meter.take(chunk);
    this.#onActivity();
    const room = this.#sink?.write(this.#name, chunk);
    if (room === undefined) return;
    this.#waiting = true;
    this.#stream.pause();
    void room.then(() => {
      this.#waiting = false;
      this.#onActivity();
      if (this.#closed) this.#onEnd();
      else this.#stream.resume();
    });
  }
}

/** Resolves when nothing has come for a while although it would have been taken; who does not wait for that any more clears it. */
export function quiet(flows: readonly Flow[]): { readonly promise: Promise<void>; readonly clear: () => void } {
  let clear = (): void => undefined;
  const promise = new Promise<void>((resolve) => {
    let left = QUIET_MAX_MS;
    let since = performance.now();
    let timer = setTimeout(over, QUIET_MS);
    clear = () => {
      for (const flow of flows) flow.onActivity(() => undefined);
      clearTimeout(timer);
    };
    for (const flow of flows) flow.onActivity(again);

    function again(): void {
      clearTimeout(timer);
      const now = performance.now();
      // A loop that stood still took nothing, so its time does not count.
      left -= Math.min(now - since, 2 * QUIET_MS);
      since = now;
      if (flows.some((flow) => flow.isHeld)) {
        left = Math.max(left, QUIET_MS);
        return;
      }
      if (left <= 0) resolve();
      else timer = setTimeout(over, Math.min(QUIET_MS, left));
    }
    function over(): void {
      const seen = since;
      // When we were kept from running, what has come meanwhile is only read now.
      setImmediate(() => {
        if (since === seen && !flows.some((flow) => flow.isHeld)) resolve();
      });
    }
  });
  return {
    promise,
    clear: () => {
      clear();
    },
  };
}
