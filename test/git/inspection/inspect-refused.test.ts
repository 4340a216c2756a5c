import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CodedError } from "../../../wire/errors.ts";
import { describeFinding, inspectWorkspace, type Finding } from "../../../host/git/inspection/inspect.ts";
import { PLANTED } from "./planted.ts";
import { configure, git, shell, Workbench } from "./repository.ts";

let bench: Workbench;
beforeAll(() => {
  bench = new Workbench();
});
afterAll(() => {
  bench.remove();
});

function findings(path: string): readonly Finding[] {
  return inspectWorkspace(path, [path]).findings;
}

function refusal(path: string, projectPaths: readonly string[] = [path]): string {
  return inspectWorkspace(path, projectPaths).findings.map(describeFinding).join("\n");
}

function unreadable(path: string, projectPaths: readonly string[] = [path]): string {
  try {
    inspectWorkspace(path, projectPaths);
  } catch (error) {
    if (error instanceof CodedError && error.code === "workspace_unreadable") return error.message;
    throw error;
  }
  throw new Error("the workspace was read");
}

describe("a configuration key outside the list", () => {
  it.each(PLANTED)("%s is found, named with file and line, and removed by the command that is shown", (key, text) => {
    const path = bench.repository();
    const file = join(path, ".git", "config");
    const lines = readFileSync(file, "utf8").split("\n").length;
    configure(path, text);
    const [finding, ...more] = findings(path);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({ file, key, line: text.includes("\n") ? lines + 1 : lines });
    expect(finding?.why).not.toBe("");
    shell(finding?.fix ?? "");
    expect(findings(path)).toEqual([]);
  });

  it("is described with its name, its place, why, and the command", () => {
    const path = bench.repository();
    configure(path, "[core]\n fsmonitor = evil");
    expect(refusal(path)).toBe(
      `${path}/.git/config:10: core.fsmonitor names a program that git runs on the host for status, add, diff and fetch.` +
        ` To remove it: git config --file ${path}/.git/config --unset-all core.fsmonitor`,
    );
  });

  it("cannot make the shown command do anything else", () => {
    const path = bench.repository();
    const name = "$(touch owned)'\\\";`touch owned`&|<>*?~ x";
    configure(path, `[url "${name.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"]\n insteadOf = x`);
    const [finding] = findings(path);
    expect(finding?.fix).toContain("--unset-all");
    shell(`cd ${bench.path} && ${finding?.fix ?? ""}`);
    expect(findings(path)).toEqual([]);
    expect(() => readFileSync(join(bench.path, "owned"))).toThrow();
  });

  it.each([
    ["an escape sequence", "\x1b[2J"],
    ["a right-to-left mark", "\u202e"],
    ["bytes that are no UTF-8", "\xff"],
    ["a very long name", "x".repeat(3000)],
  ])("with %s in its name is shown with escapes, and to be removed by hand", (_, name) => {
    const path = bench.repository();
    configure(path, `[filter "${name}"]\n clean = evil`);
    const text = refusal(path);
    expect(text).toMatch(/To remove it: (edit the file and remove line 10|git config .*)$/);
    expect(text).not.toMatch(/[\x1b\u202e]/);
    expect(text.length).toBeLessThan(3_800);
  });

  it("that begins with a dash or has no section name is to be removed by hand", () => {
    for (const header of ["[-x]", '[ "x"]']) {
      const path = bench.repository();
      configure(path, `${header}\n k = v`);
      expect(findings(path)[0]?.fix).toBe("edit the file and remove line 10");
    }
  });

  it("is one of at most 50 that are listed", () => {
    const path = bench.repository();
    configure(path, `[alias]\n${Array.from({ length: 5_000 }, (_, n) => `k${n} = x\n`).join("")}`);
    expect(findings(path).length).toBe(50);
  });

  it("is found in the main work tree's configuration of a linked worktree, and in a submodule's own", () => {
    const [main, linked, inner] = [bench.repository(), bench.next(), bench.repository()];
    git(main, "worktree", "add", "-q", linked);
    git(main, "submodule", "--quiet", "add", inner, "sub");
    configure(main, "[core]\n sshCommand = evil");
    git(join(main, "sub"), "config", "core.pager", "evil");
    expect(refusal(linked, [main, linked])).toContain("core.sshcommand");
    expect(refusal(join(main, "sub"), [main, join(main, "sub")])).toContain("core.pager");
  });

  it("is none: hooks and attributes, which do nothing without configuration", () => {
    const path = bench.repository();
    writeFileSync(join(path, ".git", "hooks", "pre-push"), "#!/bin/sh\nevil\n", { mode: 0o755 });
    writeFileSync(join(path, ".gitattributes"), "* filter=x diff=x merge=x\n");
    writeFileSync(join(path, ".git", "info", "attributes"), "* filter=x\n");
    expect(findings(path)).toEqual([]);
  });
});

