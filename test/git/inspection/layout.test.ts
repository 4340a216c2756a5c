import { createServer } from "node:net";
import { once } from "node:events";
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { inspectWorkspace, type Finding } from "../../../host/git/inspection/inspect.ts";
import { git, shell, Workbench } from "./repository.ts";

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

/** A repository in which this place of .git was made anew. */
function spoiled(place: string, make: (path: string) => void): { readonly path: string; readonly at: string } {
  const path = bench.repository();
  const at = join(path, ".git", place);
  rmSync(at, { recursive: true, force: true });
  mkdirSync(join(at, ".."), { recursive: true });
  make(at);
  return { path, at };
}

const isRoot = process.getuid?.() === 0;
const KINDS: readonly (readonly [string, string, (at: string) => void])[] = [
  [
    "a link",
    "is a link",
    (at) => {
      symlinkSync("/etc/hostname", at);
    },
  ],
  [
    "a dangling link",
    "is a link",
    (at) => {
      symlinkSync("nowhere", at);
    },
  ],
  [
    "a FIFO",
    "is a FIFO",
    (at) => {
      shell(`mkfifo ${at}`);
    },
  ],
  ...(isRoot
    ? [
        [
          "a device",
          "is a FIFO, a socket or a device",
          (at: string) => {
            shell(`mknod ${at} c 1 5`);
          },
        ] as const,
      ]
    : []),
];
const FILES = ["HEAD", "packed-refs", "index", "shallow", "config"];
const PLACES = [
  ...FILES,
  "ORIG_HEAD",
  "worktrees",
  "modules",
  "refs",
  "logs",
  "info",
  "refs/heads/main",
  "refs/remotes/origin/a/b",
  "refs/stash",
  "logs/HEAD",
  "logs/refs/heads/main",
  "info/exclude",
  "info/attributes",
  "info/grafts",
  "reftable/tables.list",
  "objects/00",
  "objects/ff",
  "objects/pack/pack-0.idx",
  "objects/info/commit-graph",
];

describe.each(KINDS)("%s", (_, why, make) => {
  it.each(PLACES)("in place of .git/%s is a finding of layout, and nothing waits for it", (place) => {
    const { path, at } = spoiled(place, make);
    const found = findings(path);
    expect(found.map(({ file }) => file)).toContain(at);
    expect(found.find(({ file }) => file === at)?.why).toContain(why);
    expect(new Set(found.map(({ concerns }) => concerns))).toEqual(new Set(["layout"]));
  });
});

