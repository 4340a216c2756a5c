import { readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeFinding, inspectWorkspace } from "../../../host/git/inspection/inspect.ts";
import { configure, git, ORIGIN, Workbench } from "./repository.ts";

let bench: Workbench;
beforeAll(() => {
  bench = new Workbench();
});
afterAll(() => {
  bench.remove();
});

function complaints(path: string, projectPaths: readonly string[] = [path]): readonly string[] {
  return inspectWorkspace(path, projectPaths).findings.map(describeFinding);
}

describe("a workspace that git itself made", () => {
  it("is trusted after git init, and its facts are given", () => {
    const path = bench.repository();
    expect(inspectWorkspace(path, [path])).toEqual({
      gitDir: join(path, ".git"),
      commonDir: join(path, ".git"),
      originUrl: ORIGIN,
      objectFormat: "sha1",
      refFormat: "files",
      partialCloneOf: undefined,
      config: [
        { section: "core", subsection: undefined, key: "repositoryformatversion", value: "0", line: 2 },
        { section: "core", subsection: undefined, key: "filemode", value: "true", line: 3 },
        { section: "core", subsection: undefined, key: "bare", value: "false", line: 4 },
        { section: "core", subsection: undefined, key: "logallrefupdates", value: "true", line: 5 },
        { section: "remote", subsection: "origin", key: "url", value: ORIGIN, line: 7 },
        {
          section: "remote",
          subsection: "origin",
          key: "fetch",
          value: "+refs/heads/*:refs/remotes/origin/*",
          line: 8,
        },
      ],
      findings: [],
    });
  });

  it("is trusted with every object format that this git knows", () => {
    expect(complaints(bench.repository("--object-format=sha256"))).toEqual([]);
    expect(complaints(bench.repository("--shared=group"))).toEqual([]);
  });

  it("is trusted after a clone, a shallow clone, a partial clone and a pack", () => {
    const source = bench.repository();
    const url = `file://${source}`;
    for (const options of [[], ["--depth=1"], ["--filter=blob:none"], ["--no-local"], ["--single-branch"]]) {
      const path = bench.next();
      git(bench.path, "clone", "-q", ...options, url, path);
      expect(complaints(path)).toEqual([]);
      git(path, "gc", "-q");
      git(path, "pack-refs", "--all");
      git(path, "switch", "-q", "-c", "topic", "--track", "origin/main");
      expect(complaints(path)).toEqual([]);
      expect(inspectWorkspace(path, [path]).originUrl).toBe(url);
    }
  });

  it("is trusted as a submodule, also nested, when the outer workspace belongs to the project", () => {
    const [inner, middle, outer] = [bench.repository(), bench.repository(), bench.repository()];
    git(middle, "submodule", "--quiet", "add", inner, "deep/inner");
    git(middle, "commit", "-q", "-m", "inner");
    git(outer, "submodule", "--quiet", "add", middle, "middle");
    git(outer, "submodule", "--quiet", "update", "--init", "--recursive");
    const [first, second] = [join(outer, "middle"), join(outer, "middle", "deep", "inner")];
    expect(complaints(outer)).toEqual([]);
    expect(complaints(first, [outer, first])).toEqual([]);
    expect(complaints(second, [outer, second])).toEqual([]);
    expect(inspectWorkspace(first, [first, outer])).toMatchObject({
      gitDir: join(outer, ".git", "modules", "middle"),
      originUrl: middle,
    });
  });

  it("is refused as a submodule when the outer workspace does not belong to the project", () => {
    const [inner, outer] = [bench.repository(), bench.repository()];
    git(outer, "submodule", "--quiet", "add", inner, "sub");
    const found = complaints(join(outer, "sub"));
    expect(found.join()).toContain("points outside the git directories of the project's workspaces");
    expect(found.join()).toContain("repo_paths");
  });

  it("is trusted as a linked worktree when the main work tree belongs to the project, with the main one's origin", () => {
    const main = bench.repository();
    const linked = bench.next();
    git(main, "worktree", "add", "-q", linked);
    expect(complaints(main)).toEqual([]);
    expect(complaints(linked, [main, linked])).toEqual([]);
    const facts = inspectWorkspace(linked, [main, linked]);
    expect(facts.commonDir).toBe(join(main, ".git"));
    expect(facts.gitDir.startsWith(join(main, ".git", "worktrees"))).toBe(true);
    expect(facts.originUrl).toBe(ORIGIN);
    expect(complaints(linked).join()).toContain("points outside");
  });

  it("is trusted as a linked worktree of a submodule", () => {
    const [inner, outer, linked] = [bench.repository(), bench.repository(), bench.next()];
    git(outer, "submodule", "--quiet", "add", inner, "sub");
    git(join(outer, "sub"), "worktree", "add", "-q", linked);
    expect(complaints(linked, [outer, join(outer, "sub"), linked])).toEqual([]);
  });

  it("is trusted when the owner reaches it over a link, also with a core.worktree that uses the link", () => {
    const path = bench.repository();
    const link = bench.next("link");
    symlinkSync(path, link);
    configure(path, `[core]\n\tworktree = ${link}`);
    expect(inspectWorkspace(link, [link])).toMatchObject({ gitDir: join(path, ".git"), findings: [] });
  });

  it("is trusted after the commands that people use every day", () => {
    const path = bench.next();
    git(bench.path, "clone", "-q", bench.repository(), path);
    for (const args of [
      ["switch", "-q", "-c", "topic"],
      ["branch", "--set-upstream-to=origin/main"],
      ["branch", "--edit-description"],
      ["remote", "add", "-t", "main", "--no-tags", "upstream", "https://github.com/other/repo"],
      ["remote", "set-url", "--push", "upstream", "DISABLED"],
      ["remote", "set-branches", "--add", "origin", "x"],
      ["config", "user.email", "me@example.org"],
      ["config", "pull.rebase", "true"],
      ["notes", "add", "-m", "x"],
      ["stash", "list"],
      ["maintenance", "run", "--quiet"],
      ["update-index", "--untracked-cache"],
    ]) {
      git(path, "-c", "core.editor=true", ...args);
    }
    expect(complaints(path)).toEqual([]);
  });
});

