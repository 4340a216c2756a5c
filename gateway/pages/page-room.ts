import { CodedError } from "../../wire/errors.ts";
import type { PageSettings } from "./page.ts";

interface Taken {
  commands: number;
  bytes: number;
}

/** Counts what commands may hold of the gateway, of one caller and in all. Each takes its most from the beginning, so nothing is ever short of it. */
export class PageRoom {
  readonly #settings: () => PageSettings;
  readonly #all: Taken = { commands: 0, bytes: 0 };
  readonly #callers = new Map<string, Taken>();

  constructor(settings: () => PageSettings) {
    this.#settings = settings;
  }

  /** Takes room for one command, or says why there is none. */
  take(caller: string, bytes: number): CodedError | undefined {
    const { maxOfCaller, maxInAll, maxBytesOfCaller, maxBytesInAll } = this.#settings();
    const own = this.#callers.get(caller) ?? { commands: 0, bytes: 0 };
    if (own.commands >= maxOfCaller || own.bytes + bytes > maxBytesOfCaller)
      return new CodedError("too_many_runs", "too many commands of this caller wait for their output to be fetched", {
        hint: "Fetch their pages to the end, or wait until they expire.",
      });
    if (this.#all.commands >= maxInAll || this.#all.bytes + bytes > maxBytesInAll)
      return new CodedError("too_many_runs", "too many commands wait for their output to be fetched", {
        hint: "Try again later.",
      });
    for (const taken of [own, this.#all]) {
      taken.commands++;
      taken.bytes += bytes;
    }
    this.#callers.set(caller, own);
    return undefined;
  }

  release(caller: string, bytes: number): void {
    const own = this.#callers.get(caller);
    for (const taken of own === undefined ? [] : [own, this.#all]) {
      taken.commands--;
      taken.bytes -= bytes;
    }
    if (own?.commands === 0) this.#callers.delete(caller);
  }
}
