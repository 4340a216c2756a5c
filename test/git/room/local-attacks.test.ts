import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { git } from "../../fixtures/repo.ts";
import { Bench, codeOf } from "./bench.ts";

const EVERYTHING: readonly (readonly string[])[] = [
  ["status", "--short"],
  ["status"],
  ["diff"],
  ["diff", "--submodule=diff"],
  ["add", "-u"],
  ["add", "-A"],
  ["commit", "-a", "-m", "x"],
  ["checkout", "-q", "-b", "new"],
  ["checkout", "-q", "-f", "main"],
  ["reset", "-q", "--hard"],
  ["restore", "."],
  ["describe", "--always", "--dirty"],
  ["grep", "--recurse-submodules", "x"],
  ["log", "-p", "--ext-diff", "--textconv"],
  ["show", "--ext-diff", "--textconv", "--submodule=diff"],
  ["blame", "README.md"],
  ["rm", "-q", "--cached", "README.md"],
];

/** Of each way in which something is read or written, one. */
const WRITERS: readonly (readonly string[])[] = [
  ["status", "--short"],
  ["add", "-A"],
  ["commit", "-q", "-a", "-m", "x"],
  ["checkout", "-q", "-b", "new"],
  ["reset", "-q", "--hard"],
];

/** Runs every command, whatever comes of it, and says whether the marker appeared. */
async function marked(bench: Bench, marker: string): Promise<boolean> {
  for (const args of EVERYTHING) {
    writeFileSync(join(bench.repo, "README.md"), `${Math.random()}\n`);
    await codeOf(bench.locally(...args));
    if (existsSync(marker)) return true;
  }
  await codeOf(bench.remotely("push", "HEAD:refs/heads/x"));
  await codeOf(bench.remotely("fetch"));
  return existsSync(marker);
}

