import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import {
  appendFileSync,
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Code } from "../../wire/codes.ts";
import { CodedError } from "../../wire/errors.ts";
import type { Reach } from "../../host/util/dir-handle.ts";
import { Staging, type StagedInput, type StagingOptions } from "../../host/exec/staging.ts";

const LIMIT = 1_000_000;
const HOUR_MS = 3_600_000;

let bench = "";
let ws = "";
let root = "";
let logged: string[] = [];
beforeAll(() => {
  bench = realpathSync(mkdtempSync(join(tmpdir(), "input-")));
});
afterAll(() => {
  rmSync(bench, { recursive: true });
});
beforeEach(() => {
  logged = [];
  ws = join(bench, "ws");
  root = join(bench, "private");
  for (const directory of [ws, root, join(bench, "outside")]) mkdirSync(directory, { mode: 0o700 });
  writeFileSync(join(bench, "outside", "secret"), "secret");
});
afterEach(() => {
  for (const name of readdirSync(bench)) rmSync(join(bench, name), { recursive: true });
});

const log = (message: string): void => {
  logged.push(message);
};

async function refusal(code: Code, work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (error instanceof CodedError && error.code === code) return error.message;
    throw error;
  }
  throw new Error("nothing was thrown");
}

function write(relative: string, content: string | Buffer = "mine"): string {
  const path = join(ws, relative);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}

const modeOf = (path: string): number => lstatSync(path).mode & 0o7777;
const openDescriptors = (): number => readdirSync("/proc/self/fd").length;

const REACHES: readonly (readonly [string, Reach | undefined])[] = [
  ["as the system allows", undefined],
  ["where there is no /proc", "path"],
];

