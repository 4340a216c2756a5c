import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { git } from "../../fixtures/repo.ts";
import { Bench, codeOf, refusalOf } from "./bench.ts";

const MAIN = "refs/heads/main";

describe("a push", () => {
  it("takes a branch, HEAD, a full object name and a tag's commit, and nothing else of the workspace", async () => {
    const bench = new Bench();
    const first = bench.id("HEAD");
    git(bench.repo, "tag", "light");
    git(bench.repo, "branch", "deep/er/name");
    git(bench.repo, "checkout", "-q", "-b", "secret");
    const secret = bench.commit("secret", "s");
    git(bench.repo, "checkout", "-q", "main");
    for (const [source, branch] of [
      ["main", "main"],
      ["HEAD", "from-head"],
      [first, "from-id"],
      ["light", "from-tag"],
      ["deep/er/name", "deep/er/still"],
    ])
      expect(await bench.remotely("push", `${source}:refs/heads/${branch}`)).toMatchObject({ exitCode: 0 });
    expect(new Set(Object.values(bench.remoteRefs()))).toEqual(new Set([first]));
    expect(Object.keys(bench.remoteRefs())).toHaveLength(5);
    expect(() => git(bench.remote, "cat-file", "-e", secret)).toThrow();
    expect(existsSync(join(bench.own, "objects", secret.slice(0, 2), secret.slice(2)))).toBe(false);
    expect(bench.complaints()).toBe("");
  });

  it("speaks of the branch as git does, with --porcelain, with -v and with a push option", async () => {
    const bench = new Bench();
    git(bench.remote, "config", "receive.advertisePushOptions", "true");
    expect((await bench.remotely("push", "HEAD:refs/heads/x")).stderr).toContain(" * [new branch]      main -> x\n");
    const { stdout } = await bench.remotely("push", "--porcelain", "-o", "ci.skip", "main:refs/heads/y");
    expect(stdout).toContain("*\trefs/heads/main:refs/heads/y\t[new branch]\n");
    expect((await bench.remotely("push", "HEAD:refs/heads/x")).stderr).toBe("Everything up-to-date\n");
  });

  it("takes a detached HEAD, and refuses one that leads to no commit", async () => {
    const bench = new Bench();
    git(bench.repo, "checkout", "-q", "--detach");
    const id = bench.commit("x", "x");
    expect(await bench.remotely("push", "HEAD:refs/heads/d")).toMatchObject({ exitCode: 0 });
    expect(bench.remoteRefs()).toEqual({ "refs/heads/d": id });
    const unborn = new Bench({ commit: false });
    expect(await refusalOf(unborn.remotely("push", "HEAD:refs/heads/d"))).toContain("HEAD leads to no commit yet");
    expect(await codeOf(unborn.remotely("push", "main:refs/heads/d"))).toBe("git_ref_invalid");
  });

  it("changes nothing in a dry run", async () => {
    const bench = new Bench();
    expect(await bench.remotely("push", "--dry-run", "HEAD:refs/heads/x")).toMatchObject({ exitCode: 0 });
    expect(bench.remoteRefs()).toEqual({});
  });

  it("is refused by git when it is no fast-forward, and goes through with force in every form", async () => {
    const bench = new Bench();
    const first = bench.commit("a", "1");
    await bench.remotely("push", "HEAD:refs/heads/x");
    git(bench.repo, "reset", "-q", "--hard", "HEAD~1");
    const other = bench.commit("a", "2");
    const rejected = await bench.remotely("push", "HEAD:refs/heads/x");
    expect(rejected).toMatchObject({ exitCode: 1, reason: "exited" });
    expect(rejected.stderr).toContain("[rejected]");
    for (const [words, id] of [
      [["+HEAD:refs/heads/x"], other],
      [["--force", `+${first}:refs/heads/x`], first],
      [["--force-with-lease=x:" + first, "HEAD:refs/heads/x"], other],
      [["-f", `${first}:refs/heads/x`], first],
    ] as const) {
      expect(await bench.remotely("push", ...words)).toMatchObject({ exitCode: 0 });
      expect(bench.remoteRefs()).toEqual({ "refs/heads/x": id });
    }
  });

  it("with a lease overwrites only what was seen last", async () => {
    const bench = new Bench();
    const lease = ["--force-with-lease", "HEAD:refs/heads/x"] as const;
    expect(await refusalOf(bench.remotely("push", ...lease))).toContain("git_ref_invalid: no refs/remotes/origin/ ref");
    await bench.remotely("push", "HEAD:refs/heads/x");
    await bench.remotely("fetch");
    git(bench.repo, "commit", "-q", "--amend", "-m", "amended");
    expect(await bench.remotely("push", ...lease)).toMatchObject({ exitCode: 0 });
    expect(bench.remoteRefs()).toEqual({ "refs/heads/x": bench.id("HEAD") });
    git(bench.repo, "commit", "-q", "--amend", "-m", "amended again");
    const stale = await bench.remotely("push", ...lease);
    expect(stale.exitCode).toBe(1);
    expect(stale.stderr).toContain("stale info");
    const mustNotExist = await bench.remotely("push", "--force-with-lease=x:", "HEAD:refs/heads/x");
    expect(mustNotExist.stderr).toContain("stale info");
    expect(await bench.remotely("push", "--force-with-lease=y:", "HEAD:refs/heads/y")).toMatchObject({ exitCode: 0 });
  });

  it("deletes a branch, which needs nothing of the workspace", async () => {
    const bench = new Bench();
    await bench.remotely("push", "HEAD:refs/heads/x");
    expect(await bench.remotely("push", ":refs/heads/x")).toMatchObject({ exitCode: 0 });
    expect(bench.remoteRefs()).toEqual({});
    const unborn = new Bench({ commit: false });
    git(unborn.remote, "fetch", "-q", bench.repo, "main:refs/heads/x");
    expect(await unborn.remotely("push", "+:refs/heads/x")).toMatchObject({ exitCode: 0 });
    expect(unborn.remoteRefs()).toEqual({});
  });

  it("takes a and a/b one after the other", async () => {
    const bench = new Bench();
    git(bench.repo, "branch", "a");
    await bench.remotely("push", "a:refs/heads/a");
    git(bench.repo, "branch", "-q", "-m", "a", "a/b");
    expect((await bench.remotely("push", "a/b:refs/heads/a/b")).exitCode).toBe(1);
    await bench.remotely("push", ":refs/heads/a");
    expect(await bench.remotely("push", "a/b:refs/heads/a/b")).toMatchObject({ exitCode: 0 });
    await bench.remotely("push", ":refs/heads/a/b");
    git(bench.repo, "branch", "-q", "-m", "a/b", "a");
    expect(await bench.remotely("push", "a:refs/heads/a")).toMatchObject({ exitCode: 0 });
  });

  it("goes on from what was pushed before: the second takes only what is new", async () => {
    const bench = new Bench();
    for (let at = 0; at < 20; at++) bench.commit(`f${at}`, `${at}`);
    await bench.remotely("push", `HEAD:${MAIN}`);
    const objects = (): number => Number(/^count: (\d+)/.exec(git(bench.own, "count-objects", "-v"))?.[1]);
    const before = objects();
    const last = bench.commit("one", "more");
    bench.started.length = 0;
    expect(await bench.remotely("push", `HEAD:${MAIN}`)).toMatchObject({ exitCode: 0 });
    expect(objects() - before).toBe(3);
    expect(bench.started.map(([word]) => word)).toEqual(["rev-list", "push"]);
    expect(bench.remoteRefs()).toEqual({ [MAIN]: last });
  });

  it("lists the remote's refs", async () => {
    const bench = new Bench();
    await bench.remotely("push", "HEAD:refs/heads/a/x");
    const { stdout } = await bench.remotely("ls-remote", "--heads", "a/*");
    expect(stdout).toBe(`${bench.id("HEAD")}\trefs/heads/a/x\n`);
    expect((await bench.remotely("ls-remote", "--exit-code", "none")).exitCode).toBe(2);
  });
});

