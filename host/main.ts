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

/** What a person or an agent types all day, and what operations start, begins without what it does not need. Returns words for the command line. */
async function runLean([name, ...more]: readonly string[]): Promise<readonly string[]> {
  const exit = await leanExit(name, more);
  if (typeof exit === "number") process.exit(exit);
  return exit === "help" ? [name ?? "", "--help"] : [name, ...more].filter((word) => word !== undefined);
}

/** The exit code; "help" when the command line is to write that; undefined for what is none of these. */
async function leanExit(name: string | undefined, more: readonly string[]): Promise<number | "help" | undefined> {
  switch (name) {
    case "call":
      return (await import("./cli/call-streams.ts")).callInProcess(more);
    case "exec":
      return (await import("./cli/exec-streams.ts")).execInProcess(more);
    case "transfer":
      return (await import("./cli/transfer-program.ts")).transferInProcess(more);
    default:
      return undefined;
  }
}

const argv = await runLean(process.argv.slice(2));
const [word, ...more] = argv;
const isStart = word === undefined ? !process.stdout.isTTY : word === "serve" && more.length === 0;
const failed = isStart ? await startDaemon() : {};
const { runCli } = await import("./cli/run.ts");
const { processSurroundings } = await import("./cli/surroundings.ts");
const surroundings = processSurroundings();
await runCli(argv, { ...surroundings, daemon: { ...surroundings.daemon, ...failed } });
