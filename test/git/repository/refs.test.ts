import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { DamagedRefs, Refs } from "../../../host/git/repository/refs.ts";
import { findPushSource } from "../../../host/git/repository/push-source.ts";
import { DirHandle } from "../../../host/util/dir-handle.ts";
import { CodedError } from "../../../wire/errors.ts";
import { git, makeRepo } from "../../fixtures/repo.ts";
import { tempDirectory } from "../../fixtures/temp.ts";

const [A, B, C] = ["a".repeat(40), "b".repeat(40), "c".repeat(40)];
let path = "";
let directory: DirHandle;

beforeEach(() => {
  path = tempDirectory();
  directory = DirHandle.open(path);
  put("HEAD", "ref: refs/heads/main\n");
  return () => {
    directory.close();
  };
});

function put(name: string, content: string): void {
  mkdirSync(dirname(join(path, name)), { recursive: true });
  writeFileSync(join(path, name), content);
}

const refs = (format: "sha1" | "sha256" = "sha1"): Refs => new Refs(directory, format);

function idOf(name: string): string | undefined {
  const all = refs();
  return all.resolve(all.read(name));
}

function source(text: string, format: "sha1" | "sha256" = "sha1"): unknown {
  try {
    return findPushSource(text, refs(format), directory, format);
  } catch (error) {
    if (error instanceof CodedError) return `${error.code}: ${error.message}`;
    throw error;
  }
}

describe("a ref", () => {
  it("is read loose before packed, in deep names, and is nothing where nothing is", () => {
    put("refs/heads/main", `${A}\n`);
    put("refs/heads/a/b/c/d", A);
    put(
      "packed-refs",
      `# pack-refs with: peeled\n${B} refs/heads/main\n${C} refs/tags/v1\n^${A}\n${B} refs/heads/p/q\n`,
    );
    expect(["refs/heads/main", "refs/heads/a/b/c/d", "refs/tags/v1", "refs/heads/p/q"].map(idOf)).toEqual([A, A, C, B]);
    expect(["refs/heads/none", "refs/heads/a/b", "refs/heads/main/x", "refs/none/x"].map(idOf)).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });

  it("is read packed where an empty directory of its name is left", () => {
    mkdirSync(join(path, "refs/heads/x/y"), { recursive: true });
    put("packed-refs", `${B} refs/heads/x\n`);
    expect(idOf("refs/heads/x")).toBe(B);
  });

  it.each([
    ["../HEAD"],
    ["refs/../HEAD"],
    ["refs/heads/../../HEAD"],
    ["HEAD"],
    ["refs//x"],
    ["/etc/passwd"],
    ["refs/heads/x\0"],
  ])("has a name that git would take: not %j", (name) => {
    put("packed-refs", `${B} ${name}\n`);
    expect(refs().read(name)).toBeUndefined();
  });

  it.each([
    [""],
    ["x"],
    [A.toUpperCase()],
    [`${A}0`],
    ["ref: /etc/passwd"],
    ["ref: HEAD"],
    ["ref: refs/../x"],
    ["ref: "],
    [`${A}\n${B}`],
    [`${A} x`],
  ])("that says %j is damaged", (content) => {
    put("refs/heads/x", content);
    expect(() => refs().read("refs/heads/x")).toThrow(DamagedRefs);
  });

  it("is no link, no FIFO, no device, not behind a link, and not larger than 4 KiB; nothing stays open", () => {
    const outside = tempDirectory();
    writeFileSync(join(outside, "ref"), `${A}\n`);
    mkdirSync(join(path, "refs/heads"), { recursive: true });
    const descriptors = (): number => readdirSync("/proc/self/fd").length;
    const before = descriptors();
    const at = join(path, "refs/heads/x");
    symlinkSync(join(outside, "ref"), at);
    expect(() => refs().read("refs/heads/x")).toThrow("is a link");
    rmSync(at);
    execFileSync("mkfifo", [at]);
    expect(() => refs().read("refs/heads/x")).toThrow("is not a regular file");
    rmSync(at);
    symlinkSync("/dev/zero", at);
    expect(() => refs().read("refs/heads/x")).toThrow(DamagedRefs);
    rmSync(at);
    symlinkSync(outside, at);
    expect(() => refs().read("refs/heads/x/ref")).toThrow(DamagedRefs);
    expect(() => refs().list("refs/heads/x/")).toThrow(DamagedRefs);
    rmSync(at);
    writeFileSync(at, "");
    truncateSync(at, 5_000);
    expect(() => refs().read("refs/heads/x")).toThrow("larger than 4096");
    expect(descriptors()).toBe(before);
  });

  it("leads over at most five symbolic refs", () => {
    put("refs/heads/0", A);
    for (let at = 1; at <= 6; at++) put(`refs/heads/${at}`, `ref: refs/heads/${at - 1}\n`);
    put("refs/heads/self", "ref: refs/heads/self");
    put("refs/heads/lost", "ref:refs/heads/none");
    expect(idOf("refs/heads/5")).toBe(A);
    expect(() => idOf("refs/heads/6")).toThrow("lead to one another");
    expect(() => idOf("refs/heads/self")).toThrow("lead to one another");
    expect(idOf("refs/heads/lost")).toBeUndefined();
  });
});