describe("a push from a workspace", () => {
  it("that is packed, packed again, with packed refs, and partly loose", async () => {
    const bench = new Bench();
    for (let at = 0; at < 5; at++) bench.commit(`f${at}`, `${at}`);
    git(bench.repo, "gc", "-q");
    git(bench.repo, "pack-refs", "--all");
    const steps: (() => void)[] = [
      () => undefined,
      () => bench.commit("loose", "1"),
      () => git(bench.repo, "repack", "-d", "-q"),
      () => bench.commit("loose", "2"),
      () => git(bench.repo, "repack", "-a", "-d", "-q"),
      () => {
        git(bench.repo, "gc", "-q", "--prune=now");
        git(bench.repo, "pack-refs", "--all");
      },
    ];
    for (const [at, step] of steps.entries()) {
      step();
      expect(await bench.remotely("push", `HEAD:refs/heads/s${at}`), String(at)).toMatchObject({ exitCode: 0 });
      expect(bench.remoteRefs()[`refs/heads/s${at}`]).toBe(bench.id("HEAD"));
    }
    const blob = bench.id("HEAD:loose");
    rmSync(bench.own, { recursive: true });
    expect(await bench.remotely("push", "HEAD:refs/heads/anew")).toMatchObject({ exitCode: 0 });
    expect(git(bench.remote, "cat-file", "-t", blob)).toBe("blob\n");
    expect(git(bench.remote, "fsck")).toBe("");
  });

  it("whose commit is loose, its tree packed, and its blob loose", async () => {
    const bench = new Bench();
    const id = bench.commit("d/x", "x");
    const [tree, blob] = [bench.id("HEAD^{tree}"), bench.id("HEAD:d/x")];
    const objects = join(bench.repo, ".git/objects");
    const loose = (one: string): string => join(objects, one.slice(0, 2), one.slice(2));
    writeFileSync(join(bench.root, "list"), `${tree}\n`);
    git(bench.repo, "-c", "alias.p=!git pack-objects -q .git/objects/pack/pack < ../list", "p");
    rmSync(loose(tree));
    expect([id, blob].map((one) => existsSync(loose(one)))).toEqual([true, true]);
    expect(await bench.remotely("push", `HEAD:${MAIN}`)).toMatchObject({ exitCode: 0 });
    expect(git(bench.remote, "fsck")).toBe("");
  });

  it("with sha256, into a remote of the same format and not into another", async () => {
    const bench = new Bench({ format: "sha256" });
    git(bench.repo, "gc", "-q");
    bench.commit("more", "1");
    expect(await bench.remotely("push", `HEAD:${MAIN}`)).toMatchObject({ exitCode: 0 });
    expect(bench.remoteRefs()).toEqual({ [MAIN]: bench.id("HEAD") });
    expect(bench.id("HEAD")).toHaveLength(64);
    rmSync(bench.remote, { recursive: true });
    git(bench.root, "init", "-q", "--bare", bench.remote);
    expect((await bench.remotely("push", `HEAD:${MAIN}`)).exitCode).not.toBe(0);
  });

  it("that is made anew with another format", async () => {
    const bench = new Bench();
    await bench.remotely("push", `HEAD:${MAIN}`);
    for (const path of [bench.repo, bench.remote]) rmSync(path, { recursive: true });
    git(bench.root, "init", "-q", "--object-format=sha256", bench.repo);
    git(bench.root, "init", "-q", "--bare", "--object-format=sha256", bench.remote);
    bench.commit("x", "x");
    expect(await bench.remotely("push", `HEAD:${MAIN}`)).toMatchObject({ exitCode: 0 });
    expect(git(bench.remote, "fsck")).toBe("");
  });

  it("that is a linked worktree of the project", async () => {
    const bench = new Bench();
    const linked = join(bench.root, "linked");
    git(bench.repo, "worktree", "add", "-q", "-b", "side", linked);
    bench.roots = [bench.repo, linked];
    const id = bench.commit("in-linked", "x", linked);
    expect(await bench.do(bench.remoteJob(["push", "HEAD:refs/heads/side"], linked))).toMatchObject({ exitCode: 0 });
    expect(bench.remoteRefs()).toEqual({ "refs/heads/side": id });
    expect(await bench.do(bench.localJob(["status", "--short", "--branch"], linked))).toMatchObject({
      stdout: "## side\n",
    });
    writeFileSync(join(linked, "more"), "x");
    await bench.do(bench.localJob(["add", "-A"], linked));
    expect(await bench.do(bench.localJob(["commit", "-q", "-m", "on the host"], linked))).toMatchObject({
      exitCode: 0,
    });
    expect(git(linked, "log", "-1", "--format=%s")).toBe("on the host\n");
    expect(git(bench.repo, "log", "-1", "--format=%s", "side")).toBe("on the host\n");
    expect([git(linked, "status", "--short"), git(bench.repo, "status", "--short"), bench.complaints()]).toEqual([
      "",
      "",
      "",
    ]);
  });

  it("that is a submodule, which is listed as a repository of the project", async () => {
    const bench = new Bench();
    const library = join(bench.root, "library");
    git(bench.root, "init", "-q", library);
    bench.commit("x", "x", library);
    git(bench.repo, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", library, "lib");
    git(bench.repo, "commit", "-q", "-m", "with library");
    const sub = join(bench.repo, "lib");
    bench.roots = [bench.repo, sub];
    const id = bench.commit("y", "y", sub);
    expect(await bench.do(bench.remoteJob(["push", "HEAD:refs/heads/lib"], sub))).toMatchObject({ exitCode: 0 });
    expect(bench.remoteRefs()).toEqual({ "refs/heads/lib": id });
    expect(await bench.do(bench.localJob(["status", "--short"], sub))).toMatchObject({ exitCode: 0, stdout: "" });
    git(bench.repo, "config", "--remove-section", "submodule.lib");
    expect(await bench.remotely("push", `HEAD:${MAIN}`)).toMatchObject({ exitCode: 0 });
  });

  it("that is shallow, and unshallowed later", async () => {
    const bench = new Bench();
    for (let at = 0; at < 5; at++) bench.commit(`f${at}`, `${at}`);
    await bench.remotely("push", `HEAD:${MAIN}`);
    const shallow = join(bench.root, "shallow");
    git(bench.root, "clone", "-q", "--depth=2", `file://${bench.remote}`, shallow);
    bench.roots = [bench.repo, shallow];
    const id = bench.commit("in-shallow", "x", shallow);
    expect(await bench.do(bench.remoteJob(["push", "HEAD:refs/heads/s"], shallow))).toMatchObject({ exitCode: 0 });
    expect(bench.remoteRefs()["refs/heads/s"]).toBe(id);
    const elsewhere = bench.commit("elsewhere", "x");
    await bench.remotely("push", `HEAD:${MAIN}`);
    expect(await bench.do(bench.remoteJob(["fetch"], shallow))).toMatchObject({ exitCode: 0 });
    expect(git(shallow, "rev-parse", "origin/main").trim()).toBe(elsewhere);
    expect(git(shallow, "rev-list", "--count", "origin/main").trim()).toBe("3");
    expect(git(shallow, "fsck", "--no-dangling")).toBe("");
    expect(await bench.do(bench.localJob(["log", "--oneline", "HEAD"], shallow))).toMatchObject({ exitCode: 0 });
    git(shallow, "fetch", "-q", "--unshallow");
    const last = bench.commit("whole", "x", shallow);
    expect(await bench.do(bench.remoteJob(["push", "HEAD:refs/heads/s"], shallow))).toMatchObject({ exitCode: 0 });
    expect(bench.remoteRefs()["refs/heads/s"]).toBe(last);
    expect(git(bench.remote, "fsck", "--no-dangling")).toBe("");
    writeFileSync(join(shallow, ".git/shallow"), "nonsense\n");
    expect(await codeOf(bench.do(bench.remoteJob(["push", "HEAD:refs/heads/s"], shallow)))).toBe("workspace_untrusted");
  });
});

describe("many jobs", () => {
  it("on one repository run one after the other, and all go through", async () => {
    const bench = new Bench();
    const names = Array.from({ length: 6 }, (_, at) => `b${at}`);
    for (const name of names) git(bench.repo, "branch", name);
    const all = await Promise.all([
      ...names.map(async (name) => bench.remotely("push", `${name}:refs/heads/${name}`)),
      bench.locally("status"),
      bench.remotely("fetch"),
    ]);
    expect(all.map(({ exitCode, stderr }) => [exitCode, /fatal|error/.test(stderr)])).toEqual(
      all.map(() => [0, false]),
    );
    expect(Object.keys(bench.remoteRefs())).toHaveLength(6);
    expect(bench.leftovers()).toEqual([]);
  });

  it("pack what has piled up behind the reply, after which everything still works", async () => {
    const bench = new Bench();
    const alone = git(bench.repo, "commit-tree", "-m", "alone", "HEAD^{tree}").trim();
    git(bench.repo, "branch", "unrelated", alone);
    git(bench.repo, "repack", "-q", "-a", "-d");
    await bench.remotely("push", `HEAD:${MAIN}`);
    const packs = join(bench.own, "objects/pack");
    const indexes = (): readonly string[] => readdirSync(packs).filter((name) => name.endsWith(".idx"));
    const base = join(packs, (indexes()[0] ?? "").replace(".idx", ""));
    for (let at = 0; at < 41; at++)
      for (const suffix of ["pack", "idx"])
        copyFileSync(`${base}.${suffix}`, join(packs, `pack-${at.toString(16).padStart(40, "0")}.${suffix}`));
    expect(git(bench.own, "cat-file", "-t", alone)).toBe("commit\n");
    await bench.remotely("push", "HEAD:refs/heads/x");
    expect(await bench.remotely("push", "HEAD:refs/heads/next")).toMatchObject({ exitCode: 0 });
    expect(indexes()).toHaveLength(1);
    expect(() => git(bench.own, "cat-file", "-e", alone)).toThrow();
    // What no ref of ours led to is gone from ours, and found again in the workspace's packs, which were taken before.
    bench.started.length = 0;
    expect(await bench.remotely("push", "unrelated:refs/heads/unrelated")).toMatchObject({ exitCode: 0 });
    expect(bench.started.map(([word]) => word)).toContain("index-pack");
    await bench.room.close();
    expect(git(bench.own, "fsck", "--no-dangling")).toBe("");
  });

  it("do not start cleaning while the daemon stops", async () => {
    const bench = new Bench();
    await bench.remotely("push", `HEAD:${MAIN}`);
    for (let at = 0; at < 41; at++) writeFileSync(join(bench.own, `objects/pack/pack-${at}.idx`), "");
    await bench.room.close();
    bench.started.length = 0;
    mkdirSync(join(bench.own, "objects/17"), { recursive: true });
    await bench.remotely("push", ":refs/heads/main");
    expect(bench.started.map(([word]) => word)).toEqual(["push"]);
  });
});

describe("what a workspace may hold", () => {
  it("does not pile up in ours: a copy that is larger than the limit is made anew", async () => {
    const bench = new Bench();
    await bench.remotely("push", `HEAD:${MAIN}`);
    const junk = join(bench.own, "objects/pack/pack-junk.pack");
    writeFileSync(junk, "");
    truncateSync(junk, bench.limits.maxBytes + 1);
    expect(await bench.remotely("push", "HEAD:refs/heads/x")).toMatchObject({ exitCode: 0 });
    expect(existsSync(junk)).toBe(false);
  });

  it("is no FIFO in place of a pack, which nobody waits for", async () => {
    const bench = new Bench();
    git(bench.repo, "gc", "-q");
    const job = bench.remoteJob(["push", `HEAD:${MAIN}`]);
    const before = readdirSync("/proc/self/fd").length;
    const fifo = join(bench.repo, `.git/objects/pack/pack-${"0".repeat(40)}.pack`);
    execFileSync("mkfifo", [fifo]);
    expect(await codeOf(bench.remotely("push", `HEAD:${MAIN}`))).toBe("workspace_untrusted");
    expect(await bench.do(job)).toMatchObject({ exitCode: 0 });
    expect(readdirSync("/proc/self/fd").length).toBe(before);
  });

  it("is bounded: loose objects by bytes and number, packs by bytes", async () => {
    const random = () => Array.from({ length: 500 }, () => Math.random().toString(36)).join("");
    const bytes = new Bench({ limits: { maxBytes: 2_000 } });
    bytes.commit("big", random());
    expect(await refusalOf(bytes.remotely("push", `HEAD:${MAIN}`))).toContain("git_too_large: the workspace's objects");
    git(bytes.repo, "gc", "-q");
    expect(await refusalOf(bytes.remotely("push", `HEAD:${MAIN}`))).toContain("git_too_large: the workspace's packs");
    const number = new Bench({ limits: { maxLooseObjects: 5 } });
    for (let at = 0; at < 3; at++) number.commit(`f${at}`, `${at}`);
    expect(await refusalOf(number.remotely("push", `HEAD:${MAIN}`))).toContain("more than 5 loose objects");
    git(number.repo, "gc", "-q");
    expect(await number.remotely("push", `HEAD:${MAIN}`)).toMatchObject({ exitCode: 0 });
  });

  it("is at most 5,000 packs", async () => {
    const bench = new Bench();
    git(bench.repo, "gc", "-q");
    for (let at = 0; at < 5_001; at++)
      writeFileSync(join(bench.repo, `.git/objects/pack/pack-${at.toString(16).padStart(40, "0")}.pack`), "");
    expect(await refusalOf(bench.remotely("push", `HEAD:${MAIN}`))).toMatch(
      /^git_too_large: the workspace has more than 5000 packs .*git gc/,
    );
  });

  it("is not what links lead to", async () => {
    const bench = new Bench();
    git(bench.repo, "gc", "-q");
    const job = bench.remoteJob(["push", `HEAD:${MAIN}`]);
    const pack = join(bench.repo, ".git/objects/pack");
    const name = readdirSync(pack).find((one) => one.endsWith(".pack")) ?? "";
    git(bench.root, "clone", "-q", "--bare", bench.repo, join(bench.outside, "c.git"));
    rmSync(join(pack, name));
    symlinkSync(join(bench.outside, "c.git/objects/pack", name), join(pack, name));
    expect(await codeOf(bench.do(job))).toBe("git_objects_missing");
    rmSync(pack, { recursive: true });
    symlinkSync(join(bench.outside, "c.git/objects/pack"), pack);
    expect(await codeOf(bench.do(job))).toBe("git_objects_missing");
    mkdirSync(join(bench.outside, "empty"));
    rmSync(join(bench.repo, ".git/objects"), { recursive: true });
    symlinkSync(join(bench.outside, "c.git/objects"), join(bench.repo, ".git/objects"));
    expect(await codeOf(bench.do(job))).toBe("workspace_untrusted");
    expect(bench.remoteRefs()).toEqual({});
  });
});