describe.each(REACHES)("a copy of an input file, %s", (_, reach) => {
  let staging: Staging;
  beforeEach(() => {
    const options: StagingOptions = { inputRoot: root, ...(reach === undefined ? {} : { reach }) };
    staging = new Staging({ mode: "workspace" }, log, options);
  });

  const copy = async (relative: string, limit = LIMIT): Promise<StagedInput> => staging.copyIn(ws, relative, limit);

  async function refused(relative: string, limit = LIMIT): Promise<string> {
    const message = await refusal("input_invalid", copy(relative, limit));
    expect(message.startsWith('input file "')).toBe(true);
    expectNoLeftovers();
    return message;
  }

  function expectNoLeftovers(): void {
    expect(readdirSync(root)).toEqual([]);
    expect(logged).toEqual([]);
  }

  it("holds the file's bytes, is private and read only, and lies outside the workspace", async () => {
    const content = randomBytes(3_500_000);
    write("a/b/in.bin", content);
    const input = await copy("a/b/in.bin", content.length);
    expect(readFileSync(input.path).equals(content)).toBe(true);
    expect(input.size).toBe(content.length);
    expect(input.sha256).toBe(createHash("sha256").update(content).digest("hex"));
    expect(modeOf(input.path)).toBe(0o400);
    expect(modeOf(dirname(input.path))).toBe(0o700);
    expect(dirname(dirname(input.path))).toBe(root);
    expect(basename(dirname(input.path))).toMatch(/^[0-9a-f]{32}$/);
    expect(readdirSync(ws)).toEqual(["a"]);
    input.discard();
    input.discard();
    expectNoLeftovers();
  });

  it.each([
    ["000", 0o000],
    ["022", 0o022],
    ["277", 0o277],
  ])("has the same modes with umask %s", async (__, umask) => {
    write("in");
    const before = process.umask(umask);
    try {
      const input = await copy("in");
      expect(modeOf(input.path)).toBe(0o400);
      expect(modeOf(dirname(input.path))).toBe(0o700);
      input.discard();
    } finally {
      process.umask(before);
    }
    expectNoLeftovers();
  });

  it("keeps its bytes when the file changes afterwards", async () => {
    const path = write("in", "first");
    const input = await copy("in");
    writeFileSync(path, "later");
    expect(readFileSync(input.path, "utf8")).toBe("first");
    input.discard();
  });

  it("can be empty, also with a limit of nothing", async () => {
    write("in", "");
    const input = await copy("in", 0);
    expect(input.size).toBe(0);
    expect(input.sha256).toBe(createHash("sha256").digest("hex"));
    expect(readFileSync(input.path).length).toBe(0);
    input.discard();
    expectNoLeftovers();
  });

  it.each([
    ["notes.md", "notes.md"],
    ["dir/app-1.2+x_86.tar.gz", "app-1.2+x_86.tar.gz"],
    ["x#label", "input"],
    ["-rf", "input"],
    [".npmrc", "input"],
    ["a b", "input"],
    ["a\nb", "input"],
    ["ü", "input"],
    ["a".repeat(255), "input"],
  ])("of %j is called %s", async (relative, name) => {
    write(relative);
    const input = await copy(relative);
    expect(basename(input.path)).toBe(name);
    expect(readFileSync(input.path, "utf8")).toBe("mine");
    input.discard();
    expectNoLeftovers();
  });

  it("is made of a file that has another name too", async () => {
    linkSync(write("in"), join(ws, "again"));
    const input = await copy("again");
    expect(readFileSync(input.path, "utf8")).toBe("mine");
    input.discard();
  });

  it("is made in a workspace that the owner reaches over a link", async () => {
    symlinkSync(ws, join(bench, "alias"));
    write("a/in");
    const input = await staging.copyIn(join(bench, "alias"), "a/in", LIMIT);
    expect(readFileSync(input.path, "utf8")).toBe("mine");
    input.discard();
    expectNoLeftovers();
  });

  it.runIf(process.platform === "linux")("is made of a deep file with few descriptors, up to a depth", async () => {
    const deep = (depth: number): string => `${"d/".repeat(depth)}in`;
    write(deep(256));
    write(deep(257));
    const before = openDescriptors();
    const input = await copy(deep(256));
    expect(openDescriptors()).toBeLessThan(before + 10);
    input.discard();
    expect(openDescriptors()).toBe(before);
    expect(await refused(deep(257))).toContain("lies in more than 256 directories");
  });

  it("is refused one byte beyond the limit, and made at the limit", async () => {
    write("in", "12345");
    expect(await refused("in", 4)).toBe('input file "in" is larger than 4 bytes');
    const input = await copy("in", 5);
    expect(input.size).toBe(5);
    input.discard();
  });

  it("is refused of a file with a hole that is as large as a disk", async () => {
    truncateSync(write("in"), 2 ** 40);
    expect(await refused("in")).toContain("is larger than");
  });

  it("is refused of whatever is not a regular file", async () => {
    symlinkSync(join(bench, "outside", "secret"), join(ws, "link"));
    symlinkSync("/proc/self/environ", join(ws, "proc"));
    symlinkSync("nothing", join(ws, "dangling"));
    mkdirSync(join(ws, "directory"));
    execFileSync("mkfifo", [join(ws, "fifo")]);
    const server = createServer().listen(join(ws, "socket"));
    await new Promise((resolve) => server.once("listening", resolve));
    expect(await refused("link")).toBe('input file "link" is a link');
    expect(await refused("proc")).toContain("is a link");
    expect(await refused("dangling")).toContain("is a link");
    for (const name of ["directory", "fifo", "socket"]) expect(await refused(name)).toContain("is not a regular file");
    expect(await refused("none")).toBe('input file "none" does not exist');
    await new Promise((resolve) => server.close(resolve));
  });

  it("is refused when the way leads over a link, a file or nothing", async () => {
    mkdirSync(join(ws, "real"));
    write("real/in");
    symlinkSync(join(bench, "outside"), join(ws, "out"));
    symlinkSync("real", join(ws, "inside"));
    write("file");
    expect(await refused("out/secret")).toBe('input file "out/secret" leads over "out", which is a link');
    expect(await refused("inside/in")).toContain("is a link");
    expect(await refused("file/in")).toContain('leads over "file", which is not a directory');
    expect(await refused("none/in")).toContain("does not exist");
  });

  it("is refused of git's files and of staged ones, however they are reached", async () => {
    write(".git/config");
    write("sub/.git/modules/config");
    write("tree/.git", "gitdir: elsewhere");
    write(".cmd2host-staging/x/staged");
    linkSync(join(ws, "tree/.git"), join(ws, "tree/pointer"));
    for (const path of [
      ".git/config",
      "sub/.git/modules/config",
      "tree/.git",
      "tree/pointer",
      ".cmd2host-staging/x/staged",
    ]) {
      expect(await refused(path)).toContain("belongs to git or to cmd2host");
    }
  });

  it.skipIf(process.getuid?.() === 0)("is refused of a file that the daemon may not read", async () => {
    chmodSync(write("in"), 0o000);
    expect(await refused("in")).toContain("cannot be read (EACCES)");
  });

  it("is refused when the workspace is gone", async () => {
    rmSync(ws, { recursive: true });
    expect(await refused("in")).toContain("does not exist");
  });

  const changes: readonly (readonly [string, (path: string) => void])[] = [
    [
      "grows",
      (path) => {
        appendFileSync(path, "more");
      },
    ],
    [
      "shrinks",
      (path) => {
        truncateSync(path, 10);
      },
    ],
    [
      "gets other times",
      (path) => {
        utimesSync(path, 1, 1);
      },
    ],
    [
      "is replaced by another",
      (path) => {
        writeFileSync(`${path}.new`, "x");
        renameSync(`${path}.new`, path);
      },
    ],
    [
      "is removed",
      (path) => {
        rmSync(path);
      },
    ],
    [
      "is replaced by a link",
      (path) => {
        rmSync(path);
        symlinkSync(join(bench, "outside", "secret"), path);
      },
    ],
  ];
  it.each(changes)("is refused of a file that %s while it is copied", async (__, change) => {
    const path = write("dir/in", randomBytes(500_000));
    const copying = copy("dir/in");
    change(path);
    expect(await refusal("input_invalid", copying)).toMatch(/(changed while it was read|was replaced)$/);
    expectNoLeftovers();
  });

  it("never writes more than the limit of a file that grows while it is copied", async () => {
    const path = write("in", randomBytes(500_000));
    const copying = copy("in", 500_000);
    const [entry = ""] = readdirSync(root);
    appendFileSync(path, randomBytes(5_000_000));
    const largest: number[] = [];
    const watch = setInterval(() => {
      const stats = lstatSync(join(root, entry, "in"), { throwIfNoEntry: false });
      if (stats !== undefined) largest.push(stats.size);
    }, 0);
    expect(await refusal("input_invalid", copying)).toContain("is larger than 500000 bytes");
    clearInterval(watch);
    expect(Math.max(0, ...largest)).toBeLessThanOrEqual(500_000);
    expectNoLeftovers();
  });

  it("lets the daemon do other work meanwhile", async () => {
    write("in", randomBytes(16 * 1_048_576));
    let turns = 0;
    let isCopying = true;
    const turn = (): void => {
      turns++;
      if (isCopying) setImmediate(turn);
    };
    turn();
    const input = await copy("in", 2 ** 25);
    isCopying = false;
    expect(turns).toBeGreaterThan(16);
    input.discard();
  });

  it("keeps several copies of one file apart", async () => {
    write("in");
    const inputs = await Promise.all(Array.from({ length: 10 }, async () => copy("in")));
    expect(new Set(inputs.map(({ path }) => path)).size).toBe(10);
    inputs[0]?.discard();
    for (const input of inputs.slice(1)) expect(readFileSync(input.path, "utf8")).toBe("mine");
    for (const input of inputs) input.discard();
    expectNoLeftovers();
  });

  it.runIf(process.platform === "linux")("closes every descriptor, however it ends", async () => {
    write("a/in");
    write("a/large", randomBytes(100));
    (await copy("a/in")).discard();
    const before = openDescriptors();
    for (let n = 0; n < 20; n++) (await copy("a/in")).discard();
    for (let n = 0; n < 20; n++) await refused("a/large", 99);
    for (let n = 0; n < 20; n++) await refused("a/none");
    rmSync(root, { recursive: true });
    for (let n = 0; n < 20; n++) await refusal("staging_unavailable", copy("a/in"));
    expect(openDescriptors()).toBe(before);
  });

  it("is not made of a path that is not plain, nor with a limit that is no number of bytes", async () => {
    write("in");
    for (const relative of ["", ".", "../x", "a/../in", "/in", "a//in", "in/", "in\0"]) {
      await expect(copy(relative)).rejects.toThrow(RangeError);
    }
    for (const limit of [-1, 0.5, Number.NaN, Infinity]) await expect(copy("in", limit)).rejects.toThrow(RangeError);
  });
});

