import type { AdmittedShell, ShellEnd } from "../../../gateway/calls.ts";
import { CommandPages } from "../../../gateway/pages/command-pages.ts";
import { PAGE_SETTINGS, type PageSettings, type PageWait } from "../../../gateway/pages/page.ts";
import type { OutputSink } from "../../../wire/live.ts";

export const FIRST = { name: "first", isAdmin: false };
export const SECOND = { name: "second", isAdmin: false };

/** Waits for a full page or the end. */
export const LONG: PageWait = { timeoutMs: 20_000, gatherMs: undefined };
/** Waits for nothing. */
export const NOW: PageWait = { timeoutMs: 0, gatherMs: undefined };

/** A signal that never aborts. */
export const stays = new AbortController().signal;

/** A command whose output and end a test says. */
export class Played implements AdmittedShell {
  output: OutputSink | undefined;
  signal: AbortSignal | undefined;
  givenUp = 0;
  #end: (end: ShellEnd) => void = () => undefined;
  #fail: (error: unknown) => void = () => undefined;

  async run(output: OutputSink, signal: AbortSignal): Promise<ShellEnd> {
    this.output = output;
    this.signal = signal;
    return new Promise((resolve, reject) => {
      this.#end = resolve;
      this.#fail = reject;
    });
  }

  giveUp(): void {
    this.givenUp++;
  }

  /** Writes, and waits until more may be written. True when that was not at once. */
  async writes(text: string | Buffer, stream: "stdout" | "stderr" = "stdout"): Promise<boolean> {
    const room = this.output?.write(stream, Buffer.from(text));
    await room;
    return room !== undefined;
  }

  says(text: string | Buffer, stream: "stdout" | "stderr" = "stdout"): void {
    void this.output?.write(stream, Buffer.from(text));
  }

  ends(exitCode = 0): void {
    this.#end({ exitCode, durationMs: 1, timedOut: false, timings: new Map() });
  }

  fails(error: unknown): void {
    this.#fail(error);
  }
}

/** Pages, and the bugs that they reported. */
export function pagesOf(settings: Partial<PageSettings> = {}): {
  readonly pages: CommandPages;
  readonly bugs: unknown[];
} {
  const bugs: unknown[] = [];
  const pages = new CommandPages({ ...PAGE_SETTINGS, pageMaxBytes: 10, ...settings }, (error) => bugs.push(error));
  return { pages, bugs };
}