/** Configurations that common tools leave behind. */
const REAL_LIFE: readonly (readonly [string, string])[] = [
  ["macOS", "[core]\n ignorecase = true\n precomposeunicode = true"],
  ["Windows", "[core]\n symlinks = false\n ignorecase = true\n fscache = true\n longpaths = true\n autocrlf = true"],
  [
    "a v1 repository",
    "[core]\n repositoryformatversion = 1\n[extensions]\n objectformat = sha1\n refstorage = reftable",
  ],
  [
    "a partial clone",
    '[extensions]\n partialClone = origin\n[remote "origin"]\n promisor = true\n partialclonefilter = blob:none',
  ],
  [
    "a name and a key",
    '[user]\n name = Jörg "Ü"\n email = j@x\n signingkey = ~/.ssh/id_ed25519.pub\n[author]\n name = x',
  ],
  [
    "GitHub Desktop",
    '[remote "github-desktop-someone"]\n url = https://github.com/someone/r.git\n fetch = +refs/heads/*:refs/remotes/github-desktop-someone/*\n[submodule]\n active = .\n[lfs]\n repositoryformatversion = 0\n[credential]\n useHttpPath = true',
  ],
  [
    "Git LFS",
    '[lfs]\n repositoryformatversion = 0\n[lfs "https://github.com/o/r.git/info/lfs"]\n access = basic\n locksverify = false',
  ],
  [
    "VS Code",
    '[branch "topic"]\n remote = origin\n merge = refs/heads/topic\n vscode-merge-base = origin/main\n github-pr-owner-number = "o#r#12"\n[remote "x"]\n url = https://github.com/x/r\n github-pr-remote = true',
  ],
  ["GitLens", '[branch "topic"]\n gk-merge-target = origin/main\n gk-last-accessed = 2026-01-01T00:00:00.000Z'],
  [
    "gh",
    '[remote "origin"]\n gh-resolved = base\n[branch "fix"]\n remote = https://github.com/fork/r.git\n merge = refs/heads/fix\n pushremote = https://github.com/fork/r.git\n gh-merge-base = main',
  ],
  [
    "git-flow",
    '[gitflow "branch"]\n master = main\n develop = develop\n[gitflow "prefix"]\n feature = feature/\n versiontag = v',
  ],
  [
    "git maintenance",
    '[maintenance]\n auto = false\n strategy = incremental\n[maintenance "prefetch"]\n enabled = true\n schedule = hourly',
  ],
  [
    "scalar",
    "[core]\n multiPackIndex = true\n preloadIndex = true\n untrackedCache = true\n fsmonitor = false\n[index]\n skipHash = false\n version = 4\n threads = true\n[gc]\n auto = 0\n[fetch]\n unpackLimit = 1\n writeCommitGraph = false\n showForcedUpdates = false\n[pack]\n useSparse = true\n useBitmaps = false\n[status]\n aheadBehind = false\n[log]\n excludeDecoration = refs/prefetch/*\n[feature]\n manyFiles = false\n experimental = false\n[commitGraph]\n generationVersion = 1\n[merge]\n stat = false\n renames = true",
  ],
  [
    "taste",
    '[pull]\n rebase = merges\n ff = only\n[push]\n default = current\n autoSetupRemote = true\n followTags = true\n[fetch]\n prune = true\n[rerere]\n enabled\n[merge]\n conflictstyle = zdiff3\n[diff]\n algorithm = histogram\n colorMoved = zebra\n[rebase]\n autosquash = true\n autostash = true\n updateRefs = true\n[commit]\n verbose = true\n gpgsign = false\n[color]\n ui = auto\n[color "diff"]\n meta = yellow\n[advice]\n detachedHead = false\n[log]\n date = iso\n[column]\n ui = auto\n[branch]\n sort = -committerdate\n[tag]\n sort = version:refname',
  ],
  [
    "prompts",
    "[oh-my-zsh]\n hide-dirty = 1\n[bash]\n showDirtyState = false\n[devcontainers-theme]\n hide-status = 1\n show-dirty = 0",
  ],
  [
    "submodules",
    '[submodule "lib/x"]\n url = ../x.git\n active = true\n update = rebase\n branch = main\n[submodule]\n recurse = false',
  ],
  [
    "harmless diff drivers",
    '[diff "ada"]\n xfuncname = "^ *(procedure|function)"\n wordRegex = "[a-z]+"\n[trailer "sign"]\n key = "Signed-off-by: "\n ifexists = addIfDifferent',
  ],
  [
    "slow networks",
    "[http]\n postBuffer = 524288000\n version = HTTP/1.1\n lowSpeedTime = 60\n[protocol]\n version = 2",
  ],
  [
    "git-gui and gitg",
    "[gui]\n wmstate = normal\n geometry = 1061x563+0+0 233 255\n[gitg]\n mainline = refs/heads/main",
  ],
  [
    "mail",
    "[format]\n subjectPrefix = PATCH\n signOff = true\n[sendemail]\n to = list@example.org\n suppresscc = self",
  ],
  ["a user name for a host", '[credential "https://github.com"]\n username = someone'],
];

