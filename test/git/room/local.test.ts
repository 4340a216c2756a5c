import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { git } from "../../fixtures/repo.ts";
import { plant } from "../repository/object-store.ts";
import { Bench, codeOf, refusalOf } from "./bench.ts";

/** Runs a command that must succeed, and holds the workspace against plain git afterwards. */
async function good(bench: Bench, ...args: readonly string[]): Promise<string> {
  const came = await bench.locally(...args);
  expect([came.reason, came.exitCode, /^(?:fatal|error).*/m.exec(came.stderr)?.[0]], args.join(" ")).toEqual([
    "exited",
    0,
    undefined,
  ]);
  return came.stdout;
}

function sane(bench: Bench): void {
  expect(bench.complaints()).toBe("");
  for (const name of ["COMMIT_EDITMSG", "ORIG_HEAD", "FETCH_HEAD"])
    expect(existsSync(join(bench.repo, ".git", name)), name).toBe(false);
}

/** A bench whose workspace has nothing that plain git left while it committed. */
function fresh(): Bench {
  const bench = new Bench();
  for (const name of ["COMMIT_EDITMSG", "logs"])
    rmSync(join(bench.repo, ".git", name), { recursive: true, force: true });
  return bench;
}

describe("git on the work tree", () => {
  it("knows branches, files and messages in any language", async () => {
    const bench = fresh();
    git(bench.repo, "checkout", "-q", "-b", "ai/ä-日本");
    writeFileSync(join(bench.repo, 'ö "x'), "ß\n");
    expect(await good(bench, "status", "--short", "--branch")).toContain("## ai/ä-日本\n");
    await good(bench, "add", 'ö "x');
    expect(await good(bench, "commit", "-q", "-m", "größer")).toBe("");
    expect(git(bench.repo, "log", "--format=%s %D", "-2")).toMatch(/^größer HEAD -> ai\/ä-日本\n.+ main\n$/);
    await good(bench, "checkout", "-q", "-b", "ai/ü");
    expect(git(bench.repo, "symbolic-ref", "HEAD")).toBe("refs/heads/ai/ü\n");
    sane(bench);
  });

  it("refuses a branch whose name is no text", async () => {
    const bench = fresh();
    writeFileSync(join(bench.repo, ".git/HEAD"), Buffer.from("ref: refs/heads/\xe4\n", "latin1"));
    expect(await refusalOf(bench.locally("commit", "--allow-empty", "-m", "x"))).toContain("HEAD is not UTF-8");
  });

  it.each(["lfs", "git-crypt"])("refuses to store a file that a %s filter should have changed", async (driver) => {
    const bench = fresh();
    writeFileSync(join(bench.repo, ".gitattributes"), `*.bin filter=${driver} -text\n`);
    writeFileSync(join(bench.repo, "secret.bin"), "as it is\n");
    const came = await bench.locally("add", "secret.bin");
    expect([came.exitCode, came.stderr]).toEqual([128, `fatal: secret.bin: clean filter '${driver}' failed\n`]);
    expect(await good(bench, "status", "--short")).toContain("?? secret.bin");
    await good(bench, "add", ".gitattributes");
    sane(bench);
  });

  it.runIf(process.geteuid?.() === 0)(
    "leaves nothing behind that the owner of the workspace cannot change",
    async () => {
      const bench = fresh();
      execFileSync("chown", ["-R", "65534:65534", bench.repo]);
      writeFileSync(join(bench.repo, "new"), "new\n");
      await good(bench, "add", "new");
      await good(bench, "commit", "-q", "-m", "second");
      await good(bench, "branch", "deep/er/one");
      const foreign = execFileSync("find", [join(bench.repo, ".git"), "!", "-user", "65534"], { encoding: "utf8" });
      expect(foreign).toBe("");
    },
  );

  // git takes a file for unchanged by its size and times; in the second in which the index is written they say nothing.
  it("sees a change of the second in which the index was written, when that second is over", async () => {
    const bench = fresh();
    const { repo } = bench;
    const file = join(repo, "racy");
    const second = (path: string): number => Math.floor(statSync(path).mtimeMs / 1_000);
    let isOneSecond = false;
    for (let attempt = 0; attempt < 20 && !isOneSecond; attempt++) {
      await sleep(1_020 - (Date.now() % 1_000));
      writeFileSync(file, `one ${attempt}\n`);
      git(repo, "add", "racy");
      const first = second(file);
      writeFileSync(file, `two ${attempt}\n`);
      isOneSecond = first === second(file) && first === second(join(repo, ".git/index"));
    }
    expect(isOneSecond).toBe(true);
    await sleep(1_050 - (Date.now() % 1_000));
    expect(await good(bench, "diff", "--stat")).toContain("racy | 2 +-");
    expect(await good(bench, "status", "--short")).toBe("AM racy\n");
    await good(bench, "commit", "-q", "-a", "-m", "second");
    expect(git(repo, "show", "HEAD:racy")).toMatch(/^two /);
    // The workspace's own git must see it as well: the index says when it was written, not when it was brought back.
    expect(statSync(join(repo, ".git/index")).mtimeMs % 1_000).toBe(0);
  });

  it("stages, commits and looks, as plain git sees it afterwards", async () => {
    const bench = fresh();
    const { repo } = bench;
    mkdirSync(join(repo, "d"));
    writeFileSync(join(repo, "d/a b"), "one\n");
    expect(await good(bench, "status", "--short")).toBe("?? d/\n");
    await good(bench, "add", "-A");
    expect(git(repo, "status", "--short")).toBe('A  "d/a b"\n');
    await good(bench, "commit", "-q", "-m", "second");
    expect(git(repo, "log", "-1", "--format=%an <%ae>|%cn|%s")).toBe("Owner <owner@example.org>|Owner|second\n");
    expect(git(repo, "status", "--short")).toBe("");
    writeFileSync(join(repo, "d/a b"), "two\n");
    expect(await good(bench, "diff", "--stat")).toContain("d/a b | 2 +-");
    await good(bench, "commit", "-q", "-a", "-m", "third");
    expect(await good(bench, "log", "--format=%s")).toBe("third\nsecond\nwrite README.md\n");
    expect(await good(bench, "show", "--format=%s", "--name-only")).toBe("third\n\nd/a b\n");
    expect(await good(bench, "blame", "-s", "d/a b")).toContain("two");
    expect(await good(bench, "grep", "-n", "two")).toBe("d/a b:1:two\n");
    expect(await good(bench, "ls-files")).toBe("README.md\nd/a b\n");
    expect(await good(bench, "describe", "--always", "--dirty")).toBe(`${bench.id("HEAD").slice(0, 7)}\n`);
    await good(bench, "mv", "d/a b", "moved");
    await good(bench, "rm", "-q", "README.md");
    expect(git(repo, "status", "--short")).toBe('D  README.md\nR  "d/a b" -> moved\n');
    await good(bench, "restore", "--staged", "README.md");
    await good(bench, "restore", "README.md");
    expect(git(repo, "status", "--short")).toBe('R  "d/a b" -> moved\n');
    await good(bench, "reset", "-q", "--hard", "HEAD~1");
    expect([git(repo, "status", "--short"), git(repo, "log", "-1", "--format=%s")]).toEqual(["", "second\n"]);
    writeFileSync(join(repo, "junk"), "");
    await good(bench, "clean", "-fdq");
    expect(existsSync(join(repo, "junk"))).toBe(false);
    await good(bench, "fsck");
    sane(bench);
    expect(existsSync(join(repo, ".git/logs"))).toBe(false);
  });

  it("makes, switches, renames and deletes branches and tags, loose and packed", async () => {
    const bench = fresh();
    const { repo } = bench;
    await good(bench, "checkout", "-q", "-b", "a/b");
    expect(git(repo, "symbolic-ref", "HEAD").trim()).toBe("refs/heads/a/b");
    writeFileSync(join(repo, "x"), "x");
    await good(bench, "add", "x");
    await good(bench, "commit", "-q", "-m", "on a/b");
    await good(bench, "switch", "-q", "main");
    expect(existsSync(join(repo, "x"))).toBe(false);
    await good(bench, "tag", "light");
    await good(bench, "tag", "-a", "-m", "t", "full", "a/b");
    expect(git(repo, "cat-file", "-t", "full").trim()).toBe("tag");
    git(repo, "pack-refs", "--all");
    await good(bench, "branch", "-m", "a/b", "a");
    expect(git(repo, "for-each-ref", "--format=%(refname)").trim().split("\n")).toEqual([
      "refs/heads/a",
      "refs/heads/main",
      "refs/tags/full",
      "refs/tags/light",
    ]);
    await good(bench, "checkout", "-q", "a", "--", "x");
    await good(bench, "branch", "-D", "a");
    await good(bench, "tag", "-d", "full", "light");
    expect(git(repo, "for-each-ref", "--format=%(refname)")).toBe("refs/heads/main\n");
    expect((await bench.locally("branch", "-D", "none")).exitCode).toBe(1);
    await good(bench, "checkout", "-q", "--detach");
    expect(bench.read(".git/HEAD")).toBe(`${bench.id("main")}\n`);
    await good(bench, "symbolic-ref", "HEAD", "refs/heads/new");
    expect(bench.read(".git/HEAD")).toBe("ref: refs/heads/new\n");
    sane(bench);
  });

  it("begins in a repository without a commit, and in one whose index is gone", async () => {
    const bench = new Bench({ commit: false });
    writeFileSync(join(bench.repo, "x"), "x");
    await good(bench, "add", "x");
    await good(bench, "commit", "-q", "-m", "first");
    rmSync(join(bench.repo, ".git/index"));
    expect(await good(bench, "status", "--short")).toBe("D  x\n?? x\n");
    await good(bench, "reset", "-q");
    expect(git(bench.repo, "status", "--short")).toBe("");
    sane(bench);
  });

  it("commits as the workspace says, when it says who, and as nobody when nobody says", async () => {
    const bench = fresh();
    git(bench.repo, "config", "user.name", 'Agent "Ä" \\ #1; ');
    await good(bench, "commit", "-q", "--allow-empty", "-m", "x");
    expect(git(bench.repo, "log", "-1", "--format=%an|%ae")).toBe('Agent "Ä" \\ #1|owner@example.org\n');
    git(bench.repo, "config", "--unset", "user.name");
    rmSync(join(bench.home, ".gitconfig"));
    const before = bench.id("HEAD");
    const nobody = await bench.locally("commit", "-q", "--allow-empty", "-m", "x");
    expect(nobody.exitCode).toBe(128);
    expect(nobody.stderr).toContain("auto-detection is disabled");
    expect(bench.id("HEAD")).toBe(before);
  });

  it("writes nothing when it only looks, and when it fails", async () => {
    const bench = fresh();
    writeFileSync(join(bench.repo, "x"), "x");
    const stamps = (): readonly unknown[] =>
      readdirSync(join(bench.repo, ".git"), { recursive: true, encoding: "utf8" }).map((name) => [
        name,
        statSync(join(bench.repo, ".git", name)).ctimeMs,
      ]);
    const before = stamps();
    await good(bench, "status");
    await good(bench, "log", "--all");
    expect((await bench.locally("commit", "-m", "nothing staged")).exitCode).toBe(1);
    expect((await bench.locally("add", "no-such-file")).exitCode).toBe(128);
    expect((await bench.locally("checkout", "no-such-branch")).exitCode).toBe(1);
    expect((await bench.locally("commit")).exitCode).toBe(1);
    expect(stamps()).toEqual(before);
  });

  it("handles 2,000 files, a file that is larger than what is inflated at once, and objects in a pack of git's own", async () => {
    const bench = fresh();
    mkdirSync(join(bench.repo, "many"));
    for (let at = 0; at < 2_000; at++) writeFileSync(join(bench.repo, "many", String(at)), `${at}\n`);
    writeFileSync(join(bench.repo, "large"), "0123456789\n".repeat(300_000));
    git(bench.repo, "config", "core.bigFileThreshold", "1m");
    await good(bench, "add", "-A");
    await good(bench, "commit", "-q", "-m", "many");
    expect(git(bench.repo, "status", "--short")).toBe("");
    expect(readdirSync(join(bench.repo, ".git/objects/pack")).filter((name) => name.endsWith(".pack"))).toHaveLength(1);
    expect((await good(bench, "ls-files")).split("\n")).toHaveLength(2_003);
    writeFileSync(join(bench.repo, "packed"), "staged, then packed\n");
    await good(bench, "add", "packed");
    git(bench.repo, "gc", "-q", "--prune=now");
    await good(bench, "commit", "-q", "-m", "packed");
    writeFileSync(join(bench.repo, "many/7"), "changed\n");
    expect(await good(bench, "status", "--short")).toBe(" M many/7\n");
    sane(bench);
  });

  it("leaves a whole index where the workspace's is split", async () => {
    const bench = fresh();
    for (let at = 0; at < 50; at++) writeFileSync(join(bench.repo, `f${at}`), `${at}`);
    git(bench.repo, "add", "-A");
    git(bench.repo, "commit", "-q", "-m", "x");
    git(bench.repo, "config", "core.splitIndex", "true");
    git(bench.repo, "update-index", "--split-index");
    expect(readdirSync(join(bench.repo, ".git")).filter((name) => name.startsWith("sharedindex"))).toHaveLength(1);
    expect(await good(bench, "status", "--short")).toBe("");
    for (let at = 0; at < 50; at++) writeFileSync(join(bench.repo, `g${at}`), `${at}`);
    await good(bench, "add", "-A");
    expect(git(bench.repo, "status", "--short").trim().split("\n")).toHaveLength(50);
    await good(bench, "commit", "-q", "-m", "y");
    expect(git(bench.repo, "status", "--short")).toBe("");
  });

  it("keeps to a sparse checkout, also in a linked worktree, and to info/exclude", async () => {
    const bench = fresh();
    bench.commit("in/x", "1");
    bench.commit("out/y", "2");
    git(bench.repo, "sparse-checkout", "set", "in");
    writeFileSync(join(bench.repo, ".git/info/exclude"), "ignored\n");
    writeFileSync(join(bench.repo, "ignored"), "");
    expect(await good(bench, "status", "--short")).toBe("");
    await good(bench, "checkout", "-q", "-b", "side");
    await good(bench, "reset", "-q", "--hard");
    expect([existsSync(join(bench.repo, "in/x")), existsSync(join(bench.repo, "out"))]).toEqual([true, false]);
    const linked = join(bench.root, "linked");
    git(bench.repo, "worktree", "add", "-q", "-b", "linked", linked);
    git(linked, "sparse-checkout", "set", "--no-cone", "out/");
    bench.roots = [bench.repo, linked];
    expect([existsSync(join(linked, "in")), existsSync(join(linked, "out/y"))]).toEqual([false, true]);
    expect(await bench.do(bench.localJob(["reset", "--hard", "-q"], linked))).toMatchObject({ exitCode: 0 });
    expect([existsSync(join(linked, "in")), existsSync(join(linked, "out/y"))]).toEqual([false, true]);
    expect(git(linked, "status", "--short")).toBe("");
  });

  it("keeps replaced objects and notes as they are", async () => {
    const bench = fresh();
    const first = bench.id("HEAD");
    const second = bench.commit("x", "x");
    git(bench.repo, "replace", second, first);
    git(bench.repo, "notes", "add", "-m", "a note", first);
    expect(await good(bench, "log", "--format=%s", second)).toBe("write README.md\n");
    expect(await good(bench, "log", "--format=%N", first)).toBe("a note\n\n");
    expect(await good(bench, "for-each-ref", "--format=%(refname)", "refs/replace")).toBe(`refs/replace/${second}\n`);
  });

  it("does not take a large object that nobody needs for a reason to stop", async () => {
    const bench = fresh();
    plant(join(bench.repo, ".git/objects"), "ab".repeat(20), "");
    truncateSync(join(bench.repo, ".git/objects/ab", "ab".repeat(19)), 200 * 1_048_576);
    expect(await good(bench, "status", "--short")).toBe("");
    expect(await bench.remotely("push", "HEAD:refs/heads/x")).toMatchObject({ exitCode: 0 });
  });
});