describe("the place of input copies", () => {
  const workspaceMode = (inputRoot?: string): Staging =>
    new Staging({ mode: "workspace" }, log, inputRoot === undefined ? {} : { inputRoot });
  const unavailable = async (staging: Staging): Promise<string> =>
    refusal("staging_unavailable", staging.copyIn(ws, "in", LIMIT));

  beforeEach(() => {
    write("in");
  });

  it("is the explicit root when none is named", async () => {
    const input = await new Staging({ mode: "explicit", root }, log).copyIn(ws, "in", LIMIT);
    expect(dirname(dirname(input.path))).toBe(root);
    input.discard();
  });

  it("is never in the workspace: without a place outside there are no copies", async () => {
    expect(await unavailable(workspaceMode())).toContain("is not configured");
    mkdirSync(join(ws, "inner"), { mode: 0o700 });
    expect(await unavailable(workspaceMode(join(ws, "inner")))).toContain("lies in the workspace");
    expect(await unavailable(new Staging({ mode: "explicit", root: ws }, log))).toContain("lies in the workspace");
    expect(readdirSync(ws).sort()).toEqual(["in", "inner"]);
    expect(readdirSync(join(ws, "inner"))).toEqual([]);
  });

  it("is refused when it is missing, a link, a file or can be written by others", async () => {
    symlinkSync(root, join(bench, "link"));
    writeFileSync(join(bench, "file"), "");
    expect(await unavailable(workspaceMode(join(bench, "none")))).toContain("does not exist");
    expect(await unavailable(workspaceMode(join(bench, "link")))).toContain("is a link");
    expect(await unavailable(workspaceMode(join(bench, "file")))).toContain("is not a directory");
    chmodSync(root, 0o770);
    expect(await unavailable(workspaceMode(root))).toContain("can be written by others");
    expect(readdirSync(root)).toEqual([]);
  });

  it("is swept of what earlier daemons left, but not of copies in use", async () => {
    const mine = workspaceMode(root);
    const input = await mine.copyIn(ws, "in", LIMIT);
    const old = join(root, "a".repeat(32));
    mkdirSync(old);
    writeFileSync(join(old, "in"), "", { mode: 0o400 });
    for (const path of [old, dirname(input.path)]) utimesSync(path, new Date(), new Date(Date.now() - 9 * HOUR_MS));
    mine.sweep([ws], 0);
    workspaceMode(root).sweep([ws], 0);
    expect(existsSync(old)).toBe(false);
    expect(readFileSync(input.path, "utf8")).toBe("mine");
    input.discard();
    expect(logged).toEqual([]);
  });
});
