import { CodedError } from "../../wire/errors.ts";
import { Stop, type Signals } from "../../terminal/stop.ts";
import type { Report } from "./command.ts";
import type { Context } from "./context.ts";

/** Signals of this process, for as long as something is done. */
class OwnSignals implements Signals {
  readonly #taken: (readonly [name: NodeJS.Signals, listener: () => void])[] = [];

  on(name: NodeJS.Signals, listener: () => void): void {
    this.#taken.push([name, listener]);
    process.on(name, listener);
  }

  leave(): void {
    for (const [name, listener] of this.#taken) process.off(name, listener);
  }
}

/**
 * Does work that a signal cancels, and waits for its end, so that nothing of it is left; a second signal leaves at once. The exit code is then the
 * signal's.
 * @throws what `work` throws, when no signal came
 */
export async function interruptible(work: (signal: AbortSignal) => Promise<Report>): Promise<Report> {
  const signals = new OwnSignals();
  // A file that may not grow is an error of the write that met it. Libraries of ours would end the process, and leave what it had begun.
  signals.on("SIGXFSZ", () => undefined);
  const stop = new Stop(signals);
  const stopped = (exit: number): Report => ({
    exit,
    human: "",
    json: { error: { code: "cancelled", message: "cancelled", hint: "" } },
    stderr: "cancelled\n",
  });
  try {
    return await Promise.race([work(stop.signal), stop.atOnce.then(stopped)]);
  } catch (error) {
    if (stop.exit === undefined || !(error instanceof CodedError)) throw error;
    return stopped(stop.exit);
  } finally {
    signals.leave();
  }
}

/** The same for work that writes while it is done: what it wrote has left before it is over. */
export async function toldWork(
  { direct }: Pick<Context, "direct">,
  work: (signal: AbortSignal) => Promise<Report>,
): Promise<Report> {
  let report: Report | undefined;
  const written = await direct.report(async () => (report = await interruptible(work)).exit);
  return { ...(report ?? written), exit: written.exit };
}