describe("nothing of the workspace is started", () => {
  it("by hooks of any name", async () => {
    const bench = new Bench();
    const marker = join(bench.outside, "marker");
    const hooks = join(bench.repo, ".git/hooks");
    rmSync(hooks, { recursive: true, force: true });
    mkdirSync(hooks);
    for (const name of [
      ...["pre-commit", "prepare-commit-msg", "commit-msg", "post-commit", "post-checkout", "post-index-change"],
      ...["reference-transaction", "pre-push", "post-rewrite", "fsmonitor-watchman", "pre-auto-gc", "post-merge"],
    ])
      writeFileSync(join(hooks, name), `#!/bin/sh\ntouch ${marker}\n`, { mode: 0o755 });
    writeFileSync(join(bench.repo, "x"), "x");
    git(bench.repo, "add", "x");
    expect(existsSync(marker)).toBe(true); // they would run
    rmSync(marker);
    expect(await marked(bench, marker)).toBe(false);
  });

  it("by attributes, for which there is no program", async () => {
    const bench = new Bench();
    const marker = join(bench.outside, "marker");
    bench.commit(".gitattributes", "* filter=f diff=d merge=m\n");
    const program = `touch ${marker}; cat`;
    const job = bench.localJob(["add", "-A"]);
    for (const key of [
      "filter.f.clean",
      "filter.f.smudge",
      "diff.d.textconv",
      "diff.external",
      "core.pager",
      "gpg.program",
    ])
      git(bench.repo, "config", key, program);
    expect(await codeOf(bench.locally("status"))).toBe("workspace_untrusted");
    writeFileSync(join(bench.repo, "README.md"), "x");
    expect(await bench.do(job)).toMatchObject({ exitCode: 0 });
    for (const args of [
      ["diff", "HEAD"],
      ["commit", "-q", "-m", "x"],
      ["log", "-p"],
    ]) {
      const { request } = bench.localJob.call(new Bench(), args);
      expect(await bench.do({ ...job, request })).toMatchObject({ exitCode: 0 });
    }
    expect(existsSync(marker)).toBe(false);
  });

  it("by the configuration of a submodule, and commands that look at submodules still work", async () => {
    const bench = new Bench();
    const marker = join(bench.outside, "marker");
    const library = join(bench.root, "library");
    git(bench.root, "init", "-q", library);
    bench.commit("s", "s", library);
    git(bench.repo, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", library, "sub");
    git(bench.repo, "commit", "-q", "-m", "sub");
    git(bench.repo, "config", "--remove-section", "submodule.sub");
    const sub = join(bench.repo, "sub");
    writeFileSync(join(sub, "s"), "changed");
    git(sub, "config", "core.fsmonitor", `touch ${marker}; false`);
    git(bench.repo, "status");
    expect(existsSync(marker)).toBe(true); // plain git starts it
    rmSync(marker);
    for (const args of [
      ["status", "--short"],
      ["diff", "--stat"],
      ["add", "-u"],
      ["add", "-A"],
      ["commit", "-q", "-a", "-m", "y", "--allow-empty"],
    ]) {
      writeFileSync(join(bench.repo, "README.md"), `${Math.random()}\n`);
      expect(await bench.locally(...args), args.join(" ")).toMatchObject({ exitCode: 0 });
    }
    expect(await marked(bench, marker)).toBe(false);
    expect(git(bench.repo, "ls-files", "-s", "sub")).toContain("160000");
    expect(git(bench.repo, "fsck", "--no-dangling")).toBe("");
  });

  it("by an embedded repository", async () => {
    const bench = new Bench();
    const marker = join(bench.outside, "marker");
    const inner = join(bench.repo, "inner");
    git(bench.root, "init", "-q", inner);
    bench.commit("x", "x", inner);
    git(inner, "config", "core.fsmonitor", `touch ${marker}; false`);
    expect(await marked(bench, marker)).toBe(false);
  });

  it("by a program beside the work tree's files that is called git", async () => {
    const bench = new Bench();
    const marker = join(bench.outside, "marker");
    for (const name of ["git", "sh", "git-status", "less", "cat", "ssh"])
      writeFileSync(join(bench.repo, name), `#!/bin/sh\ntouch ${marker}\n`, { mode: 0o755 });
    expect(await marked(bench, marker)).toBe(false);
  });
});

describe("nothing outside the workspace is read or written", () => {
  it.each([
    [".git/logs/HEAD"],
    [".git/COMMIT_EDITMSG"],
    [".git/ORIG_HEAD"],
    [".git/FETCH_HEAD"],
    [".git/index"],
    [".git/HEAD"],
    [".git/packed-refs"],
    [".git/refs/heads/main"],
    [".git/refs/heads/new"],
    [".git/info/exclude"],
    [".git/shallow"],
    [".git/index.lock"],
    [".git/HEAD.lock"],
    [".git/refs/heads/main.lock"],
    [".git/logs/"],
    [".git/objects/pack/"],
    [".git/refs/heads/"],
    [".git/refs/"],
    [".git/info/"],
    [".git/objects/"],
  ])("where %s is a link, planted behind the inspection", async (name) => {
    const bench = new Bench();
    const jobs = WRITERS.map((args) => bench.localJob(args));
    const others = [["push", "HEAD:refs/heads/x"], ["fetch"]].map((words) => bench.remoteJob(words));
    const target = join(bench.outside, "target");
    const path = join(bench.repo, name.replace(/\/$/, ""));
    const text = `${bench.id("HEAD")}\n`;
    writeFileSync(join(bench.repo, "new-file"), "x");
    rmSync(path, { recursive: true, force: true });
    mkdirSync(dirname(path), { recursive: true });
    if (name.endsWith("/")) mkdirSync(target);
    else writeFileSync(target, text);
    symlinkSync(target, path);
    const before = readdirSync(bench.outside, { recursive: true });
    for (const job of [...jobs, ...others]) {
      await codeOf(bench.do(job));
      if (!existsSync(path)) symlinkSync(target, path);
      expect(readdirSync(bench.outside, { recursive: true })).toEqual(before);
      if (!name.endsWith("/")) expect(readFileSync(target, "utf8")).toBe(text);
    }
  });

  it("where a fan-out directory of new objects is a link", async () => {
    const bench = new Bench();
    const job = bench.localJob(["add", "-A"]);
    writeFileSync(join(bench.repo, "x"), "new");
    const id = git(bench.repo, "hash-object", "x").trim();
    symlinkSync(bench.outside, join(bench.repo, ".git/objects", id.slice(0, 2)));
    expect(await codeOf(bench.do(job))).toBe("git_write_back_failed");
    expect(readdirSync(bench.outside)).toEqual([]);
    expect(git(bench.repo, "ls-files")).toBe("README.md\n");
  });
});

describe("what stands in place of the index", () => {
  it("leaves nothing open when it is a FIFO or a directory, and waits for nobody", async () => {
    const bench = new Bench();
    const job = bench.localJob(["status"]);
    const index = join(bench.repo, ".git/index");
    const shared = join(bench.repo, ".git/sharedindex.ab");
    const descriptors = (): number => readdirSync("/proc/self/fd").length;
    await bench.do(job);
    const before = descriptors();
    for (const path of [index, shared])
      for (const make of [
        () => execFileSync("mkfifo", [path]),
        () => {
          mkdirSync(path);
        },
        () => {
          symlinkSync("/dev/zero", path);
        },
      ]) {
        rmSync(path, { recursive: true, force: true });
        make();
        expect(await codeOf(bench.do(job))).toMatch(/^workspace_un(?:trusted|readable)$/);
        rmSync(path, { recursive: true });
      }
    expect(descriptors()).toBe(before);
  });

  it("is bounded, all parts of a split one together", async () => {
    const bench = new Bench();
    for (let at = 0; at < 3; at++) {
      const path = join(bench.repo, `.git/sharedindex.${"ab".repeat(19)}0${at}`);
      writeFileSync(path, "");
      truncateSync(path, 600 * 1_048_576);
    }
    const index = join(bench.repo, ".git/index");
    truncateSync(index, 1_100 * 1_048_576);
    expect(await codeOf(bench.locally("status"))).toBe("workspace_untrusted");
    expect(bench.leftovers()).toEqual([]);
  });
});
