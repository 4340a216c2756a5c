import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CodedError } from "../../../wire/errors.ts";
import { inspectWorkspace, WorkspaceInspector } from "../../../host/git/inspection/inspect.ts";
import { configure, git, ORIGIN, Workbench } from "./repository.ts";

let bench: Workbench;
beforeAll(() => {
  bench = new Workbench();
});
afterAll(() => {
  bench.remove();
});

/** Longer than the margin within which a change is too fresh to be remembered. */
const SETTLE_MS = 80;

async function settled(): Promise<string> {
  const path = bench.repository();
  await sleep(SETTLE_MS);
  return path;
}

describe("WorkspaceInspector", () => {
  it("says the same as inspectWorkspace, and gives the same object while nothing changes", async () => {
    const path = await settled();
    const inspector = new WorkspaceInspector();
    const first = inspector.inspect(path, [path]);
    expect(first).toEqual(inspectWorkspace(path, [path]));
    expect(inspector.inspect(path, [path])).toBe(first);
    expect(inspector.size).toBe(1);
  });

  it("does not remember what was changed a moment ago", () => {
    const path = bench.repository();
    const inspector = new WorkspaceInspector();
    writeFileSync(join(path, ".git", "fresh"), "");
    inspector.inspect(path, [path]);
    expect(inspector.size).toBe(0);
  });

  it("does not remember a directory whose times lie in the future", async () => {
    const path = await settled();
    utimesSync(join(path, ".git", "objects"), new Date(), new Date(Date.now() + 3_600_000));
    await sleep(SETTLE_MS);
    const inspector = new WorkspaceInspector();
    inspector.inspect(path, [path]);
    expect(inspector.size).toBe(0);
  });

  it("never serves a stale answer while the configuration is rewritten in place, with the same size and old times", async () => {
    const path = await settled();
    configure(path, "[core]\n  filemode = true");
    const file = join(path, ".git", "config");
    const good = readFileSync(file);
    const bad = Buffer.from(good.toString().replace(" filemode = true\n", " fsmonitor = evi\n"));
    expect(bad.length).toBe(good.length);
    await sleep(SETTLE_MS);
    const inspector = new WorkspaceInspector();
    inspector.inspect(path, [path]);
    expect(inspector.size).toBe(1);
    const fd = openSync(file, "r+");
    try {
      for (let round = 0; round < 400; round++) {
        writeSync(fd, bad, 0, bad.length, 0);
        utimesSync(file, 1_000_000, 1_000_000);
        expect(inspector.inspect(path, [path]).findings).toHaveLength(1);
        writeSync(fd, good, 0, good.length, 0);
        utimesSync(file, 1_000_000, 1_000_000);
        expect(inspector.inspect(path, [path]).findings).toHaveLength(0);
      }
    } finally {
      closeSync(fd);
    }
  });

  it("never serves a stale answer while alternates come and go", async () => {
    const path = await settled();
    const inspector = new WorkspaceInspector();
    const file = join(path, ".git", "objects", "info", "alternates");
    for (let round = 0; round < 200; round++) {
      if (round % 20 === 0) await sleep(SETTLE_MS);
      expect(inspector.inspect(path, [path]).findings).toHaveLength(0);
      writeFileSync(file, "/elsewhere\n");
      expect(inspector.inspect(path, [path]).findings).toHaveLength(1);
      rmSync(file);
    }
  });

  const changes: readonly (readonly [string, (path: string) => void])[] = [
    [
      "a worktree configuration",
      (path) => {
        writeFileSync(join(path, ".git", "config.worktree"), "[core]\n sshCommand = evil\n");
      },
    ],
    [
      "a commondir",
      (path) => {
        writeFileSync(join(path, ".git", "commondir"), "/elsewhere\n");
      },
    ],
    [
      "alternates with content",
      (path) => {
        writeFileSync(join(path, ".git", "objects", "info", "alternates"), "/x\n");
      },
    ],
    [
      "a link among the objects",
      (path) => {
        symlinkSync("/x", join(path, ".git", "objects", "ab"));
      },
    ],
    [
      "a link among the packs",
      (path) => {
        symlinkSync("/x", join(path, ".git", "objects", "pack", "p.pack"));
      },
    ],
    [
      "a link in the git directory",
      (path) => {
        symlinkSync("/x", join(path, ".git", "ORIG_HEAD"));
      },
    ],
    [
      "a link in place of a branch",
      (path) => {
        rmSync(join(path, ".git", "refs", "heads", "main"));
        symlinkSync("/x", join(path, ".git", "refs", "heads", "main"));
      },
    ],
    [
      "a link in a new directory of refs",
      (path) => {
        mkdirSync(join(path, ".git", "refs", "a", "b"), { recursive: true });
        symlinkSync("/x", join(path, ".git", "refs", "a", "b", "c"));
      },
    ],
    [
      "a link deep in the logs",
      (path) => {
        symlinkSync("/x", join(path, ".git", "logs", "refs", "heads", "other"));
      },
    ],
    [
      "attributes that are a link",
      (path) => {
        symlinkSync("/x", join(path, ".git", "info", "attributes"));
      },
    ],
    [
      "a HEAD without a meaning, written in place with old times",
      (path) => {
        const file = join(path, ".git", "HEAD");
        const fd = openSync(file, "r+");
        writeSync(fd, "xxx", 0);
        closeSync(fd);
        utimesSync(file, 1_000_000, 1_000_000);
      },
    ],
  ];
  it.each(changes)("notices %s that appears later", async (_, change) => {
    const path = await settled();
    configure(path, "[extensions]\n worktreeConfig = true");
    const inspector = new WorkspaceInspector();
    inspector.inspect(path, [path]);
    expect(inspector.size).toBe(1);
    change(path);
    expect(inspector.inspect(path, [path]).findings).toHaveLength(1);
    expect(inspector.size).toBe(0);
  });

  it("notices a worktree configuration that is rewritten in place, with the same size and old times", async () => {
    const path = bench.repository();
    git(path, "sparse-checkout", "set", "--cone", "x");
    const file = join(path, ".git", "config.worktree");
    const good = "[core]\n  sparseCheckout = true\n";
    writeFileSync(file, good);
    await sleep(SETTLE_MS);
    const inspector = new WorkspaceInspector();
    expect(inspector.inspect(path, [path]).findings).toEqual([]);
    expect(inspector.size).toBe(1);
    const fd = openSync(file, "r+");
    writeSync(fd, good.replace("sparseCheckout = true", "sshCommand = evilllll"), 0);
    closeSync(fd);
    utimesSync(file, 1_000_000, 1_000_000);
    expect(inspector.inspect(path, [path]).findings.map(({ key }) => key)).toEqual(["core.sshcommand"]);
  });

  it("looks only at directories again: a thousand branches that stay as they are cost nothing", async () => {
    const path = bench.repository();
    const heads = join(path, ".git", "refs", "heads", "many");
    mkdirSync(heads);
    const inspector = new WorkspaceInspector();
    for (let count = 0; count < 1_000; count++) writeFileSync(join(heads, `b${count}`), "");
    await sleep(SETTLE_MS);
    const first = inspector.inspect(path, [path]);
    // What a branch says is read when it is needed; that it changes is no reason to look again.
    const fd = openSync(join(heads, "b1"), "r+");
    writeSync(fd, "0".repeat(40));
    closeSync(fd);
    expect(inspector.inspect(path, [path])).toBe(first);
  });

  it("notices that a workspace is gone, or another one stands in its place", async () => {
    const [path, other] = [await settled(), await settled()];
    const link = bench.next("link");
    symlinkSync(path, link);
    const inspector = new WorkspaceInspector();
    expect(inspector.inspect(link, [link]).gitDir).toBe(join(path, ".git"));
    rmSync(link);
    expect(() => inspector.inspect(link, [link])).toThrow(CodedError);
    symlinkSync(other, link);
    expect(inspector.inspect(link, [link]).gitDir).toBe(join(other, ".git"));
  });

  it("notices changed pointers of a submodule and of a linked worktree", async () => {
    const [inner, outer, linked] = [bench.repository(), bench.repository(), bench.next()];
    git(outer, "submodule", "--quiet", "add", inner, "sub");
    git(outer, "worktree", "add", "-q", linked);
    const sub = join(outer, "sub");
    await sleep(SETTLE_MS);
    const inspector = new WorkspaceInspector();
    const all = [outer, sub, linked];
    for (const path of all) inspector.inspect(path, all);
    expect(inspector.size).toBe(3);
    writeFileSync(join(sub, ".git"), "gitdir: ../.git/modules/sux\n");
    expect(inspector.inspect(sub, all).findings).toHaveLength(1);
    writeFileSync(join(inspectWorkspace(linked, all).gitDir, "commondir"), "../.\n");
    expect(inspector.inspect(linked, all).findings).toHaveLength(1);
  });

  it("asks again for other project paths", async () => {
    const [main, linked] = [bench.repository(), bench.next()];
    git(main, "worktree", "add", "-q", linked);
    await sleep(SETTLE_MS);
    const inspector = new WorkspaceInspector();
    expect(inspector.inspect(linked, [main, linked]).findings).toHaveLength(0);
    expect(inspector.inspect(linked, [linked]).findings).toHaveLength(1);
  });

  it("remembers 256 workspaces at most, and forgets the oldest", async () => {
    const path = await settled();
    const inspector = new WorkspaceInspector();
    const first = inspector.inspect(path, [path]);
    for (let count = 0; count < 300; count++) inspector.inspect(path, [path, `/nowhere/${count}`]);
    expect(inspector.size).toBe(256);
    expect(inspector.inspect(path, [path])).not.toBe(first);
  });

  it("answers a repeated question much faster than a first one", async () => {
    const path = await settled();
    const inspector = new WorkspaceInspector();
    const median = (work: () => void): number => {
      const times = Array.from({ length: 301 }, () => {
        const start = process.hrtime.bigint();
        work();
        return Number(process.hrtime.bigint() - start) / 1_000;
      });
      return times.sort((one, other) => one - other)[150] ?? Number.NaN;
    };
    const miss = median(() => inspectWorkspace(path, [path]));
    const hit = median(() => inspector.inspect(path, [path]));
    expect(hit).toBeLessThan(miss / 2);
  });

  it.runIf(process.platform === "linux")(
    "reads nothing of another repository while .git is swapped for a link to it",
    async () => {
      const [path, other] = [bench.repository(), bench.repository()];
      git(other, "remote", "set-url", "origin", "git@github.com:secret/other.git");
      const dotGit = join(path, ".git");
      const program = `
      const { renameSync, symlinkSync, rmSync } = require("node:fs");
      const [dotGit, other] = process.argv.slice(1);
      process.on("disconnect", () => process.exit());
      process.send("ready");
      (function loop() {
        for (let n = 0; n < 200; n++) {
          renameSync(dotGit, dotGit + "-kept");
          symlinkSync(other, dotGit);
          rmSync(dotGit);
          renameSync(dotGit + "-kept", dotGit);
        }
        setImmediate(loop);
      })();`;
      const child = spawn(process.execPath, ["-e", program, dotGit, join(other, ".git")], {
        stdio: ["ignore", "ignore", "inherit", "ipc"],
      });
      await once(child, "message");
      const inspector = new WorkspaceInspector();
      const seen = new Map<string, number>();
      const until = Date.now() + 1_500;
      while (Date.now() < until) {
        let outcome: string;
        try {
          const facts = inspector.inspect(path, [path]);
          outcome = facts.findings[0]?.why ?? facts.originUrl ?? "no origin";
        } catch (error) {
          if (!(error instanceof CodedError)) throw error;
          outcome = error.code;
        }
        seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
      }
      child.disconnect();
      await once(child, "exit");
      const expected = new Set([ORIGIN, "is a link, so the repository lies elsewhere", "workspace_unreadable"]);
      expect([...seen.keys()].filter((outcome) => !expected.has(outcome))).toEqual([]);
      expect(seen.size).toBeGreaterThan(1);
    },
  );
});
