import type { DaemonDoor } from "./cli/context.ts";

/**
 * A daemon lives long and forks for every operation, and a fork copies what is in memory: it is started without loading the command line. Only when it
 * cannot start does the command line come in, to say so in its one voice.
 */
async function startDaemon(): Promise<Pick<DaemonDoor, "serve">> {
  const { serve } = await import("./daemon/serve.ts");
  try {
    process.exit(await serve(process.env));
  } catch (error) {
    return { serve: async () => Promise.reject(error instanceof Error ? error : new Error(String(error))) };
  }
}

const argv = process.argv.slice(2);
const [word, ...more] = argv;
const isStart = word === undefined ? !process.stdout.isTTY : word === "serve" && more.length === 0;
const failed = isStart ? await startDaemon() : {};
const { runCli } = await import("./cli/run.ts");
const { processSurroundings } = await import("./cli/surroundings.ts");
const surroundings = processSurroundings();
await runCli(argv, { ...surroundings, daemon: { ...surroundings.daemon, ...failed } });