describe("a workspace whose configuration was written by", () => {
  it.each(REAL_LIFE)("%s is trusted", (_, text) => {
    const path = bench.repository();
    configure(path, text);
    expect(complaints(path)).toEqual([]);
    const file = join(path, ".git", "config");
    writeFileSync(file, readFileSync(file, "utf8").replaceAll("\n", "\r\n"));
    expect(complaints(path)).toEqual([]);
  });
});

describe("the format of a repository", () => {
  it.each(["sha1", "sha256"] as const)("has the objects' hash %s that git init was asked for", (objectFormat) => {
    const path = bench.repository(`--object-format=${objectFormat}`);
    expect(inspectWorkspace(path, [path])).toMatchObject({ objectFormat, refFormat: "files", findings: [] });
    expect(git(path, "rev-parse", "--show-object-format").trim()).toBe(objectFormat);
  });

  it("has the refs in a reftable when the configuration says so, in any case and the last time", () => {
    const path = bench.repository();
    configure(path, "[extensions]\n refStorage = files\n[EXTENSIONS]\n REFSTORAGE = RefTable");
    expect(inspectWorkspace(path, [path])).toMatchObject({ refFormat: "reftable", findings: [] });
  });

  it("is not what a worktree's configuration or a subsection says", () => {
    const path = bench.repository();
    configure(path, "[extensions]\n worktreeConfig = true");
    writeFileSync(join(path, ".git", "config.worktree"), "[extensions]\n objectFormat = sha256\n");
    expect(inspectWorkspace(path, [path])).toMatchObject({ objectFormat: "sha1", findings: [] });
    configure(path, '[extensions "x"]\n refStorage = reftable');
    const { refFormat, findings } = inspectWorkspace(path, [path]);
    expect([refFormat, findings.map(({ key }) => key)]).toEqual(["files", ["extensions.x.refstorage"]]);
  });

  it("names the remote of a partial clone, by the extension or by the remote's own mark", () => {
    const source = bench.repository();
    git(source, "config", "uploadpack.allowFilter", "true");
    const path = bench.next();
    git(bench.path, "clone", "-q", "--filter=blob:none", `file://${source}`, path);
    expect(inspectWorkspace(path, [path])).toMatchObject({ partialCloneOf: "origin", findings: [] });
    const older = bench.repository();
    configure(older, "[extensions]\n partialClone = origin");
    expect(inspectWorkspace(older, [older])).toMatchObject({ partialCloneOf: "origin", findings: [] });
    const other = bench.repository();
    configure(other, "[extensions]\n partialClone = elsewhere");
    expect(inspectWorkspace(other, [other])).toMatchObject({
      partialCloneOf: "elsewhere",
      findings: [{ key: "extensions.partialclone", concerns: "configuration" }],
    });
  });
});

