import { execFileSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { errnoOf } from "../../wire/errors.ts";
import { DirHandle, DirHandleError, type Reach } from "../../host/util/dir-handle.ts";

let bench = "";
let top = "";
beforeEach(() => {
  bench = realpathSync(mkdtempSync(join(tmpdir(), "handle-")));
  top = join(bench, "top");
  mkdirSync(top);
});
afterEach(() => {
  rmSync(bench, { recursive: true });
});

function thrown(work: () => unknown): DirHandleError {
  try {
    work();
  } catch (error) {
    if (error instanceof DirHandleError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

function errno(work: () => unknown): string | undefined {
  try {
    work();
  } catch (error) {
    return errnoOf(error);
  }
  throw new Error("nothing was thrown");
}

const openDescriptors = (): number => readdirSync("/proc/self/fd").length;

const REACHES: readonly (readonly [string, Reach | undefined])[] = [
  ["as the system allows", undefined],
  ["where there is no /proc", "path"],
];

describe.each(REACHES)("an open directory, %s", (_, reach) => {
  function withTop<T>(work: (handle: DirHandle) => T): T {
    const handle = DirHandle.open(top, reach);
    try {
      return work(handle);
    } finally {
      handle.close();
    }
  }

  it("reads a regular file up to the limit, and one byte more not", () => {
    writeFileSync(join(top, "file"), "12345");
    writeFileSync(join(top, "empty"), "");
    withTop((handle) => {
      expect(handle.read("file", 5).toString()).toBe("12345");
      expect(handle.read("empty", 0)).toHaveLength(0);
      const error = thrown(() => handle.read("file", 4));
      expect(error.what).toBe("is larger than 4 bytes");
      expect(error.message).toBe(`"${join(top, "file")}" is larger than 4 bytes`);
      truncateSync(join(top, "file"), 2 ** 40);
      expect(thrown(() => handle.read("file", 1_000)).what).toBe("is larger than 1000 bytes");
    });
  });

  it.runIf(existsSync("/proc/self/limits"))("reads files of which the system tells no size, within the limit", () => {
    const proc = DirHandle.openRoot("/proc/self", reach);
    expect(proc.read("limits", 100_000).toString()).toBe(readFileSync("/proc/self/limits", "utf8"));
    expect(thrown(() => proc.read("limits", 10)).what).toBe("is larger than 10 bytes");
    proc.close();
  });

  it("reads nothing but regular files, and waits for nobody", async () => {
    writeFileSync(join(bench, "secret"), "secret");
    symlinkSync(join(bench, "secret"), join(top, "link"));
    symlinkSync("nothing", join(top, "dangling"));
    mkdirSync(join(top, "directory"));
    execFileSync("mkfifo", [join(top, "fifo")]);
    const server = createServer().listen(join(top, "socket"));
    await new Promise((resolve) => server.once("listening", resolve));
    withTop((handle) => {
      for (const open of [(name: string) => handle.read(name, 100), (name: string) => handle.openRegular(name)]) {
        expect(thrown(() => open("link")).what).toBe("is a link");
        expect(thrown(() => open("dangling")).what).toBe("is a link");
        for (const name of ["directory", "fifo", "socket"]) {
          expect(thrown(() => open(name)).what).toBe("is not a regular file");
        }
        expect(thrown(() => open("none")).what).toBe("does not exist");
      }
    });
    await new Promise((resolve) => server.close(resolve));
  });

  it("lists names and kinds up to the limit, and throws beyond it", () => {
    writeFileSync(join(top, "file"), "");
    mkdirSync(join(top, "directory"));
    symlinkSync("nothing", join(top, "link"));
    execFileSync("mkfifo", [join(top, "fifo")]);
    withTop((handle) => {
      const entries = handle.entries(4).sort((one, other) => one.name.localeCompare(other.name));
      expect(entries).toEqual([
        { name: "directory", kind: "directory" },
        { name: "fifo", kind: "other" },
        { name: "file", kind: "file" },
        { name: "link", kind: "link" },
      ]);
      expect([...handle.names()].sort()).toEqual(["directory", "fifo", "file", "link"]);
      expect(thrown(() => handle.entries(3)).message).toBe(`"${top}" has more than 3 entries`);
    });
  });

  it("opens directories only, links and files not", () => {
    mkdirSync(join(top, "real"));
    symlinkSync("real", join(top, "link"));
    writeFileSync(join(top, "file"), "");
    withTop((handle) => {
      handle.sub("real").close();
      expect(thrown(() => handle.sub("link")).message).toBe(`"${join(top, "link")}" is a link`);
      expect(thrown(() => handle.sub("file")).what).toBe("is not a directory");
      expect(errno(() => handle.sub("none"))).toBe("ENOENT");
    });
    expect(thrown(() => DirHandle.open(join(top, "link"), reach)).what).toBe("is a link");
  });

  it("is opened over links of the owner with openRoot, and stays usable", () => {
    mkdirSync(join(top, "deep"));
    writeFileSync(join(top, "deep", "file"), "x");
    symlinkSync(top, join(bench, "alias"));
    const root = DirHandle.openRoot(join(bench, "alias"), reach);
    expect(root.path).toBe(join(bench, "alias"));
    const deep = root.sub("deep");
    expect(deep.read("file", 10).toString()).toBe("x");
    expect(deep.ownStats().ino).toBe(statSync(join(top, "deep"), { bigint: true }).ino);
    deep.close();
    root.close();
    expect(errno(() => DirHandle.openRoot(join(bench, "none"), reach))).toBe("ENOENT");
    writeFileSync(join(bench, "file"), "");
    expect(errno(() => DirHandle.openRoot(join(bench, "file"), reach))).toBe("ENOTDIR");
  });

  it("works when the directory above it was closed", () => {
    mkdirSync(join(top, "a", "b"), { recursive: true });
    writeFileSync(join(top, "a", "b", "file"), "x");
    const handle = DirHandle.open(top, reach);
    const a = handle.sub("a");
    handle.close();
    const b = a.sub("b");
    a.close();
    expect(b.read("file", 10).toString()).toBe("x");
    expect(b.entries(10)).toEqual([{ name: "file", kind: "file" }]);
    b.close();
  });

  it("makes, moves and removes entries", () => {
    withTop((handle) => {
      const made = handle.make("made", 0o700);
      expect(errno(() => handle.make("made", 0o700))).toBe("EEXIST");
      const fd = made.createFile("file", 0o600);
      writeSync(fd, "x");
      closeSync(fd);
      expect(errno(() => made.createFile("file", 0o600))).toBe("EEXIST");
      made.move("file", handle, "moved");
      expect(handle.read("moved", 1).toString()).toBe("x");
      expect(made.stats("file")).toBeUndefined();
      made.close();
      handle.ensure("made", 0o700).close();
      handle.removeDirectory("made");
      handle.removeFile("moved");
      expect(handle.entries(1)).toEqual([]);
    });
  });

  it("takes names only, no paths", () => {
    withTop((handle) => {
      for (const name of ["", ".", "..", "a/b", "/", "a\0"]) {
        expect(() => handle.stats(name)).toThrow(RangeError);
        expect(() => handle.read(name, 1)).toThrow(RangeError);
      }
    });
  });

  it.runIf(process.platform === "linux")("leaves no descriptor open when something is refused", () => {
    symlinkSync("nothing", join(top, "link"));
    writeFileSync(join(top, "large"), "12345");
    const before = openDescriptors();
    withTop((handle) => {
      for (const name of ["link", "large", "none"]) thrown(() => handle.read(name, 2));
      expect(errno(() => handle.sub("none"))).toBe("ENOENT");
      thrown(() => handle.entries(0));
    });
    expect(openDescriptors()).toBe(before);
  });
});

describe("an open directory whose path is given to another", () => {
  beforeEach(() => {
    mkdirSync(join(top, "a"));
    mkdirSync(join(bench, "outside"));
    writeFileSync(join(top, "a", "file"), "mine");
    writeFileSync(join(bench, "outside", "file"), "secret");
  });

  function swap(): void {
    renameSync(join(top, "a"), join(top, "b"));
    symlinkSync(join(bench, "outside"), join(top, "a"));
  }

  it.runIf(process.platform === "linux")("goes on with the one that was opened", () => {
    const root = DirHandle.open(top);
    const a = root.sub("a");
    swap();
    expect(a.read("file", 10).toString()).toBe("mine");
    expect(a.entries(10)).toHaveLength(1);
    a.close();
    root.close();
  });

  it("refuses everything where there is no /proc", () => {
    const root = DirHandle.open(top, "path");
    const a = root.sub("a");
    swap();
    for (const work of [
      () => a.read("file", 10),
      () => a.openRegular("file"),
      () => a.openFile("file"),
      () => a.stats("file"),
      () => a.entries(10),
      () => [...a.names()],
    ]) {
      expect(thrown(work).message).toBe(`"${join(top, "a")}" was replaced`);
    }
    a.close();
    root.close();
  });
});