describe("a list of refs", () => {
  it("has loose and packed ones below the prefix, without symbolic and damaged ones", () => {
    put("refs/remotes/origin/main", A);
    put("refs/remotes/origin/deep/er/x", B);
    put("refs/remotes/origin/HEAD", "ref: refs/remotes/origin/main");
    put("refs/remotes/origin/broken", "?");
    put("refs/remotes/origin/gone.lock", A);
    put("refs/remotes/other/x", A);
    symlinkSync("main", join(path, "refs/remotes/origin/link"));
    put(
      "packed-refs",
      [
        `${C} refs/remotes/origin/main`,
        `${C} refs/remotes/origin/packed`,
        `${C} refs/remotes/origin/broken`,
        `${C} refs/remotes/originx/no`,
        "nonsense",
        `${C} ../evil`,
        `short refs/remotes/origin/no`,
        "",
      ].join("\n"),
    );
    expect(Object.fromEntries(refs().list("refs/remotes/origin/"))).toEqual({
      "refs/remotes/origin/main": A,
      "refs/remotes/origin/deep/er/x": B,
      "refs/remotes/origin/packed": C,
    });
    expect(refs().list("refs/nowhere/").size).toBe(0);
  });

  it("is what real git lists, with its own packed refs and of another format", () => {
    for (const format of ["sha1", "sha256"] as const) {
      const repo = tempDirectory();
      git(repo, "init", "-q", `--object-format=${format}`);
      git(repo, "commit", "-q", "--allow-empty", "-m", "x");
      for (const name of ["a", "b/c", "é/😀"]) git(repo, "branch", name);
      git(repo, "tag", "-a", "-m", "t", "t");
      git(repo, "pack-refs", "--all");
      git(repo, "branch", "later");
      const handle = DirHandle.open(join(repo, ".git"));
      const mine = [...new Refs(handle, format).list("refs/")].map(([name, id]) => `${id} ${name}`).sort();
      handle.close();
      const theirs = git(repo, "-c", "core.quotePath=false", "for-each-ref", "--format=%(objectname) %(refname)");
      expect(mine).toEqual(theirs.trim().split("\n").sort());
    }
  });

  it("ends with an error where directories are nested without end, and where there are too many", () => {
    mkdirSync(join(path, "refs/heads", "d/".repeat(40)), { recursive: true });
    expect(() => refs().list("refs/")).toThrow("nested too deeply");
    rmSync(join(path, "refs"), { recursive: true });
    const lines = Array.from({ length: 200_001 }, (_, at) => `${A} refs/heads/b${at}\n`);
    put("packed-refs", lines.join(""));
    expect(() => refs().list("refs/")).toThrow("more than 200000 refs");
    rmSync(join(path, "packed-refs"));
    writeFileSync(join(path, "packed-refs"), "");
    truncateSync(join(path, "packed-refs"), 64 * 1_048_576 + 1);
    expect(() => refs().packed()).toThrow("packed-refs is larger");
    put("packed-refs", lines.slice(0, 200_000).join(""));
    put("refs/heads/more", A);
    expect(() => refs().list("refs/")).toThrow("more than 200000 refs");
  });
});