describe("the entries that are handed on", () => {
  it("are those of config, then those of config.worktree, as git lists them", () => {
    const path = bench.repository();
    git(path, "sparse-checkout", "set", "--cone", "x");
    const { config, findings } = inspectWorkspace(path, [path]);
    expect(findings).toEqual([]);
    const listed = git(path, "config", "--list", "--show-scope")
      .split("\n")
      .filter((line) => /^(?:local|worktree)\t/.test(line))
      .map((line) => line.replace(/^\w+\t/, ""));
    expect(listed).toContain("core.sparsecheckout=true");
    expect(
      config.map(({ section, subsection, key, value }) =>
        [section, subsection, key]
          .filter((part) => part !== undefined)
          .join(".")
          .concat(`=${value ?? ""}`),
      ),
    ).toEqual(listed);
  });

  it("never hold what is refused", () => {
    const path = bench.repository();
    configure(path, "[core]\n sshCommand = evil\n abbrev = 9\n[include]\n path = x");
    const keys = inspectWorkspace(path, [path]).config.map(({ key }) => key);
    expect(keys).toContain("abbrev");
    expect(keys.filter((key) => ["sshcommand", "path"].includes(key))).toEqual([]);
  });

  it("of a linked worktree are the main configuration's and its own worktree configuration's", () => {
    const [main, linked] = [bench.repository(), bench.next()];
    git(main, "worktree", "add", "-q", linked);
    git(main, "config", "extensions.worktreeConfig", "true");
    git(main, "config", "--worktree", "core.abbrev", "7");
    git(linked, "config", "--worktree", "core.abbrev", "9");
    const abbrev = (path: string): readonly (string | undefined)[] =>
      inspectWorkspace(path, [main, linked])
        .config.filter(({ key }) => key === "abbrev")
        .map(({ value }) => value);
    expect([abbrev(main), abbrev(linked)]).toEqual([["7"], ["9"]]);
  });
});

describe("the address of origin", () => {
  it("is unknown when there is no origin", () => {
    const path = bench.repository();
    git(path, "remote", "remove", "origin");
    expect(inspectWorkspace(path, [path])).toMatchObject({ originUrl: undefined, findings: [] });
  });

  it("is the one that git would say, however the section is spelled", () => {
    const path = bench.repository();
    git(path, "remote", "remove", "origin");
    configure(path, '[REMOTE.ORIGIN]\nURL = "https://github.com/o/r" ; c');
    const facts = inspectWorkspace(path, [path]);
    expect(facts).toMatchObject({ originUrl: "https://github.com/o/r", findings: [] });
    expect(facts.originUrl).toBe(git(path, "remote", "get-url", "origin").trim());
  });

  it("may be repeated, but not with another value", () => {
    const path = bench.repository();
    configure(path, `[remote "origin"]\n url = ${ORIGIN}`);
    expect(complaints(path)).toEqual([]);
    configure(path, '[remote "origin"]\n url = git@evil.example:x/y');
    expect(complaints(path).join()).toContain("several addresses");
  });
});