describe("a repository that reaches outside its workspace", () => {
  it("is refused when .git is a link, and nothing behind the link is read", () => {
    const [path, other] = [bench.repository(), bench.repository()];
    rmSync(join(path, ".git"), { recursive: true });
    symlinkSync(join(other, ".git"), join(path, ".git"));
    expect(inspectWorkspace(path, [path, other])).toMatchObject({ gitDir: join(path, ".git"), originUrl: undefined });
    expect(refusal(path, [path, other])).toContain("is a link");
    rmSync(join(path, ".git"));
    symlinkSync("nowhere", join(path, ".git"));
    expect(refusal(path)).toContain("is a link");
  });

  it("is refused when .git is a FIFO", () => {
    const path = bench.repository();
    rmSync(join(path, ".git"), { recursive: true });
    shell(`mkfifo ${join(path, ".git")}`);
    expect(refusal(path)).toContain("is neither a directory nor a file");
  });

  it.each([
    ["another repository", (other: string) => `gitdir: ${other}/.git\n`],
    ["another workspace's repository", (other: string) => `gitdir: ../${basename(other)}/.git\n`],
    ["another repository's modules, over a link", () => "gitdir: .git-link/modules/x\n"],
    ["a place over a name and back", () => "gitdir: sub/../.git/modules/x\n"],
    ["nothing", () => "gitdir: \n"],
    ["two lines", () => "gitdir: .git/modules/x\ngitdir: y\n"],
    ["a NUL byte", () => "gitdir: .git/modules/x\0\n"],
    ["no pointer", () => "hello\n"],
    ["16 KiB", () => `gitdir: ${"x/".repeat(8_192)}\n`],
  ])("is refused when .git is a file that names %s", (_, content) => {
    const [path, other] = [bench.repository(), bench.repository()];
    symlinkSync(join(other, ".git"), join(path, ".git-link"));
    rmSync(join(path, ".git"), { recursive: true });
    writeFileSync(join(path, ".git"), content(other));
    const facts = inspectWorkspace(path, [path, other]);
    expect(facts.findings.map(({ file }) => file)).toEqual([join(path, ".git")]);
    expect(facts.originUrl).toBeUndefined();
  });

  it("is refused when a part of the way to a submodule's git directory is a link", () => {
    const [inner, outer, other] = [bench.repository(), bench.repository(), bench.repository()];
    git(outer, "submodule", "--quiet", "add", inner, "sub");
    const modules = join(outer, ".git", "modules");
    renameSync(modules, join(other, "modules"));
    symlinkSync(join(other, "modules"), modules);
    expect(refusal(join(outer, "sub"), [outer, join(outer, "sub")])).toContain("leads over");
  });

  it("is refused when the workspace of a submodule was replaced by a link", () => {
    const [inner, outer, other] = [bench.repository(), bench.repository(), bench.repository()];
    git(outer, "submodule", "--quiet", "add", inner, "sub");
    const sub = join(outer, "sub");
    rmSync(sub, { recursive: true });
    symlinkSync(other, sub);
    expect(unreadable(sub, [outer, sub])).toContain("leads over");
  });

  it("does not accept a link that the workspace made as a place for git directories", () => {
    const [outer, other, path] = [bench.repository(), bench.repository(), bench.repository()];
    symlinkSync(other, join(outer, "sub"));
    git(other, "worktree", "add", "-q", join(bench.path, "w"));
    rmSync(join(path, ".git"), { recursive: true });
    writeFileSync(join(path, ".git"), `gitdir: ${join(other, ".git", "worktrees", "w")}\n`);
    expect(refusal(path, [path, outer, join(outer, "sub")])).toContain("points outside");
  });

  it("is refused when commondir leads elsewhere, or stands in a plain git directory", () => {
    const [main, other, linked] = [bench.repository(), bench.repository(), bench.next()];
    git(main, "worktree", "add", "-q", linked);
    const { gitDir } = inspectWorkspace(linked, [main, linked]);
    writeFileSync(join(gitDir, "commondir"), `${join(other, ".git")}\n`);
    expect(refusal(linked, [main, linked])).toContain("points outside");
    writeFileSync(join(other, ".git", "commondir"), `${join(main, ".git")}\n`);
    expect(refusal(other, [main, other])).toContain("from another directory");
  });

  it("is refused when core.worktree of a submodule means another directory", () => {
    const [inner, outer] = [bench.repository(), bench.repository()];
    git(outer, "submodule", "--quiet", "add", inner, "sub");
    const sub = join(outer, "sub");
    for (const value of ["../../..", "../../../sub/x/..", "/etc", outer, ""]) {
      git(outer, "config", "--file", join(outer, ".git", "modules", "sub", "config"), "core.worktree", value);
      expect(refusal(sub, [outer, sub])).toContain("core.worktree");
    }
  });

  it.each(["alternates", "http-alternates"])("is refused when objects/info/%s has content or is no file", (name) => {
    const [path, other] = [bench.repository(), bench.repository()];
    const file = join(path, ".git", "objects", "info", name);
    writeFileSync(file, "");
    expect(findings(path)).toEqual([]);
    writeFileSync(file, `${other}/.git/objects\n`);
    expect(refusal(path)).toContain("objects of another repository");
    rmSync(file);
    symlinkSync(join(other, "alternates"), file);
    expect(refusal(path)).toContain("is not a regular file");
    rmSync(file);
    shell(`mkfifo ${file}`);
    expect(refusal(path)).toContain("is not a regular file");
  });

  it("is refused when objects, one of its directories or a pack is a link", () => {
    const other = bench.repository();
    git(other, "gc", "-q");
    for (const part of ["objects", "objects/pack", "objects/info", "objects/aa", "objects/pack/pack-1.pack"]) {
      const path = bench.repository();
      const place = join(path, ".git", part);
      rmSync(place, { recursive: true, force: true });
      symlinkSync(join(other, ".git", "objects", "pack"), place);
      const found = findings(path);
      expect(found.map(({ file }) => file)).toContain(place);
    }
  });

  it("is refused when a link stands in the git directory, where git would write through it, except for hooks", () => {
    const path = bench.repository();
    rmSync(join(path, ".git", "hooks"), { recursive: true });
    symlinkSync("../hooks", join(path, ".git", "hooks"));
    expect(findings(path)).toEqual([]);
    rmSync(join(path, ".git", "COMMIT_EDITMSG"));
    symlinkSync(join(bench.path, "victim"), join(path, ".git", "COMMIT_EDITMSG"));
    expect(findings(path).map(({ file }) => file)).toEqual([join(path, ".git", "COMMIT_EDITMSG")]);
    expect(findings(path)[0]?.fix).toBe("delete it inside the container");
  });
});

