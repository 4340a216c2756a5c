import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { inspectWorkspace, type Finding } from "../../../host/git/inspection/inspect.ts";
import { configure, git, shell, Workbench } from "./repository.ts";

let bench: Workbench;
beforeAll(() => {
  bench = new Workbench();
});
afterAll(() => {
  bench.remove();
});

function findings(path: string, projectPaths: readonly string[] = [path]): readonly Finding[] {
  return inspectWorkspace(path, projectPaths).findings;
}

/** A repository that reads config.worktree, with this content. */
function repository(content: string): { readonly path: string; readonly file: string } {
  const path = bench.repository();
  const file = join(path, ".git", "config.worktree");
  configure(path, "[extensions]\n worktreeConfig = true");
  writeFileSync(file, content);
  return { path, file };
}

describe("config.worktree", () => {
  it("does not matter while git does not read it", () => {
    const path = bench.repository();
    writeFileSync(join(path, ".git", "config.worktree"), '[url "evil:"]\n insteadOf = git@github.com:\n');
    expect(findings(path)).toEqual([]);
    configure(path, "[extensions]\n worktreeConfig = false");
    expect(findings(path)).toEqual([]);
  });

  it("is harmless as git sparse-checkout writes it", () => {
    const path = bench.repository();
    git(path, "sparse-checkout", "set", "--cone", "x");
    expect(git(path, "config", "--worktree", "core.sparseCheckout").trim()).toBe("true");
    expect(findings(path)).toEqual([]);
  });

  it.each([
    ["include.path", "[include]\n path = ../hidden"],
    ["include.path", "[INCLUDE]\n PaTh = ../hidden"],
    ["include.x.path", '[include "x"]\n path = ../hidden'],
    ["includeif.gitdir:/.path", '[IncludeIf "gitdir:/"]\n path = ../hidden'],
    ["includeif.onbranch:main.path", '[includeIf "onbranch:main"]\n path = ../hidden'],
    ["includeif.hasconfig:remote.*.url:*.path", '[includeIf "hasconfig:remote.*.url:*"]\n path = x'],
    ["core.fsmonitor", "[core]\n fsmonitor = /tmp/evil"],
    ["core.worktree", "[core]\n worktree = /etc"],
    ["core.bare", "[core]\n bare = true"],
    ["url.evil:.insteadof", '[url "evil:"]\n insteadOf = git@github.com:'],
    ["filter.lfs.process", '[filter "lfs"]\n process = git-lfs filter-process'],
  ])("with %s is refused by file and line, and repaired by the command that is shown", (key, text) => {
    const { path, file } = repository(`[core]\n sparseCheckout = true\n${text}\n`);
    const [finding, ...more] = findings(path);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({ file, key, line: 4, concerns: "configuration" });
    expect(finding?.fix).toContain(`git config --file ${file} --unset-all `);
    shell(finding?.fix ?? "");
    expect(findings(path)).toEqual([]);
    expect(inspectWorkspace(path, [path]).config.map((entry) => entry.key)).toContain("sparsecheckout");
  });

  it("is what sends git elsewhere, as git itself shows", () => {
    const { path } = repository('[url "git@evil.example:"]\n pushInsteadOf = git@github.com:\n');
    expect(git(path, "remote", "get-url", "--push", "origin")).toContain("evil.example");
    expect(findings(path)).toHaveLength(1);
  });

  it("with another origin is refused, and its origin is the one that git takes", () => {
    const { path, file } = repository('[remote "origin"]\n url = git@evil.example:x/y\n');
    expect(inspectWorkspace(path, [path])).toMatchObject({
      originUrl: "git@evil.example:x/y",
      findings: [{ file, key: "remote.origin.url" }],
    });
    expect(git(path, "config", "remote.origin.url").trim()).toBe("git@evil.example:x/y");
  });

  it("is each linked worktree's own", () => {
    const [main, linked] = [bench.repository(), bench.next()];
    git(main, "worktree", "add", "-q", linked);
    git(main, "config", "extensions.worktreeConfig", "true");
    git(linked, "config", "--worktree", "core.pager", "evil");
    expect(findings(main, [main, linked])).toEqual([]);
    expect(findings(linked, [main, linked]).map(({ key }) => key)).toEqual(["core.pager"]);
  });

  it("makes git obey core.worktree in a linked worktree, so that only its own directory is accepted", () => {
    const [main, linked, other] = [bench.repository(), bench.next(), bench.repository()];
    git(main, "worktree", "add", "-q", linked);
    const all = [main, linked, other];
    configure(main, `[core]\n worktree = ${main}`);
    expect(git(linked, "rev-parse", "--show-toplevel").trim()).toBe(linked);
    expect(findings(linked, all)).toEqual([]);
    git(main, "config", "extensions.worktreeConfig", "true");
    git(main, "config", "core.worktree", other);
    expect(git(linked, "rev-parse", "--show-toplevel").trim()).toBe(other);
    expect(findings(linked, all).map(({ key }) => key)).toEqual(["core.worktree"]);
    git(main, "config", "--unset-all", "core.worktree");
    git(linked, "config", "--worktree", "core.worktree", other);
    expect(findings(linked, all).map(({ key }) => key)).toEqual(["core.worktree"]);
    git(linked, "config", "--worktree", "core.worktree", linked);
    expect(findings(linked, all)).toEqual([]);
  });

  it.each([
    [
      "a link",
      (file: string) => {
        symlinkSync("config", file);
      },
    ],
    [
      "a dangling link",
      (file: string) => {
        symlinkSync("nowhere", file);
      },
    ],
    [
      "a FIFO",
      (file: string) => {
        shell(`mkfifo ${file}`);
      },
    ],
    [
      "a directory",
      (file: string) => {
        mkdirSync(file);
      },
    ],
  ])("is refused unread when it is %s", (_, make) => {
    const { path, file } = repository("");
    shell(`rm ${file}`);
    make(file);
    expect(findings(path)).toMatchObject([{ file, concerns: "layout" }]);
  });

  it.each([
    ["malformed", "[core\n", "line 2"],
    ["binary", "\0", "NUL"],
  ])("makes the workspace unreadable when it is %s", (_, content, message) => {
    const { path, file } = repository(content);
    expect(() => findings(path)).toThrow(expect.objectContaining({ code: "workspace_unreadable" }) as Error);
    expect(() => findings(path)).toThrow(message);
    expect(() => findings(path)).toThrow(file);
  });

  it("makes the workspace unreadable when it is larger than 1 MiB", () => {
    const { path, file } = repository("");
    truncateSync(file, 1_048_577);
    expect(() => findings(path)).toThrow("is larger than 1048576 bytes");
  });
});