describe("git on the work tree is refused", () => {
  it.each([
    ["MERGE_HEAD"],
    ["CHERRY_PICK_HEAD"],
    ["REVERT_HEAD"],
    ["BISECT_LOG"],
    ["rebase-merge/"],
    ["rebase-apply/"],
  ])("while the workspace has %s, when it would write", async (name) => {
    const bench = fresh();
    const path = join(bench.repo, ".git", name);
    if (name.endsWith("/")) mkdirSync(path);
    else writeFileSync(path, `${bench.id("HEAD")}\n`);
    for (const args of [["add", "-A"], ["commit", "-m", "x"], ["checkout", "main"], ["reset"]])
      expect(await codeOf(bench.locally(...args))).toBe("git_in_progress");
    expect((await bench.locally("log", "--oneline")).exitCode).toBe(0);
  });

  it("in the middle of a real merge with conflicts, which stays as it is", async () => {
    const bench = fresh();
    git(bench.repo, "checkout", "-q", "-b", "other");
    bench.commit("README.md", "theirs\n");
    git(bench.repo, "checkout", "-q", "main");
    bench.commit("README.md", "ours\n");
    expect(() => git(bench.repo, "merge", "other")).toThrow();
    const before = git(bench.repo, "status");
    expect(await codeOf(bench.locally("commit", "-a", "-m", "x"))).toBe("git_in_progress");
    expect(await good(bench, "status", "--short")).toBe("UU README.md\n");
    expect(git(bench.repo, "status")).toBe(before);
  });

  it("when HEAD, the index or a branch changes meanwhile, and nothing is lost or written", async () => {
    const bench = fresh();
    writeFileSync(join(bench.repo, "x"), "x");
    for (const [change, named] of [
      [
        () => {
          writeFileSync(join(bench.repo, "y"), "y");
          git(bench.repo, "add", "y");
        },
        "the index",
      ],
      [() => git(bench.repo, "symbolic-ref", "HEAD", "refs/heads/elsewhere"), "HEAD"],
      [
        () =>
          git(
            bench.repo,
            "update-ref",
            "refs/heads/main",
            git(bench.repo, "commit-tree", "-m", "z", "HEAD^{tree}").trim(),
          ),
        '"refs/heads/main"',
      ],
    ] as const) {
      git(bench.repo, "symbolic-ref", "HEAD", "refs/heads/main");
      const room = bench.room;
      bench.between = change;
      const before = [bench.id("main"), git(bench.repo, "ls-files", "-s")];
      const words = named === '"refs/heads/main"' ? ["commit", "-q", "--allow-empty", "-m", "lost"] : ["add", "x"];
      expect(await refusalOf(bench.locally(...words))).toContain(
        `git_write_back_failed: ${named} of the workspace was changed meanwhile`,
      );
      bench.between = undefined;
      if (named === "HEAD") expect(bench.read(".git/HEAD")).toBe("ref: refs/heads/elsewhere\n");
      if (named === "the index") expect(git(bench.repo, "ls-files")).toBe("README.md\ny\n");
      else expect(git(bench.repo, "ls-files", "-s")).toBe(before[1]);
      expect(git(bench.repo, "log", "--all", "--format=%s")).not.toContain("lost");
      expect(bench.room).toBe(room);
    }
  });

  it("when a lock of the workspace's own git stands there, which stays", async () => {
    const bench = fresh();
    writeFileSync(join(bench.repo, "x"), "x");
    writeFileSync(join(bench.repo, ".git/index.lock"), "theirs");
    expect(await refusalOf(bench.locally("add", "x"))).toContain(
      'git_write_back_failed: the workspace\'s "index" could not be written: is locked',
    );
    expect(bench.read(".git/index.lock")).toBe("theirs");
  });

  it("on a branch that is another's name", async () => {
    const bench = fresh();
    git(bench.repo, "symbolic-ref", "refs/heads/alias", "refs/heads/main");
    git(bench.repo, "symbolic-ref", "HEAD", "refs/heads/alias");
    expect(await refusalOf(bench.locally("status"))).toMatch(
      /^git_layout_unsupported: "refs\/heads\/alias" .*switch to the branch/,
    );
    git(bench.repo, "symbolic-ref", "HEAD", "refs/heads/main");
    await good(bench, "commit", "-q", "--allow-empty", "-m", "x");
    expect(git(bench.repo, "symbolic-ref", "refs/heads/alias").trim()).toBe("refs/heads/main");
  });
});
