import type { Readable, Writable } from "node:stream";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { DaemonClient, Dialect } from "../wire/client.ts";
import { CodedError } from "../wire/errors.ts";
import { printable, shortened } from "../wire/text.ts";
import type { Backend } from "./backend.ts";
import { parseOptions, USAGE, type ServeOptions } from "./options.ts";
import { createServer } from "./server.ts";
import { LineTransport, type Ending } from "./stdio.ts";
import { openTokenSource } from "./token.ts";
import { VERSION } from "./version.ts";

/** What the program gets from its process. */
export interface Surroundings {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly input: Readable;
  readonly output: Writable;
  readonly errors: Writable;
  /** Aborted to end it as if everything were well. */
  readonly stop: AbortSignal;
}

const PROGRAM = "cmd2host-mcp";
/** Longest report of the SDK that goes to standard error, in bytes. */
const MAX_REPORT_BYTES = 500;

async function backendOf(options: ServeOptions, { env }: Pick<Surroundings, "env">): Promise<Backend> {
  const token = await openTokenSource(options.tokenFile, env["CMD2HOST_TOKEN"], env["CMD2HOST_HOSTED"] === "1");
  const dialect = new Dialect();
  return {
    client: async () => new DaemonClient(options.address, await token.current(), dialect),
    runTimeoutMs: options.runTimeoutMs,
    tokenAdvice: token.advice,
    maxTokens: options.maxTokens,
  };
}

async function aborted(signal: AbortSignal): Promise<"stopped"> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve("stopped");
    signal.addEventListener("abort", () => {
      resolve("stopped");
    });
  });
}

function exitCode(ending: Ending | "stopped", say: (line: string) => void): number {
  if (ending === "stopped") return 0;
  if (ending.kind === "eof") return ending.outstanding === 0 ? 0 : 1;
  say(ending.message);
  return 1;
}

async function serve(options: ServeOptions, around: Surroundings, say: (line: string) => void): Promise<number> {
  const backend = await backendOf(options, around);
  const transport = new LineTransport(around.input, around.output);
  const handle = serveStdio(() => createServer(backend, VERSION, options.tools), {
    transport,
    onerror: (error) => {
      say(shortened(error.message, MAX_REPORT_BYTES));
    },
  });
  const ending = await Promise.race([transport.ended, aborted(around.stop)]);
  await handle.close();
  return exitCode(ending, say);
}

/**
 * The whole program: reads the options, finds the token, serves until the client goes, and returns the exit code.
 * 0: done, 1: no token or a broken connection, 2: wrong options. What is wrong is said on `errors`.
 */
export async function run(around: Surroundings): Promise<number> {
  const say = (line: string): void => {
    around.errors.write(`${PROGRAM}: ${printable(line)}\n`);
  };
  try {
    const command = parseOptions(around.args);
    if (command.kind === "serve") return await serve(command.options, around, say);
    around.output.write(command.kind === "help" ? USAGE : `${PROGRAM} version ${VERSION}\n`);
    return 0;
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    say(error.message);
    around.errors.write(error.code === "usage" ? `\n${USAGE}` : `${PROGRAM}: ${error.hint}\n`);
    return error.code === "usage" ? 2 : 1;
  }
}
