import type { Voice } from "./call-voice.ts";

const FIRST_AFTER_MS = 2_000;
const EVERY_MS = 1_000;

/** 812 B, 3.4 MB, 12 GB: units of a thousand, two digits at least. */
export function sizeWords(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let [value, unit] = [bytes, 0];
  while (value >= 1_000 && unit < units.length - 1) {
    value /= 1_000;
    unit++;
  }
  return `${unit > 0 && value < 10 ? value.toFixed(1) : Math.floor(value)} ${units[unit] ?? ""}`;
}

/** The line that shows that a command goes on while its output goes elsewhere: "cmd2host: OPERATION, 12 s, 3.4 MB". */
export class StatusLine {
  readonly #voice: Voice;
  readonly #columns: number;
  readonly #started = performance.now();
  #timer: NodeJS.Timeout | undefined;

  constructor(voice: Voice, columns: number, name: () => string, bytes: () => number) {
    this.#voice = voice;
    this.#columns = columns;
    const show = (): void => {
      const seconds = Math.floor((performance.now() - this.#started) / 1_000);
      // The last column stays free: a terminal may go to the next line behind it, where it could not be taken away.
      voice.status(`cmd2host: ${name()}, ${seconds} s, ${sizeWords(bytes())}`.slice(0, this.#columns - 1));
    };
    this.#timer = setTimeout(() => {
      show();
      this.#timer = setInterval(show, EVERY_MS);
    }, FIRST_AFTER_MS);
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#voice.status(undefined);
  }
}