describe("a repository's layout", () => {
  it.each(FILES)("is refused with a directory in place of %s", (name) => {
    const { path, at } = spoiled(name, (place) => {
      mkdirSync(place);
    });
    expect(findings(path)).toMatchObject([
      { file: at, concerns: "layout", why: expect.stringContaining("directory") as string },
    ]);
  });

  it("is refused with a socket in place of a file, but not for git's own watcher", async () => {
    const path = bench.repository();
    const server = createServer();
    server.listen(join(path, ".git", "fsmonitor--daemon.ipc"));
    await once(server, "listening");
    const other = createServer();
    try {
      expect(findings(path)).toEqual([]);
      other.listen(join(path, ".git", "shallow"));
      await once(other, "listening");
      expect(findings(path).map(({ file }) => file)).toEqual([join(path, ".git", "shallow")]);
    } finally {
      server.close();
      other.close();
    }
  });

  it("is refused with a configuration that is a link, which is not read", () => {
    const { path, at } = spoiled("config", (place) => {
      writeFileSync(`${place}2`, '[remote "origin"]\n url = git@github.com:o/r\n');
      symlinkSync("config2", place);
    });
    expect(inspectWorkspace(path, [path])).toMatchObject({
      originUrl: undefined,
      config: [],
      findings: [{ file: at }],
    });
  });

  it("is refused with links in a linked worktree's own refs and logs, and in the main ones", () => {
    const [main, linked] = [bench.repository(), bench.next()];
    git(main, "worktree", "add", "-q", linked);
    const all = [main, linked];
    const { gitDir } = inspectWorkspace(linked, all);
    mkdirSync(join(gitDir, "refs", "worktree"), { recursive: true });
    symlinkSync("/x", join(gitDir, "refs", "worktree", "a"));
    symlinkSync("/x", join(main, ".git", "logs", "refs", "b"));
    expect(findings(linked, all).map(({ file }) => file)).toEqual([
      join(gitDir, "refs", "worktree", "a"),
      join(main, ".git", "logs", "refs", "b"),
    ]);
    expect(findings(main, all).map(({ file }) => file)).toEqual([join(main, ".git", "logs", "refs", "b")]);
  });

  it("is refused with links in a submodule's own git directory", () => {
    const [inner, outer] = [bench.repository(), bench.repository()];
    git(outer, "submodule", "--quiet", "add", inner, "sub");
    const at = join(outer, ".git", "modules", "sub", "refs", "heads", "x");
    symlinkSync("/x", at);
    expect(findings(join(outer, "sub"), [outer, join(outer, "sub")]).map(({ file }) => file)).toEqual([at]);
  });

  it("says the first links of very many", () => {
    const path = bench.repository();
    for (let count = 0; count < 200; count++) symlinkSync("/x", join(path, ".git", "refs", `l${count}`));
    expect(findings(path)).toHaveLength(8);
  });

  it("may have up to 16 directories below refs, and is refused with more until they are packed", () => {
    const path = bench.repository();
    const deep = (depth: number): string => Array.from({ length: depth }, () => "d").join("/");
    git(path, "update-ref", `refs/${deep(16)}/x`, "HEAD");
    expect(findings(path)).toEqual([]);
    git(path, "update-ref", "-d", `refs/${deep(16)}/x`);
    git(path, "update-ref", `refs/${deep(17)}/x`, "HEAD");
    expect(findings(path)).toMatchObject([
      { file: join(path, ".git", "refs"), concerns: "layout", fix: "run `git pack-refs --all` inside the container" },
    ]);
    git(path, "pack-refs", "--all");
    expect(findings(path)).toEqual([]);
  });

  it("may have many refs, and is refused with more than 20,000 or 1,000 directories of them", () => {
    const path = bench.repository();
    const refs = join(path, ".git", "refs", "many");
    mkdirSync(refs);
    for (let count = 0; count < 900; count++) mkdirSync(join(refs, `d${count}`));
    expect(findings(path)).toEqual([]);
    for (let count = 900; count < 1_000; count++) mkdirSync(join(refs, `d${count}`));
    expect(findings(path)[0]?.why).toBe("holds more than 1000 directories");
    rmSync(refs, { recursive: true });
    mkdirSync(refs);
    for (let count = 0; count < 19_900; count++) writeFileSync(join(refs, `f${count}`), "");
    expect(findings(path)).toEqual([]);
    for (let count = 19_900; count < 20_000; count++) writeFileSync(join(refs, `f${count}`), "");
    expect(findings(path)[0]?.why).toBe("holds more than 20000 entries");
  });

  it("that git would pass over for a repository in the work tree itself is refused", () => {
    const good = ["refs", "objects", "HEAD"];
    for (const [place, make] of [
      ["HEAD", undefined],
      [
        "HEAD",
        (at: string): void => {
          writeFileSync(at, "hello\n");
        },
      ],
      [
        "HEAD",
        (at: string): void => {
          writeFileSync(at, "ref: elsewhere\n");
        },
      ],
      ["refs", undefined],
      [
        "refs",
        (at: string): void => {
          writeFileSync(at, "");
        },
      ],
    ] as const) {
      const path = bench.repository();
      for (const name of good) shell(`cp -r ${join(path, ".git", name)} ${join(path, name)}`);
      writeFileSync(join(path, "config"), "[core]\n sshCommand = evil\n");
      expect(findings(path)).toEqual([]);
      rmSync(join(path, ".git", place), { recursive: true });
      make?.(join(path, ".git", place));
      // git takes the work tree for a bare repository, with a configuration that nobody looked at.
      expect(git(path, "config", "core.sshCommand").trim()).toBe("evil");
      expect(findings(path)).toMatchObject([{ file: join(path, ".git", place), concerns: "layout" }]);
    }
  });

  it("is fine with a HEAD on a commit, on a branch that is not born yet, and of either hash", () => {
    for (const format of ["sha1", "sha256"]) {
      const path = bench.repository(`--object-format=${format}`);
      git(path, "switch", "-q", "--detach");
      expect(findings(path)).toEqual([]);
      git(path, "switch", "-q", "--orphan", "new");
      expect(findings(path)).toEqual([]);
    }
  });

  it("is told apart from its configuration", () => {
    const path = bench.repository();
    symlinkSync("/x", join(path, ".git", "refs", "l"));
    shell(`git -C ${path} config core.pager evil && git -C ${path} config extensions.future x`);
    expect(findings(path).map(({ key, concerns }) => [key, concerns])).toEqual([
      [undefined, "layout"],
      ["extensions.future", "layout"],
      ["core.pager", "configuration"],
    ]);
  });
});
