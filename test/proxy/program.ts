import { spawn, type StdioOptions } from "node:child_process";
import { chmodSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { projectRoot, tempDirectory } from "../fixtures/temp.ts";

/** The stand-in as users have it: a bundle, and links to it. */
export class StandInProgram {
  readonly directory: string;
  readonly file: string;

  private constructor(directory: string) {
    this.directory = directory;
    this.file = join(directory, "cmd2host-proxy.mjs");
  }

  static async built(): Promise<StandInProgram> {
    const program = new StandInProgram(tempDirectory());
    await build({
      entryPoints: [join(projectRoot, "proxy/main.ts")],
      outfile: program.file,
      bundle: true,
      platform: "node",
      target: "node20",
      format: "esm",
      mainFields: ["module", "main"],
      banner: { js: "#!/usr/bin/env node" },
      define: { CMD2HOST_VERSION: '"9.8.7"' },
      logLevel: "warning",
    });
    chmodSync(program.file, 0o755);
    return program;
  }

  /** A link to it by another name. */
  named(name: string): string {
    const path = join(tempDirectory(), name);
    symlinkSync(this.file, path);
    return path;
  }
}

export interface StandInEnd {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface StandInStart {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Standard input; a terminal has none, so nothing is /dev/null. */
  readonly input?: string;
  readonly stdio?: StdioOptions;
}

/** Runs a program to its end. Its environment is PATH and what is given. */
export async function ended(file: string, args: readonly string[], start: StandInStart = {}): Promise<StandInEnd> {
  const { env = {}, cwd, input, stdio = [input === undefined ? "ignore" : "pipe", "pipe", "pipe"] } = start;
  const child = spawn(file, [...args], {
    env: { PATH: process.env["PATH"], ...env },
    stdio,
    ...(cwd === undefined ? {} : { cwd }),
  });
  let [stdout, stderr] = ["", ""];
  child.stdout?.on("data", (chunk: Buffer) => (stdout += chunk.toString("utf8")));
  child.stderr?.on("data", (chunk: Buffer) => (stderr += chunk.toString("utf8")));
  child.stdin?.on("error", () => undefined);
  child.stdin?.end(input);
  return new Promise((resolve) => {
    child.once("close", (code) => {
      resolve({ code, stdout, stderr });
    });
  });
}
