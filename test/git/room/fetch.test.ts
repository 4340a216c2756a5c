import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { git } from "../../fixtures/repo.ts";
import { Bench, refusalOf } from "./bench.ts";

/** Every file below a directory with the hash of its content. */
function snapshot(root: string): ReadonlyMap<string, string> {
  return new Map(
    readdirSync(root, { recursive: true, withFileTypes: true }).map((entry): [string, string] => {
      const path = join(entry.parentPath, entry.name);
      const content = entry.isFile() ? createHash("sha256").update(readFileSync(path)).digest("hex") : "";
      return [path.slice(root.length + 1), content];
    }),
  );
}

function changed(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): readonly string[] {
  return [...new Set([...before.keys(), ...after.keys()])].filter((name) => before.get(name) !== after.get(name));
}

/** A workspace, and somebody else's clone of its remote. */
class Shared extends Bench {
  readonly other = join(this.root, "other");

  constructor() {
    super();
    git(this.repo, "push", "-q", "origin", "main");
    git(this.root, "clone", "-q", this.remote, this.other);
  }

  /** Somebody else pushes a commit. */
  elsewhere(branch: string, name = `${branch}-file`): string {
    git(this.other, "checkout", "-q", "-B", branch);
    const id = this.commit(name, `${Math.random()}`, this.other);
    git(this.other, "push", "-q", "--force", "origin", `${branch}:${branch}`);
    return id;
  }

  remoteBranches(): Readonly<Record<string, string>> {
    const lines = git(this.repo, "for-each-ref", "--format=%(refname) %(objectname)", "refs/remotes")
      .trim()
      .split("\n");
    const pairs = lines.filter((line) => line !== "").map((line) => line.split(" ", 2) as [string, string]);
    return Object.fromEntries(pairs.map(([name, id]) => [name.replace("refs/remotes/origin/", ""), id]));
  }
}

