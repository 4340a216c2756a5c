import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Code } from "../../wire/codes.ts";
import { CodedError } from "../../wire/errors.ts";
import type { Reach } from "../../host/util/dir-handle.ts";
import { Staging, type StagedFile } from "../../host/exec/staging.ts";

let bench = "";
let ws = "";
let logged: string[] = [];
beforeAll(() => {
  bench = realpathSync(mkdtempSync(join(tmpdir(), "staging-")));
});
afterAll(() => {
  rmSync(bench, { recursive: true });
});
beforeEach(() => {
  logged = [];
  ws = join(bench, "ws");
  mkdirSync(join(bench, "root"), { recursive: true });
  mkdirSync(join(bench, "outside"));
  mkdirSync(ws);
});
afterEach(() => {
  for (const name of readdirSync(bench)) rmSync(join(bench, name), { recursive: true });
});

const log = (message: string): void => {
  logged.push(message);
};

function place(relative: string): { absolute: string; relative: string } {
  return { absolute: join(ws, relative), relative };
}

function refusal(code: Code, work: () => unknown): CodedError {
  try {
    work();
  } catch (error) {
    if (error instanceof CodedError && error.code === code) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

const modeOf = (path: string): number => lstatSync(path).mode & 0o7777;
const openDescriptors = (): number => readdirSync("/proc/self/fd").length;

const WAYS: readonly (readonly [string, "workspace" | "explicit", Reach | undefined])[] = [
  ["in the workspace", "workspace", undefined],
  ["in an explicit root", "explicit", undefined],
  ["in the workspace, where there is no /proc", "workspace", "path"],
  ["in an explicit root, where there is no /proc", "explicit", "path"],
];

describe.each(WAYS)("staging %s", (_, mode, reach) => {
  let root = "";
  let staging: Staging;
  beforeEach(() => {
    root = mode === "workspace" ? join(ws, ".cmd2host-staging") : join(bench, "root");
    const settings = mode === "workspace" ? { mode } : { mode, root };
    staging = new Staging(settings, log, reach === undefined ? {} : { reach });
  });

  function stage(relative: string): StagedFile {
    return staging.allocate(ws, place(relative));
  }

  function expectNoLeftovers(): void {
    expect(existsSync(root) ? readdirSync(root) : []).toEqual([]);
    expect(logged).toEqual([]);
  }

  it("gives the command an empty private file in private directories of its own", () => {
    const file = stage("out.log");
    expect(dirname(dirname(dirname(file.path)))).toBe(root);
    expect(basename(dirname(dirname(file.path)))).toMatch(/^[0-9a-f]{32}$/);
    expect(modeOf(dirname(dirname(file.path)))).toBe(0o700);
    expect(modeOf(dirname(file.path))).toBe(0o700);
    expect(modeOf(file.path)).toBe(0o600);
    expect(readFileSync(file.path, "utf8")).toBe("");
    expect(existsSync(join(ws, "out.log"))).toBe(false);
    file.discard();
    expectNoLeftovers();
  });

  it.each([0o022, 0o002, 0o077, 0o000, 0o027])(
    "makes the same staging modes with umask %o, and masks those of the output",
    (umask) => {
      const before = process.umask(umask);
      try {
        const file = stage("new/dir/out.log");
        expect(modeOf(dirname(dirname(file.path)))).toBe(0o700);
        expect(modeOf(dirname(file.path))).toBe(0o700);
        expect(modeOf(file.path)).toBe(0o600);
        chmodSync(file.path, 0o755);
        file.finalize();
        expect(modeOf(join(ws, "new/dir/out.log"))).toBe(0o644 & ~umask);
        expect(modeOf(join(ws, "new"))).toBe(0o755 & ~umask);
      } finally {
        process.umask(before);
      }
    },
  );

  it("puts the child's bytes and inode at the destination, and makes missing parents", () => {
    const file = stage("a/b/c/out.log");
    writeFileSync(file.path, "bytes");
    const { ino } = statSync(file.path);
    file.finalize();
    expect(readFileSync(join(ws, "a/b/c/out.log"), "utf8")).toBe("bytes");
    expect(statSync(join(ws, "a/b/c/out.log")).ino).toBe(ino);
    expectNoLeftovers();
  });

  it("places a file that the command wrote elsewhere and renamed, as many programs do", () => {
    const file = stage("out.log");
    writeFileSync(`${file.path}.part`, "bytes");
    renameSync(`${file.path}.part`, file.path);
    file.finalize();
    expect(readFileSync(join(ws, "out.log"), "utf8")).toBe("bytes");
    expectNoLeftovers();
  });

  it("places nothing when it is discarded, and removes what was left beside the file without following links", () => {
    writeFileSync(join(bench, "outside", "keep"), "x");
    const file = stage("out.log");
    const slot = dirname(file.path);
    mkdirSync(join(slot, "more", "and", "more"), { recursive: true });
    writeFileSync(join(slot, "more", "and", "x"), "x");
    symlinkSync(join(bench, "outside"), join(slot, "link"));
    symlinkSync(join(bench, "outside"), join(dirname(slot), "link"));
    file.discard();
    file.discard();
    expect(readdirSync(ws).filter((name) => name !== ".cmd2host-staging")).toEqual([]);
    expect(readFileSync(join(bench, "outside", "keep"), "utf8")).toBe("x");
    expectNoLeftovers();
  });

  it("replaces a file or a link at the destination, and leaves a link's target alone", () => {
    writeFileSync(join(bench, "outside", "target"), "old");
    writeFileSync(join(ws, "file"), "old");
    symlinkSync(join(bench, "outside", "target"), join(ws, "link"));
    symlinkSync("nothing", join(ws, "dangling"));
    for (const name of ["file", "link", "dangling"]) {
      const file = stage(name);
      writeFileSync(file.path, "new");
      file.finalize();
      expect(lstatSync(join(ws, name)).isFile()).toBe(true);
      expect(readFileSync(join(ws, name), "utf8")).toBe("new");
    }
    expect(readFileSync(join(bench, "outside", "target"), "utf8")).toBe("old");
  });

  it("fails when a directory stands at the destination", () => {
    mkdirSync(join(ws, "dir"));
    const file = stage("dir");
    const error = refusal("output_finalize_failed", () => {
      file.finalize();
    });
    expect(error.message).toContain("a directory stands there");
    expectNoLeftovers();
  });

  it("fails when a link or a file was put on the way, and writes nothing through it", () => {
    mkdirSync(join(ws, "logs"));
    const [file, other] = [stage("logs/sub/out.log"), stage("logs/out.log")];
    rmSync(join(ws, "logs"), { recursive: true });
    symlinkSync(join(bench, "outside"), join(ws, "logs"));
    expect(
      refusal("output_finalize_failed", () => {
        file.finalize();
      }).message,
    ).toContain("is a link");
    unlinkSync(join(ws, "logs"));
    writeFileSync(join(ws, "logs"), "");
    expect(
      refusal("output_finalize_failed", () => {
        other.finalize();
      }).message,
    ).toContain("is not a directory");
    expect(readdirSync(join(bench, "outside"))).toEqual([]);
    expectNoLeftovers();
  });

  const spoiled: readonly (readonly [string, string, (path: string) => void])[] = [
    [
      "a link to a file",
      "a link",
      (path) => {
        symlinkSync(join(bench, "outside", "target"), path);
      },
    ],
    [
      "a dangling link",
      "a link",
      (path) => {
        symlinkSync("nothing", path);
      },
    ],
    [
      "a directory",
      "not a regular file",
      (path) => {
        mkdirSync(path);
      },
    ],
    [
      "a FIFO",
      "not a regular file",
      (path) => {
        execFileSync("mkfifo", [path]);
      },
    ],
    ["nothing", "removed it", () => undefined],
    [
      "a file with a second name",
      "other names",
      (path) => {
        linkSync(join(ws, "mine"), path);
      },
    ],
  ];
  it.each(spoiled)("refuses to place %s", (__, message, spoil) => {
    writeFileSync(join(bench, "outside", "target"), "old");
    writeFileSync(join(ws, "mine"), "old", { mode: 0o600 });
    const file = stage("out");
    unlinkSync(file.path);
    spoil(file.path);
    expect(
      refusal("output_finalize_failed", () => {
        file.finalize();
      }).message,
    ).toContain(message);
    expect(lstatSync(join(ws, "out"), { throwIfNoEntry: false })).toBeUndefined();
    expect(readFileSync(join(bench, "outside", "target"), "utf8")).toBe("old");
    expect(modeOf(join(ws, "mine"))).toBe(0o600);
    expectNoLeftovers();
  });

  it.skipIf(process.getuid?.() !== 0)("refuses to place a file of another user", () => {
    const file = stage("out");
    execFileSync("chown", ["12345", file.path]);
    expect(
      refusal("output_finalize_failed", () => {
        file.finalize();
      }).message,
    ).toContain("belongs to user 12345");
    expect(existsSync(join(ws, "out"))).toBe(false);
  });

  it("can be finished once", () => {
    const file = stage("out");
    file.finalize();
    writeFileSync(join(ws, "out"), "later");
    refusal("output_finalize_failed", () => {
      file.finalize();
    });
    file.discard();
    expect(readFileSync(join(ws, "out"), "utf8")).toBe("later");
  });

  it("refuses to place a file that is larger than allowed, and nothing appears", () => {
    writeFileSync(join(ws, "kept"), "old");
    for (const relative of ["new/out", "kept"]) {
      const file = staging.allocate(ws, place(relative), 4);
      writeFileSync(file.path, "12345");
      const error = refusal("output_too_large", () => {
        file.finalize();
      });
      expect(error.message).toContain("it is larger than 4 bytes");
    }
    expect(existsSync(join(ws, "new"))).toBe(false);
    expect(readFileSync(join(ws, "kept"), "utf8")).toBe("old");
    const file = staging.allocate(ws, place("kept"), 5);
    writeFileSync(file.path, "12345");
    file.finalize();
    expect(readFileSync(join(ws, "kept"), "utf8")).toBe("12345");
    expect(() => staging.allocate(ws, place("x"), -1)).toThrow(RangeError);
    expectNoLeftovers();
  });

  it("keeps several files of one workspace apart", () => {
    const files = Array.from({ length: 20 }, (___, n) => stage(`out-${n % 10}`));
    files.forEach((file, n) => {
      writeFileSync(file.path, String(n));
    });
    files.forEach((file, n) => {
      if (n < 10) file.finalize();
      else file.discard();
    });
    for (let n = 0; n < 10; n++) expect(readFileSync(join(ws, `out-${n}`), "utf8")).toBe(String(n));
    expectNoLeftovers();
  });

  it("leaves what stands in place of its directory, and says so", () => {
    const file = stage("out");
    const entry = dirname(dirname(file.path));
    renameSync(entry, join(bench, "stolen"));
    symlinkSync(join(bench, "outside"), entry);
    writeFileSync(join(bench, "outside", "0"), "x");
    file.discard();
    expect(readdirSync(join(bench, "outside"))).toEqual(["0"]);
    expect(readlinkSync(entry)).toBe(join(bench, "outside"));
    expect(logged).toHaveLength(1);
  });

  it.runIf(process.platform === "linux")("closes every descriptor, however it ends", () => {
    stage("warm").discard();
    const before = openDescriptors();
    for (let n = 0; n < 20; n++) stage("a/b").finalize();
    for (let n = 0; n < 20; n++) stage("a/b").discard();
    const broken = stage("a/b/c/d");
    refusal("output_finalize_failed", () => {
      broken.finalize();
    });
    rmSync(root, { recursive: true });
    writeFileSync(root, "");
    for (let n = 0; n < 20; n++) refusal("staging_unavailable", () => stage("x"));
    expect(openDescriptors()).toBe(before);
    rmSync(root);
  });

  it("does not take a destination that is not plain", () => {
    for (const relative of ["", ".", "../x", "a/../b", "/x", "a//b", "a/", "a\0"]) {
      expect(() => staging.allocate(ws, { absolute: "", relative })).toThrow(RangeError);
    }
  });
});

describe("staging that cannot be used", () => {
  const inWorkspace = (): Staging => new Staging({ mode: "workspace" }, log);
  const message = (staging: Staging): string => {
    const error = refusal("staging_unavailable", () => staging.allocate(ws, place("x")));
    expect(error.message).toMatch(/^workspace_path staging:/);
    return error.message;
  };

  it("is refused when .cmd2host-staging is a link or a file, and nothing is written through it", () => {
    symlinkSync(join(bench, "outside"), join(ws, ".cmd2host-staging"));
    expect(message(inWorkspace())).toContain("is a link");
    unlinkSync(join(ws, ".cmd2host-staging"));
    symlinkSync("nothing", join(ws, ".cmd2host-staging"));
    expect(message(inWorkspace())).toContain("is a link");
    unlinkSync(join(ws, ".cmd2host-staging"));
    writeFileSync(join(ws, ".cmd2host-staging"), "");
    expect(message(inWorkspace())).toContain("is not a directory");
    expect(readdirSync(join(bench, "outside"))).toEqual([]);
  });

  it("is refused when the explicit root is missing, a file or a link", () => {
    const explicit = (root: string): Staging => new Staging({ mode: "explicit", root }, log);
    symlinkSync(join(bench, "outside"), join(bench, "link"));
    writeFileSync(join(bench, "file"), "");
    expect(message(explicit(join(bench, "none")))).toContain("does not exist");
    expect(message(explicit(join(bench, "link")))).toContain("is a link");
    expect(message(explicit(join(bench, "file")))).toContain("is not a directory");
    expect(readdirSync(join(bench, "outside"))).toEqual([]);
  });

  it("is refused when the workspace is gone", () => {
    rmSync(ws, { recursive: true });
    expect(message(inWorkspace())).toContain("does not exist");
    mkdirSync(ws);
  });

  it("works in a workspace that the owner reaches over a link", () => {
    symlinkSync(ws, join(bench, "alias"));
    const file = inWorkspace().allocate(join(bench, "alias"), place("x"));
    expect(file.path.startsWith(`${ws}/`)).toBe(true);
    file.finalize();
    expect(existsSync(join(ws, "x"))).toBe(true);
  });

  const other = ["/dev/shm", "/run/shm"].find(
    (path) => existsSync(path) && statSync(path).dev !== statSync(tmpdir()).dev,
  );
  it.runIf(other !== undefined)(
    "copies when the destination is on another file system, and leaves nothing beside it",
    () => {
      const root = mkdtempSync(join(other ?? "", "staging-"));
      try {
        const file = new Staging({ mode: "explicit", root }, log).allocate(ws, place("x"));
        const content = randomBytes(3_000_000);
        writeFileSync(file.path, content);
        writeFileSync(join(ws, "x"), "old");
        file.finalize();
        expect(readFileSync(join(ws, "x")).equals(content)).toBe(true);
        expect(statSync(join(ws, "x")).mode & 0o711).toBe(0o600);
        expect(readdirSync(ws)).toEqual(["x"]);
        expect(readdirSync(root)).toEqual([]);
        const blocked = new Staging({ mode: "explicit", root }, log).allocate(ws, place("directory"));
        mkdirSync(join(ws, "directory"));
        expect(
          refusal("output_finalize_failed", () => {
            blocked.finalize();
          }).message,
        ).toContain("a directory stands there");
        expect(readdirSync(ws).sort()).toEqual(["directory", "x"]);
        const inside = new Staging({ mode: "workspace" }, log).allocate(root, { absolute: "", relative: "y" });
        inside.finalize();
        expect(readdirSync(root).sort()).toEqual([".cmd2host-staging", "y"]);
      } finally {
        rmSync(root, { recursive: true });
      }
    },
  );
});
