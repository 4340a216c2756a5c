import { spawn, type ChildProcess, type StdioOptions } from "node:child_process";
import { onTestFinished } from "vitest";
import type { Address } from "../../wire/client.ts";
import { wordsOf } from "../fixtures/tested-program.ts";

export interface Ended {
  readonly exit: number | null;
  readonly signal: string | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** A running `cmd2host call`. */
export class CallProcess {
  readonly child: ChildProcess;
  readonly #stdout: Buffer[] = [];
  readonly #stderr: Buffer[] = [];
  readonly ended: Promise<Ended>;
  #seen: () => void = () => undefined;

  constructor(child: ChildProcess) {
    this.child = child;
    child.stdin?.on("error", () => undefined);
    child.stdout?.on("data", (chunk: Buffer) => {
      this.#stdout.push(chunk);
      this.#seen();
    });
    child.stderr?.on("data", (chunk: Buffer) => {
      this.#stderr.push(chunk);
      this.#seen();
    });
    this.ended = new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (exit, signal) => {
        resolve({ exit, signal, stdout: this.stdout, stderr: this.stderr });
      });
    });
    onTestFinished(() => {
      child.kill("SIGKILL");
    });
  }

  get stdout(): Buffer {
    return Buffer.concat(this.#stdout);
  }

  get stderr(): string {
    return Buffer.concat(this.#stderr).toString();
  }

  /** Resolves when the output so far holds the text. */
  async until(text: string): Promise<void> {
    while (!this.stdout.includes(text) && !this.stderr.includes(text))
      await new Promise<void>((resolve) => (this.#seen = resolve));
  }
}

/** Variables that lead to a daemon, and nothing else of ours. */
export function environmentOf(address: Address | undefined, more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const { PATH } = process.env;
  return {
    PATH,
    CMD2HOST_TOKEN: "f".repeat(64),
    CMD2HOST_CONFIG_DIR: "/nonexistent",
    ...(address?.kind === "unix" ? { HOST_CMD_PROXY_SOCKET: address.path } : {}),
    ...(address?.kind === "tcp"
      ? { HOST_CMD_PROXY_HOST: address.host, HOST_CMD_PROXY_PORT: String(address.port) }
      : {}),
    ...more,
  };
}

/** Starts `cmd2host call` with these arguments; without `stdio`, standard input is empty and the rest is read. Without `cwd`, it stands in no checkout. */
export function startCall(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  stdio: StdioOptions = ["ignore", "pipe", "pipe"],
  cwd = "/",
): CallProcess {
  const [file, ...first] = wordsOf(program);
  return new CallProcess(spawn(file, [...first, "call", ...args], { env, stdio, cwd }));
}

/** Runs a line of shell in which `$CALL` stands for `cmd2host call`. */
export function startShell(program: string, script: string, env: NodeJS.ProcessEnv): CallProcess {
  const CALL = [...wordsOf(program), "call"].join(" ");
  return new CallProcess(
    spawn("/bin/bash", ["-c", script], { env: { ...env, CALL }, stdio: ["ignore", "pipe", "pipe"] }),
  );
}
