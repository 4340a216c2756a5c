import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findTool, type Tool } from "../fixtures/backends/present.ts";
import { projectRoot, tempDirectory } from "../fixtures/temp.ts";

/** What tests of the scripts that install have in common: a user with a release at hand, and programs that only note how they were called. */

export const INSTALL = join(projectRoot, "scripts/install.sh");
export const UNINSTALL = join(projectRoot, "scripts/uninstall.sh");
export const INSTALL_AGENT = join(projectRoot, "scripts/install-agent.sh");
export const INSTALL_GATEWAY = join(projectRoot, "scripts/install-gateway.sh");
export const ASSET = `cmd2host-${process.platform}-${process.arch}`;
/** Everything that the scripts use, besides fetching and hashing. */
export const BASICS = ["uname", "mktemp", "mkdir", "chmod", "mv", "rm", "cp", "sed", "tr", "cat"];

export interface Machine {
  readonly home: string;
  readonly release: string;
  readonly bin: string;
  /** What the programs that were run left. */
  readonly calls: () => readonly string[];
}

export function shaOf(data: string): string {
  return createHash("sha256").update(data).digest("hex");
}

/** A word for a shell. */
export function word(value: string): string {
  return `'${value.replaceAll("'", "'\\''")}'`;
}

/** A program that says its version, and notes everything else. */
export function executable(version: string, log: string): string {
  return `#!/bin/sh\nif [ "$1" = --version ]; then echo "cmd2host version ${version}"; else echo "$*" >>${word(log)}; fi\n`;
}

/** Puts a release into a directory; returns the executable's text. @param more lines of its program */
export function release(machine: Pick<Machine, "home" | "release">, version: string, more = ""): string {
  const program = executable(version, join(machine.home, "calls")) + more;
  writeFileSync(join(machine.release, ASSET), program);
  writeFileSync(join(machine.release, "checksums.txt"), `${"0".repeat(64)}  other\n${shaOf(program)}  ${ASSET}\n`);
  return program;
}

/** A user whose home has a space in its name. */
export function machineOf(): Machine {
  const home = join(tempDirectory(), 'a user\'s "home" $HOME');
  const directory = join(home, "release 1");
  mkdirSync(directory, { recursive: true });
  const calls = (): readonly string[] => {
    const log = join(home, "calls");
    return existsSync(log) ? readFileSync(log, "utf8").trim().split("\n") : [];
  };
  const machine = { home, release: directory, bin: join(home, ".local/bin"), calls };
  release(machine, "1.0.0");
  return machine;
}

export interface Ended {
  readonly exit: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export function run(
  script: string,
  machine: Machine,
  args: readonly string[],
  more: { readonly path?: string; readonly input?: string; readonly base?: string } = {},
): Ended {
  const { status, stdout, stderr } = spawnSync("/bin/sh", [script, ...args], {
    encoding: "utf8",
    input: more.input ?? "",
    env: {
      HOME: machine.home,
      PATH: more.path ?? process.env["PATH"],
      ...(more.base === undefined ? {} : { CMD2HOST_CONFIG_DIR: more.base }),
    },
  });
  return { exit: status, stdout, stderr };
}

/** A PATH on which there is nothing but these. */
export function pathOf(names: readonly string[]): string {
  const directory = tempDirectory();
  for (const name of names) {
    const real = findTool(name as Tool);
    if (real === undefined) throw new Error(`${name} is not here`);
    symlinkSync(real, join(directory, name));
  }
  return directory;
}
