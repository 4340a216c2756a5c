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

/** What a person or an agent types all day starts without what it does not need; only its help is written by the command line. */
async function runCall(argv: readonly string[]): Promise<readonly string[]> {
  const { callInProcess } = await import("./cli/call-streams.ts");
  const exit = await callInProcess(argv);
  if (exit !== "help") process.exit(exit);
  return ["call", "--help"];
}

const given = process.argv.slice(2);
const argv = given[0] === "call" ? await runCall(given.slice(1)) : given;
const [word, ...more] = argv;
const isStart = word === undefined ? !process.stdout.isTTY : word === "serve" && more.length === 0;
const failed = isStart ? await startDaemon() : {};
const { runCli } = await import("./cli/run.ts");
const { processSurroundings } = await import("./cli/surroundings.ts");
const surroundings = processSurroundings();
await runCli(argv, { ...surroundings, daemon: { ...surroundings.daemon, ...failed } });