describe("what is pushed", () => {
  it("is a branch before a tag before a remote branch, or a full name", () => {
    put("refs/heads/x", A);
    put("refs/tags/x", B);
    put("refs/tags/v", B);
    put("refs/remotes/origin/r", C);
    expect(source("x")).toEqual({ id: A, branch: "x" });
    expect(source("refs/tags/x")).toEqual({ id: B, branch: undefined });
    expect(source("refs/heads/x")).toEqual({ id: A, branch: "x" });
    expect(source("v")).toEqual({ id: B, branch: undefined });
    expect(source("origin/r")).toEqual({ id: C, branch: undefined });
    expect(source(C)).toEqual({ id: C, branch: undefined });
    expect(source("c".repeat(64), "sha256")).toEqual({ id: "c".repeat(64), branch: undefined });
  });

  it("is HEAD: of a branch, detached, or of a branch that is symbolic itself", () => {
    put("refs/heads/main", A);
    expect([source("HEAD"), source("@")]).toEqual([
      { id: A, branch: "main" },
      { id: A, branch: "main" },
    ]);
    put("HEAD", B);
    expect(source("HEAD")).toEqual({ id: B, branch: undefined });
    put("HEAD", "ref: refs/remotes/origin/x");
    put("refs/remotes/origin/x", "ref: refs/heads/main");
    expect(source("HEAD")).toEqual({ id: A, branch: undefined });
  });

  it.each([
    ["HEAD", "leads to no commit yet"],
    ["none", "no branch, tag"],
    ["HEAD~1", "no branch"],
    ["@{u}", "no branch"],
    [":/text", "no branch"],
    ["main:file", "no branch"],
    ["aaaaaaa", "no branch"],
    ["refs/heads/none", "no branch"],
    ["../../etc/passwd", "no branch"],
    ["broken", "names no object"],
    ["loop", "lead to one another"],
    [`x${"y".repeat(5_000)}`, "no branch"],
  ])("is not %j", (text, why) => {
    put("refs/heads/broken", "?");
    put("refs/heads/loop", "ref: refs/heads/loop");
    expect(source(text)).toMatch(new RegExp(`^git_ref_invalid: .*${why}`));
  });

  it("is not HEAD where there is none, or where a directory stands in its place", () => {
    rmSync(join(path, "HEAD"));
    expect(source("HEAD")).toContain("leads to no commit yet");
    mkdirSync(join(path, "HEAD"));
    expect(source("HEAD")).toContain("is not a regular file");
  });

  it("is a system error when the disk says so", () => {
    const handle = DirHandle.open(path);
    handle.close();
    expect(() => findPushSource("main", new Refs(handle, "sha1"), handle, "sha1")).toThrow();
  });

  it("is what real git pushes", () => {
    const repo = makeRepo(join(path, "repo"));
    git(repo, "tag", "-a", "-m", "t", "t");
    git(repo, "checkout", "-q", "--detach");
    const handle = DirHandle.open(join(repo, ".git"));
    const all = new Refs(handle, "sha1");
    for (const name of ["HEAD", "main", "t", "refs/tags/t"])
      expect(findPushSource(name, all, handle, "sha1").id).toBe(git(repo, "rev-parse", name).trim());
    handle.close();
  });
});
