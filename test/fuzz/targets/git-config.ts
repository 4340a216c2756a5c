import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseGitConfig } from "../../../host/git/inspection/config-file.ts";
import { demand, Failure, isSampled, type Target } from "../engine/target.ts";

type Entries = readonly string[];

const ENVIRONMENT = { PATH: process.env["PATH"] ?? "", HOME: "/nonexistent", GIT_CONFIG_NOSYSTEM: "1" };

function git(args: readonly string[]): {
  readonly status: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
} {
  const run = spawnSync("git", ["config", "-z", "--list", ...args], { env: ENVIRONMENT, maxBuffer: 1 << 26 });
  if (run.error !== undefined) throw run.error;
  return { status: run.status, stdout: run.stdout, stderr: run.stderr.toString("utf8") };
}

function recordsOf(output: Buffer): Entries {
  return output.toString("utf8").split("\0").slice(0, -1);
}

/** Our entries as git prints them; undefined when we refuse the file. */
function ours(bytes: Buffer): Entries | undefined {
  const parsed = parseGitConfig(bytes);
  if (!parsed.ok) return undefined;
  return parsed.entries.map(({ section, subsection, key, value }) => {
    const name = [section, ...(subsection === undefined ? [] : [subsection]), key].join(".");
    return value === undefined ? name : `${name}\n${value}`;
  });
}

/** What git takes and we refuse: NUL bytes, and keys before the first section. */
function isRefusedOnPurpose(bytes: Buffer, theirs: Entries): boolean {
  return bytes.includes(0) || theirs.some((entry) => !(entry.split("\n", 1)[0] ?? "").includes("."));
}

/** One git for many files: all that we take, included by one file. */
const BATCH = 128;

class Comparison {
  readonly #directory: string;
  readonly #pending: { readonly input: Buffer; readonly entries: Entries }[] = [];
  /** git 2.45 began to keep tabs between words as they are; there they are compared as spaces. */
  readonly #keepsTabs: boolean;

  constructor(directory: string) {
    this.#directory = directory;
    writeFileSync(this.#path("tabs"), "[a]\nk = b\tc");
    this.#keepsTabs = git(["-f", this.#path("tabs")]).stdout.includes("\t");
  }

  add(input: Buffer, entries: Entries): void {
    // What a file includes would be read as well.
    if (entries.some((entry) => /^include(?:if)?\./.test(entry))) return;
    writeFileSync(this.#path(String(this.#pending.length)), input);
    this.#pending.push({ input, entries });
    if (this.#pending.length >= BATCH) this.compareAll();
  }

  compareAll(): void {
    const pending = this.#pending.splice(0);
    if (pending.length === 0) return;
    const main = this.#path("main");
    writeFileSync(main, `[include]\n${pending.map((_, index) => `path = ${this.#path(String(index))}\n`).join("")}`);
    const { status, stdout } = git(["--includes", "-f", main]);
    const all = recordsOf(stdout).filter((entry) => !entry.startsWith("include.path\n"));
    const expected = pending.flatMap(({ entries }) => entries);
    if (status === 0 && this.#same(all, expected)) return;
    for (const { input } of pending) this.compare(input);
    throw new Error("git reads files together in another way than one by one");
  }

  compare(input: Buffer): void {
    const entries = ours(input);
    const path = this.#path("one");
    writeFileSync(path, input);
    const { status, stdout, stderr } = git(["--no-includes", "-f", path]);
    if (entries === undefined) {
      if (status === 0 && !isRefusedOnPurpose(input, recordsOf(stdout)))
        throw new Failure(input, `refuses what git takes: ${JSON.stringify(recordsOf(stdout))}`);
      return;
    }
    if (status !== 0) throw new Failure(input, `takes what git refuses: ${stderr}`);
    const theirs = recordsOf(stdout);
    if (!this.#same(theirs, entries))
      throw new Failure(input, `reads something else than git: ${JSON.stringify({ theirs, entries })}`);
  }

  #same(theirs: Entries, entries: Entries): boolean {
    const comparable = (list: Entries): string => {
      const text = JSON.stringify(list);
      return this.#keepsTabs ? text.replaceAll(/\\[tr]/g, " ") : text;
    };
    return comparable(theirs) === comparable(entries);
  }

  #path(name: string): string {
    return join(this.#directory, name);
  }
}

/** A configuration file: what we read, git reads; where it is judged wrong, the line is one of the file's. */
export const gitConfig: Target = {
  name: "git-config",
  modules: ["host/git/inspection/config-file.ts"],
  tokens: [
    ...["[core]\n", '[remote "origin"]\n\turl = ', '[a "b\\"c"]', "[a.b]", "[a.]", '[a ""]', "\r\n", "\\\n", "\\\r\n"],
    ...['"', "\\", "\\n", "\\b", "\ufeff", " # c", ";", "=", "k = v\n", "k\n", "\xa0", "\x0b", "\r", "[Core]"],
  ],
  separator: "\n",
  seeds: [
    '[core]\n\trepositoryformatversion = 0\n\tbare = false\n[remote "origin"]\n\turl = git@github.com:o/r.git\n',
    '\ufeff[a "B.c"] k = "x # y" z ; no\r\nl\r\nm = p\\\n q\\t\\"\n[a.B]\nk=\n',
  ],
  maxBytes: 1_024,
  start: (directory) => {
    const comparison = new Comparison(directory);
    return {
      check: (input) => {
        const parsed = parseGitConfig(input);
        if (!parsed.ok) {
          if (isSampled(input, 128)) comparison.compare(input);
          const lines = input.toString("latin1").split("\n").length + 1;
          demand(parsed.line >= 1 && parsed.line <= lines, "names a line that is not there", parsed);
          return;
        }
        const entries = ours(input);
        if (entries !== undefined) comparison.add(input, entries);
      },
      verify: (input) => {
        comparison.compare(input);
      },
      settle: () => {
        comparison.compareAll();
      },
    };
  },
};
