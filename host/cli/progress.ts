import type { Context } from "./context.ts";
import { styleFor } from "./style.ts";

const EVERY_MS = 1_000;

type Terminal = Pick<Context, "direct" | "environment" | "columns" | "stderrIsTerminal">;

/**
 * Does work that may take long. Every second a line on standard error says that it goes on, and is taken away at the end; only on a terminal
 * that has colours, since the line is written over again and again.
 * @param what printable: `waiting for 2 runs to end`
 */
export async function whileTold<T>(what: string, context: Terminal, work: () => Promise<T>): Promise<T> {
  const { direct, environment, columns, stderrIsTerminal } = context;
  if (styleFor(stderrIsTerminal, environment) === styleFor(false, environment)) return work();
  const started = performance.now();
  const write = (text: string): void => {
    // When nobody reads it, nobody needs it.
    void direct.write("stderr", Buffer.from(`\r${text}\u001b[K`)).catch(() => undefined);
  };
  const show = (): void => {
    const seconds = Math.floor((performance.now() - started) / 1_000);
    // The last column stays free: a terminal may go to the next line behind it.
    write(`${what}, ${seconds} s`.slice(0, columns - 1));
  };
  const timer = setInterval(show, EVERY_MS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    if (performance.now() - started >= EVERY_MS) write("");
  }
}
