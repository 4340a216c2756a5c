import { spawn, type ChildProcessByStdio } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, renameSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { describe, it } from "vitest";
import { compileRelease, compileSanitized, hasSanitizers, muslCompiler } from "../../scripts/shim/compile.ts";
import { tempDirectory } from "../fixtures/temp.ts";

/** A built bridge. */
export interface Bridge {
  readonly name: "sanitized" | "release";
  /** Its path under a name that it is called by. */
  as(name: string): string;
}

type Compile = (target: string) => void;

/** A directory that every user may look into: some tests run the bridge as another user. */
function openDirectory(): string {
  const path = tempDirectory();
  chmodSync(path, 0o755);
  return path;
}

function made(name: Bridge["name"], compile: Compile): Bridge {
  const directory = openDirectory();
  const program = join(directory, "bridge");
  compile(program);
  return {
    name,
    as: (called) => {
      const link = join(openDirectory(), called);
      symlinkSync(program, link);
      return link;
    },
  };
}

function missing(): string | undefined {
  if (!["x64", "arm64"].includes(process.arch) || process.platform !== "linux") return "Linux on x64 or arm64";
  if (!hasSanitizers()) return "gcc with its sanitizers";
  return muslCompiler(process.arch === "arm64" ? "arm64" : "x64") === undefined ? "a compiler for musl" : undefined;
}

/** Says loudly what does not run here; in CI, where everything is installed, it throws. */
export function sayMissing(what: string): void {
  if ((process.env["CI"] ?? "") !== "") throw new Error(`no ${what}: CI runs every test, see .ci/run for the packages`);
  process.stderr.write(`SKIPPED: no ${what}, so the bridge is not tested here\n`);
}

/** The bridge for this machine, as an installation has it. */
export const CARRIED = `shim/dist/cmd2host-bridge-linux-${process.arch}`;

/** Gives an installation the bridge where it has none. False, loudly, where nothing can build it. */
export function carryBridge(installation: string): boolean {
  const target = join(installation, CARRIED);
  if (existsSync(target)) return true;
  const compiler = muslCompiler(process.arch === "arm64" ? "arm64" : "x64");
  if (compiler === undefined) {
    sayMissing("a compiler for musl");
    return false;
  }
  mkdirSync(dirname(target), { recursive: true });
  // Moved there whole: other tests look at the same installation.
  compileRelease(compiler, `${target}.${process.pid}`);
  renameSync(`${target}.${process.pid}`, target);
  return true;
}

/** Builds the bridge with sanitizers and as it is shipped, and collects the tests for both. Where there is no compiler there is one skipped test. */
export function withBridges(name: string, collect: (bridge: Bridge) => void): void {
  const what = missing();
  if (what !== undefined) {
    sayMissing(what);
    describe.skip(name, () => {
      it(`needs ${what}`);
    });
    return;
  }
  const compiler = muslCompiler(process.arch === "arm64" ? "arm64" : "x64");
  const all = [made("sanitized", compileSanitized)];
  if (compiler !== undefined)
    all.push(
      made("release", (target) => {
        compileRelease(compiler, target);
      }),
    );
  for (const bridge of all)
    describe(`${name} (${bridge.name})`, () => {
      collect(bridge);
    });
}

/** How a program ended, with what it wrote, byte by byte. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Started {
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly ended: Promise<Ended>;
}

export interface Surroundings {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly uid?: number;
  /** Standard output is not collected, so that the test can read it, or not. */
  readonly leavesOutput?: boolean;
}

/** Starts a program with nothing in its environment but what is given, and PATH. */
export function begin(file: string, args: readonly string[], around: Surroundings = {}): Started {
  const { env = {}, cwd = "/", uid, leavesOutput = false } = around;
  const child = spawn(file, args, {
    env: { PATH: process.env["PATH"], ...env },
    cwd,
    stdio: ["pipe", "pipe", "pipe"],
    ...(uid === undefined ? {} : { uid }),
  });
  const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
  child.stdin.on("error", () => undefined);
  if (!leavesOutput) child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once("error", reject);
    child.once(leavesOutput ? "exit" : "close", (code: number | null, signal: NodeJS.Signals | null) => {
      resolve({
        code,
        signal,
        stdout: Buffer.concat(stdout).toString("latin1"),
        stderr: Buffer.concat(stderr).toString("latin1"),
      });
    });
  });
  return { child, ended };
}

/** Runs a program to its end, with this as standard input. */
export async function runs(
  file: string,
  args: readonly string[],
  around: Surroundings = {},
  input: string | Buffer = "",
): Promise<Ended> {
  const { child, ended } = begin(file, args, around);
  child.stdin.end(input);
  return ended;
}
