import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { EXECUTABLE, named, packageVersion, wordsOf } from "../fixtures/tested-program.ts";

export interface Bundle {
  readonly file: string;
  remove(): Promise<void>;
}

/** The version that the bundle is built with. */
export const BUNDLE_VERSION = EXECUTABLE === undefined ? "9.8.7" : packageVersion();

/** `cmd2host-mcp` as one file, built as it is shipped. */
export async function bundle(): Promise<Bundle> {
  if (EXECUTABLE !== undefined) {
    const link = named(EXECUTABLE, "cmd2host-mcp");
    return { file: link, remove: async () => rm(link, { force: true }) };
  }
  const directory = await mkdtemp(join(tmpdir(), "cmd2host-mcp-"));
  const file = join(directory, "cmd2host-mcp.cjs");
  await build({
    entryPoints: [fileURLToPath(new URL("../../mcp/main.ts", import.meta.url))],
    outfile: file,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    mainFields: ["module", "main"],
    define: { CMD2HOST_VERSION: JSON.stringify(BUNDLE_VERSION) },
    logLevel: "silent",
  });
  return {
    file,
    remove: async () => rm(directory, { recursive: true }),
  };
}

export type Message = Readonly<Record<string, unknown>>;

/** How a program ended. */
export interface Exit {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Program {
  /** Writes text to standard input as it is. */
  write(text: string): void;
  send(message: Message): void;
  /** Sends a request and waits for the message that answers it. */
  ask(id: number, method: string, params?: Message): Promise<Message>;
  closeInput(): void;
  closeOutput(): void;
  kill(signal: NodeJS.Signals): void;
  readonly exited: Promise<Exit>;
}

/** Starts the program with nothing in its environment but what is given. */
export function start(file: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Program {
  const [command, ...first] = wordsOf(file);
  const child = spawn(command, [...first, ...args], { env: { ...env }, stdio: "pipe" });
  const output: string[] = [];
  let stderr = "";
  const answers = new Map<unknown, (message: Message) => void>();
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString("utf8")));
  child.stdin.on("error", () => undefined);
  createInterface({ input: child.stdout }).on("line", (line) => {
    output.push(`${line}\n`);
    if (!line.startsWith("{")) return;
    const message = JSON.parse(line) as Message;
    answers.get(message["id"])?.(message);
  });
  const exited = new Promise<Exit>((resolve) => {
    child.once("close", (code) => {
      resolve({ code, stdout: output.join(""), stderr });
    });
  });
  const write = (text: string): void => {
    child.stdin.write(text);
  };
  const send = (message: Message): void => {
    write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
  };
  return {
    write,
    send,
    ask: async (id, method, params) =>
      new Promise((resolve) => {
        answers.set(id, resolve);
        send({ id, method, ...(params === undefined ? {} : { params }) });
      }),
    closeInput: () => child.stdin.end(),
    closeOutput: () => child.stdout.destroy(),
    kill: (signal) => child.kill(signal),
    exited,
  };
}

/** The parameters of an initialize request. */
export function initialization(protocolVersion: string): Message {
  return { protocolVersion, capabilities: {}, clientInfo: { name: "test", version: "1" } };
}
