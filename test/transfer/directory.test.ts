import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  statSync,
  utimesSync,
  writeFileSync,
  chmodSync,
  chownSync,
  readdirSync,
} from "node:fs";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { DirHandleError, type Reach } from "../../host/util/dir-handle.ts";
import { errnoOf } from "../../wire/errors.ts";
import { Directory } from "../../transfer/directory.ts";
import { Merge } from "../../transfer/merge.ts";
import { Stage } from "../../transfer/stage.ts";
import { atEnd, tempDirectory } from "../fixtures/temp.ts";
import { makeTree, readTree, type Node } from "./trees.ts";

let top = "";
let directory: Directory;
beforeEach(() => {
  top = tempDirectory();
  chmodSync(top, 0o755);
  mkdirSync(join(top, "d"));
  writeFileSync(join(top, "d", "f"), "x");
  symlinkSync("d", join(top, "l"));
  execFileSync("mkfifo", [join(top, "fifo")]);
});
afterEach(() => {
  vi.useRealTimers();
  directory.close();
});

function wrong(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof DirHandleError) return error.what;
    return errnoOf(error) ?? String(error);
  }
  throw new Error("nothing was thrown");
}

const isRoot = process.geteuid?.() === 0;
/** Does something as a user who is not the system's administrator. */
function asNobody<T>(work: () => T): T {
  if (!isRoot) return work();
  process.seteuid?.(65_534);
  try {
    return work();
  } finally {
    process.seteuid?.(0);
  }
}

describe.each<readonly [string, Reach | undefined]>([
  ["as the system allows", undefined],
  ["where there is no /proc", "path"],
])("a directory, %s,", (_, reach) => {
  beforeEach(() => {
    directory = Directory.openRoot(top, reach);
  });

  it("opens nothing that is a link, or not what it should be", () => {
    expect(wrong(() => directory.sub("l"))).toBe('"l" is a symbolic link, which is not followed');
    expect(wrong(() => directory.sub("fifo"))).toBe('"fifo" is not a directory');
    expect(wrong(() => directory.sub("none"))).toBe("ENOENT");
    for (const name of ["l", "fifo", "d", "none"])
      expect(wrong(() => directory.openRegular(name))).toBe("is not a regular file any more");
    const d = directory.sub("d");
    closeSync(d.openRegular("f"));
    d.close();
    expect(wrong(() => directory.createFile("l"))).toBe("EEXIST");
  });

  it("takes no name that is a path", () => {
    for (const name of ["", ".", "..", "a/b", "a\0"])
      expect(wrong(() => directory.stats(name))).toContain("RangeError");
  });

  it("says what is free", () => {
    expect(directory.freeBytes()).toBeGreaterThan(0);
  });
});

describe("a directory that is reached by path", () => {
  it("notices that it, or one above it, was replaced", () => {
    directory = Directory.openRoot(top, "path");
    const d = directory.sub("d");
    renameSync(join(top, "d"), join(top, "moved"));
    symlinkSync("moved", join(top, "d"));
    expect(wrong(() => d.stats("f"))).toBe("was replaced");
    expect(wrong(() => [...d.names()])).toBe("was replaced");
    d.close();
  });
});

describe.runIf(process.platform === "linux")("a directory that is made", () => {
  it("can be opened whatever the umask", () => {
    directory = Directory.openRoot(top);
    if (isRoot) chownSync(top, 65_534, 65_534);
    const before = process.umask(0o777);
    try {
      asNobody(() => {
        const made = directory.make("made");
        closeSync(made.createFile("f"));
        made.close();
      });
    } finally {
      process.umask(before);
    }
    expect(statSync(join(top, "made")).mode & 0o777).toBe(0o700);
  });
});

