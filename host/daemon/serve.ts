import { baseDirectory } from "../util/base-directory.ts";
import { Daemon } from "./daemon.ts";
import { closeInherited } from "./inherited.ts";
import { createLog } from "../util/log.ts";

/**
 * Runs a daemon until SIGINT or SIGTERM: the first lets running commands finish within the drain time, a second ends them. SIGHUP reads
 * daemon.json again. Resolves with the exit code.
 * @throws CodedError when it cannot start
 */
export async function serve(environment: NodeJS.ProcessEnv): Promise<number> {
  closeInherited();
  // A file that may not grow is an error of the write that met it. Libraries of ours would end the process.
  process.on("SIGXFSZ", () => undefined);
  const log = createLog(1, process.stdout.isTTY);
  const daemon = await Daemon.start(baseDirectory(environment), log, environment);
  const hurry = new AbortController();
  await new Promise<void>((resolve) => {
    let signals = 0;
    const stop = (): void => {
      signals++;
      if (signals > 1) hurry.abort();
      resolve();
    };
    process.on("SIGTERM", stop);
    process.on("SIGINT", stop);
    process.on("SIGHUP", () => {
      daemon.reload();
    });
  });
  log.info("Shutting down...");
  await daemon.stop(hurry.signal);
  log.info("stopped");
  return 0;
}