describe("a workspace that cannot be read", () => {
  it("is one that does not exist, is a file, or has no .git", () => {
    expect(unreadable(join(bench.path, "none"))).toContain("none");
    const file = bench.next("file");
    writeFileSync(file, "");
    expect(unreadable(file)).toContain(file);
    const empty = bench.next("empty");
    mkdirSync(empty);
    expect(unreadable(empty)).toContain("does not exist");
  });

  const spoil: readonly (readonly [string, string, (file: string) => void])[] = [
    ["absent", "does not exist", () => undefined],
    [
      "2 MiB long",
      "is larger than 1048576 bytes",
      (file) => {
        writeFileSync(file, "");
        truncateSync(file, 2_097_152);
      },
    ],
    [
      "malformed",
      "line 2",
      (file) => {
        writeFileSync(file, "[core]\nfsmonitor evil\n");
      },
    ],
    [
      "binary",
      "NUL",
      (file) => {
        writeFileSync(file, Buffer.alloc(100));
      },
    ],
  ];
  it.each(spoil)("is one whose configuration is %s", (_, message, make) => {
    const path = bench.repository();
    const file = join(path, ".git", "config");
    rmSync(file);
    make(file);
    const text = unreadable(path);
    expect(text).toContain(message);
    expect(text).toContain(file);
  });

  it("is one without objects", () => {
    const path = bench.repository();
    rmSync(join(path, ".git", "objects"), { recursive: true });
    expect(unreadable(path)).toContain("has no objects");
  });
});