describe("a stage", () => {
  it("is touched for as long as it is used", () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    directory = Directory.openRoot(top);
    const stage = Stage.make(directory, () => undefined);
    const path = join(top, readdirSync(top).find((name) => name.startsWith(".")) ?? "");
    const old = new Date(Date.now() - 55 * 60 * 1_000);
    utimesSync(path, old, old);
    vi.advanceTimersByTime(5 * 60 * 1_000);
    expect(Date.now() - statSync(path).mtimeMs).toBeLessThan(60_000);
    stage.remove(() => undefined);
    expect(existsSync(path)).toBe(false);
  });

  it("is left alone when something else was put in its place", () => {
    directory = Directory.openRoot(top);
    const stage = Stage.make(directory, () => undefined);
    const path = join(top, readdirSync(top).find((name) => name.startsWith(".")) ?? "");
    renameSync(path, join(top, "moved"));
    mkdirSync(path);
    stage.remove(() => undefined);
    expect(existsSync(path)).toBe(true);
  });

  it("and what others left say so when they cannot be removed", () => {
    directory = Directory.openRoot(top);
    if (!isRoot) return;
    chownSync(top, 65_534, 65_534);
    const left = join(top, `.cmd2host-transfer-${"2".repeat(32)}`);
    mkdirSync(join(left, "theirs"), { recursive: true });
    writeFileSync(join(left, "theirs", "f"), "");
    chownSync(left, 65_534, 65_534);
    const old = new Date(0);
    utimesSync(left, old, old);
    const notices: string[] = [];
    const stage = asNobody(() => Stage.make(directory, (text) => notices.push(text)));
    const own = readdirSync(top).find((name) => name.startsWith(".cmd2host") && !name.endsWith("2".repeat(32))) ?? "";
    mkdirSync(join(top, own, "theirs"));
    writeFileSync(join(top, own, "theirs", "f"), "");
    asNobody(() => {
      stage.remove((text) => notices.push(text));
    });
    expect(notices).toEqual([
      `".cmd2host-transfer-${"2".repeat(32)}", left by another transfer, could not be removed: the system does not permit it (EPERM)`,
      `"${own}" could not be removed: the system does not permit it (EPERM)`,
    ]);
  });
});

describe("a merge that fails in the middle", () => {
  const from: readonly (readonly [string, Node])[] = [
    ["a", { kind: "file", content: "new a" }],
    ["both", { kind: "directory" }],
    ["both/b", { kind: "file", content: "new b" }],
    ["both/new", { kind: "directory", mode: 0o500 }],
    ["both/new/c", { kind: "file", content: "c" }],
    ["z", { kind: "directory" }],
  ];
  const to: readonly (readonly [string, Node])[] = [
    ["a", { kind: "file", content: "old a" }],
    ["both", { kind: "directory" }],
    ["both/b", { kind: "file", content: "old b" }],
  ];

  function failing(kept: string, during: () => void = () => undefined): string {
    makeTree(join(top, "from"), new Map(from));
    makeTree(join(top, "to"), new Map(to));
    directory = Directory.openRoot(top);
    const [source, target, keep] = [directory.sub("from"), directory.sub("to"), Directory.openRoot(kept)];
    try {
      const merge = new Merge(source, target, keep);
      merge.move((_, path) => {
        if (path !== "z") return;
        during();
        throw Object.assign(new Error("no"), { code: "EIO" });
      });
      return "moved";
    } catch (error) {
      return String(error);
    } finally {
      for (const handle of [source, target, keep]) handle.close();
    }
  }

  it("leaves everything as it was", () => {
    mkdirSync(join(top, "kept"));
    expect(failing(join(top, "kept"))).toBe('CodedError: "z": EIO');
    const left = [...readTree(join(top, "to"))].map(([path, { content }]) => [path, content]);
    expect(left).toEqual([
      ["", ""],
      ["a", "old a"],
      ["both", ""],
      ["both/b", "old b"],
    ]);
  });

  it("names what could not be taken back", () => {
    const kept = "/dev/shm";
    if (!existsSync(kept) || statSync(kept).dev === statSync(top).dev) return;
    const message = failing(tempDirectoryIn(kept));
    expect(message).toMatch(/^CodedError: "z": EIO; this could not be taken back: /);
    for (const name of ['"both/new"', '"both/b"', '"a"', '"z"']) expect(message).toContain(name);
    expect(readTree(join(top, "to")).get("a")?.content).toBe("new a");
  });
});

function tempDirectoryIn(directory: string): string {
  const path = mkdtempSync(join(directory, "c2h-"));
  atEnd(() => {
    rmSync(path, { recursive: true });
  });
  return path;
}