describe("a fetch", () => {
  it("brings new and moved branches, and changes nothing but packs and refs/remotes/origin", async () => {
    const bench = new Shared();
    mkdirSync(join(bench.repo, ".git/hooks"), { recursive: true });
    writeFileSync(join(bench.repo, ".git/hooks/reference-transaction"), `#!/bin/sh\ntouch ${bench.outside}/marker\n`, {
      mode: 0o755,
    });
    const ids = { main: bench.elsewhere("main"), x: bench.elsewhere("x"), "deep/er": bench.elsewhere("deep/er") };
    writeFileSync(join(bench.repo, "dirty"), "not committed");
    const before = snapshot(bench.repo);
    const fetched = await bench.remotely("fetch");
    expect(fetched).toMatchObject({ exitCode: 0, reason: "exited" });
    expect(fetched.stderr).toContain("* [new branch]");
    expect(bench.remoteBranches()).toEqual(ids);
    const touched = changed(before, snapshot(bench.repo));
    expect(
      touched.filter(
        (name) => !/^\.git\/(?:objects\/pack\/pack-[0-9a-f]+\.(?:pack|idx)|refs\/remotes\/origin(?:\/.*)?)$/.test(name),
      ),
    ).toEqual([]);
    expect(touched.length).toBeGreaterThan(4);
    expect(bench.complaints()).toBe("");
    expect(git(bench.repo, "log", "--oneline", "origin/deep/er").trim().split("\n")).toHaveLength(4);
    expect(existsSync(join(bench.outside, "marker"))).toBe(false);

    const again = snapshot(bench.repo);
    expect(await bench.remotely("fetch")).toMatchObject({ exitCode: 0, stderr: "" });
    expect(changed(again, snapshot(bench.repo))).toEqual([]);
  });

  it("brings only what is new: neither over the wire nor into the workspace comes what was there", async () => {
    const bench = new Shared();
    for (let at = 0; at < 30; at++) bench.commit(`f${at}`, `${at}`);
    git(bench.repo, "push", "-q", "origin", "main");
    git(bench.other, "pull", "-q");
    bench.elsewhere("x");
    await bench.remotely("fetch");
    const packs = join(bench.repo, ".git/objects/pack");
    const count = (directory: string): number =>
      readdirSync(directory)
        .filter((name) => name.endsWith(".idx"))
        .map(
          (name) =>
            git(bench.repo, "verify-pack", "-v", join(directory, name)).match(/^[0-9a-f]{40} (?:commit|tree|blob)/gm)
              ?.length ?? 0,
        )
        .reduce((sum, one) => sum + one, 0);
    expect(count(packs)).toBe(3);
    // One pack came over the wire, with the same three objects, and what git put below their deltas.
    expect(count(join(bench.own, "objects/pack"))).toBeLessThan(10);
  });

  it("moves branches by force, and only so", async () => {
    const bench = new Shared();
    const old = bench.elsewhere("x");
    await bench.remotely("fetch");
    git(bench.other, "reset", "-q", "--hard", "HEAD~1");
    const moved = bench.elsewhere("x", "another");
    const gentle = await bench.remotely("fetch", "refs/heads/*:refs/remotes/origin/*");
    expect(gentle.exitCode).toBe(1);
    expect(gentle.stderr).toContain("[rejected]");
    expect(bench.remoteBranches()["x"]).toBe(old);
    expect(await bench.remotely("fetch")).toMatchObject({ exitCode: 0 });
    expect(bench.remoteBranches()["x"]).toBe(moved);
  });

  it("deletes what is gone with --prune, loose and packed, and nothing without it", async () => {
    const bench = new Shared();
    for (const name of ["gone", "packed", "stays"]) bench.elsewhere(name);
    await bench.remotely("fetch");
    git(bench.repo, "update-ref", "refs/remotes/origin/deep/gone", "HEAD");
    git(bench.repo, "update-ref", "refs/remotes/another/x", "HEAD");
    git(bench.repo, "tag", "-a", "-m", "t", "t");
    git(bench.repo, "pack-refs", "--all");
    git(bench.repo, "update-ref", "refs/remotes/origin/gone", "HEAD");
    git(bench.other, "push", "-q", "origin", ":gone", ":packed");
    await bench.remotely("fetch");
    expect(Object.keys(bench.remoteBranches()).sort()).toEqual([
      "deep/gone",
      "gone",
      "main",
      "packed",
      "refs/remotes/another/x",
      "stays",
    ]);
    const pruned = await bench.remotely("fetch", "--prune");
    expect(pruned.stderr).toContain("[deleted]");
    expect(Object.keys(bench.remoteBranches()).sort()).toEqual(["main", "refs/remotes/another/x", "stays"]);
    expect(git(bench.repo, "rev-parse", "t^{commit}").trim()).toBe(bench.id("HEAD"));
    expect(existsSync(join(bench.repo, ".git/refs/remotes/origin/deep"))).toBe(false);
    expect(bench.complaints()).toBe("");
  });

  it("goes from a/b/c to a and back, with refs loose and packed", async () => {
    const bench = new Shared();
    const id = bench.id("HEAD");
    const only = (name: string): void => {
      git(bench.remote, "update-ref", "-d", `refs/heads/${name === "a" ? "a/b/c" : "a"}`);
      git(bench.remote, "update-ref", `refs/heads/${name}`, id);
    };
    for (const name of ["a/b/c", "a", "a/b/c", "a"]) {
      only(name);
      expect(await bench.remotely("fetch", "--prune"), name).toMatchObject({ exitCode: 0 });
      expect(bench.remoteBranches()).toEqual({ main: id, [name]: id });
      git(bench.repo, "pack-refs", "--all");
    }
    only("a/b/c");
    git(bench.repo, "update-ref", "-d", "refs/remotes/origin/a");
    mkdirSync(join(bench.repo, ".git/refs/remotes/origin/a/b/c/d"), { recursive: true });
    expect(await bench.remotely("fetch", "--prune")).toMatchObject({ exitCode: 0 });
    expect(bench.remoteBranches()).toEqual({ main: id, "a/b/c": id });
  });

  it("keeps refs/remotes/origin/HEAD symbolic, and takes one branch where one is asked for", async () => {
    const bench = new Shared();
    git(bench.repo, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main");
    const id = bench.elsewhere("x");
    bench.elsewhere("y");
    expect(await bench.remotely("fetch", "--prune", "x")).toMatchObject({ exitCode: 0 });
    expect(git(bench.repo, "symbolic-ref", "refs/remotes/origin/HEAD").trim()).toBe("refs/remotes/origin/main");
    expect(bench.remoteBranches()).toMatchObject({ x: id });
    expect(Object.keys(bench.remoteBranches())).not.toContain("y");
    expect(await bench.remotely("fetch", "--dry-run", "y")).toMatchObject({ exitCode: 0 });
    expect(Object.keys(bench.remoteBranches())).not.toContain("y");
    const none = await bench.remotely("fetch", "nowhere");
    expect(none.exitCode).toBe(128);
    expect(none.stderr).toContain("couldn't find remote ref refs/heads/nowhere");
  });

  it("says so when a lock, a directory or a link stands in the way, and works when it is gone", async () => {
    const bench = new Shared();
    const id = bench.elsewhere("x");
    const remotes = join(bench.repo, ".git/refs/remotes/origin");
    mkdirSync(remotes, { recursive: true });
    const job = bench.remoteJob(["fetch"]);
    const lock = join(remotes, "x.lock");
    writeFileSync(lock, "");
    expect(await refusalOf(bench.do(job))).toContain(
      'git_write_back_failed: the workspace\'s "refs/remotes/origin/x" could not be written: is locked',
    );
    expect(readFileSync(lock, "utf8")).toBe("");
    rmSync(lock);
    mkdirSync(join(remotes, "x"));
    writeFileSync(join(remotes, "x/file"), "");
    expect(await refusalOf(bench.do(job))).toContain("is a directory that is not empty");
    rmSync(join(remotes, "x"), { recursive: true });
    const target = join(bench.outside, "ref");
    writeFileSync(target, "the owner's\n");
    symlinkSync(target, join(remotes, "x"));
    expect(await bench.do(job)).toMatchObject({ exitCode: 0 });
    expect(readFileSync(target, "utf8")).toBe("the owner's\n");
    expect(bench.remoteBranches()["x"]).toBe(id);
    bench.elsewhere("deep/y");
    symlinkSync(bench.outside, join(remotes, "deep"));
    expect(await refusalOf(bench.do(job))).toMatch(/^(?:git_write_back_failed|workspace_untrusted): .*is a link/);
    rmSync(join(remotes, "deep"));
    writeFileSync(join(remotes, "deep"), "");
    expect(await refusalOf(bench.do(job))).toContain("git_write_back_failed");
    rmSync(join(remotes, "deep"));
    expect(await bench.do(job)).toMatchObject({ exitCode: 0 });
    expect(bench.complaints()).toBe("");
    expect(readdirSync(bench.outside)).toEqual(["ref"]);
  });

  it("does not write through a link in place of objects/pack, nor where it may not", async () => {
    const bench = new Shared();
    bench.elsewhere("x");
    const job = bench.remoteJob(["fetch"]);
    const pack = join(bench.repo, ".git/objects/pack");
    rmSync(pack, { recursive: true });
    symlinkSync(bench.outside, pack);
    expect(await refusalOf(bench.do(job))).toMatch(/^git_write_back_failed: .*objects\/pack.* is a link/);
    expect(readdirSync(bench.outside)).toEqual([]);
    rmSync(pack);
    if (process.getuid?.() !== 0) {
      mkdirSync(pack);
      chmodSync(pack, 0o500);
      expect(await refusalOf(bench.do(job))).toContain("EACCES");
      chmodSync(pack, 0o700);
    }
    expect(await bench.do(job)).toMatchObject({ exitCode: 0 });
  });

  it("into a workspace that lacks objects of its own remote branches brings them again", async () => {
    const bench = new Shared();
    const id = bench.elsewhere("x");
    await bench.remotely("fetch");
    rmSync(join(bench.repo, ".git/objects/pack"), { recursive: true });
    rmSync(bench.own, { recursive: true });
    expect(await bench.remotely("fetch")).toMatchObject({ exitCode: 0 });
    expect(git(bench.repo, "log", "-1", "--format=%H", "origin/x").trim()).toBe(id);
  });

  it("into a repository without any commit brings everything", async () => {
    const bench = new Bench({ commit: false });
    const donor = new Bench();
    git(bench.remote, "fetch", "-q", donor.repo, "main:refs/heads/main");
    expect(await bench.remotely("fetch")).toMatchObject({ exitCode: 0 });
    git(bench.repo, "checkout", "-q", "main");
    expect(bench.read("README.md")).toBe("hello\n");
    expect(await bench.remotely("ls-remote")).toMatchObject({ exitCode: 0 });
  });
});
