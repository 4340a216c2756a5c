import { printable } from "../../wire/text.ts";
import type { Voice } from "./call-voice.ts";
import type { Counts } from "./fan-out-result.ts";

const EVERY_MS = 250;

/** The line that says how far a command on many targets is: "cmd2host: 12 of 50 ended, 2 not ok, 3 s; running web1, web2". */
export class FanOutProgress {
  readonly #voice: Voice;
  readonly #columns: number;
  readonly #counts: Counts;
  readonly #total: number;
  readonly #started = performance.now();
  readonly #running = new Set<string>();
  readonly #timer: NodeJS.Timeout;

  constructor(voice: Voice, columns: number, counts: Counts, total: number) {
    this.#voice = voice;
    this.#columns = columns;
    this.#counts = counts;
    this.#total = total;
    this.#timer = setInterval(() => {
      this.#show();
    }, EVERY_MS);
  }

  begun(target: string): void {
    this.#running.add(target);
  }

  ended(target: string): void {
    this.#running.delete(target);
  }

  end(): void {
    clearInterval(this.#timer);
    this.#voice.status(undefined);
  }

  #show(): void {
    const seconds = Math.floor((performance.now() - this.#started) / 1_000);
    const { ended, bad } = this.#counts;
    const names = [...this.#running].map(printable).join(", ");
    const text = `cmd2host: ${ended} of ${this.#total} ended, ${bad} not ok, ${seconds} s; running ${names}`;
    // The last column stays free: a terminal may go to the next line behind it, where it could not be taken away.
    this.#voice.status(text.slice(0, this.#columns - 1));
  }
}
