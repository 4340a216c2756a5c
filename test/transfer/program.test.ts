import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  openSync,
  ftruncateSync,
  closeSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { tempDirectory } from "../fixtures/temp.ts";
import { ended, reportIn, start, transferProgram, until, type Ended, type Running } from "./programs.ts";
import { makeTree, readTree, streamOf, type Node } from "./trees.ts";

let program = "";
let top = "";
let root = "";
beforeAll(() => {
  program = transferProgram();
});
beforeEach(() => {
  top = tempDirectory();
  chmodSync(top, 0o755);
  root = join(top, "root");
  mkdirSync(root);
  makeTree(
    join(top, "tree"),
    new Map<string, Node>([
      ["d", { kind: "directory", mode: 0o750 }],
      ["d/f", { kind: "file", content: "content", mode: 0o640 }],
      ["e", { kind: "directory", mode: 0o555 }],
      ["e/g", { kind: "file", content: "x".repeat(100_000), mode: 0o444 }],
    ]),
  );
});

const isRoot = process.geteuid?.() === 0;
/** As a user who is not the system's administrator. */
const NOBODY = isRoot ? { uid: 65_534, gid: 65_534 } : {};

const receiving = (...words: readonly string[]): readonly [string, ...string[]] => [
  process.execPath,
  program,
  "receive",
  `--root=${root}`,
  ...words,
];
const sending = (...words: readonly string[]): readonly [string, ...string[]] => [
  process.execPath,
  program,
  "send",
  `--root=${top}`,
  ...words,
];

async function fed(child: Running, bytes: Buffer): Promise<Ended> {
  const end = ended(child);
  child.stdin.end(bytes);
  return end;
}

function hidden(): readonly string[] {
  return readdirSync(root).filter((name) => name.startsWith("."));
}

describe("the programs", () => {
  it("carry a tree through a pipe, and say the same of it, each in a line of JSON", async () => {
    const [sender, receiver] = [start(sending(`--path=${top}/tree`)), start(receiving(`--path=${root}/to`))];
    sender.stdin.end();
    sender.stdout.pipe(receiver.stdin);
    const [sent, received] = await Promise.all([ended(sender), ended(receiver)]);
    expect([sent.exit, received.exit]).toEqual([0, 0]);
    const report = reportIn(received.stdout);
    expect(report).toMatchObject({
      ok: true,
      kind: "directory",
      files: 2,
      directories: 3,
      links: 0,
      bytes: 100_007,
      skipped: 0,
      notices: [],
    });
    expect(reportIn(sent.stderr)).toEqual(report);
    expect(received.stdout.toString().split("\n").length).toBe(2);
    expect(readTree(join(root, "to"))).toEqual(readTree(join(top, "tree")));
  });

  it("do what their options say", async () => {
    const bytes = (await ended(start(sending(`--path=${top}/tree/d/f`)))).stdout;
    const words = [
      `--path=${root}`,
      "--name=n",
      "--kind=file",
      "--file-mode=600",
      "--directory-mode=700",
      "--not-durable",
      "--max-depth=3",
    ];
    const { exit, stdout } = await fed(start(receiving(...words)), bytes);
    expect(exit).toBe(0);
    expect(reportIn(stdout)["file_sha256"]).toMatch(/^[0-9a-f]{64}$/);
    expect(statSync(join(root, "n")).mode & 0o777).toBe(0o600);
    const taken = await fed(start(receiving(`--path=${root}/`)), bytes);
    expect([taken.exit, readdirSync(root)]).toEqual([0, ["f", "n"]]);
  });

  it("say what went wrong, with a code, and leave nothing", async () => {
    const bytes = await streamOf({ roots: [top], path: join(top, "tree") });
    const { exit, stdout } = await fed(start(receiving(`--path=${root}/to`, "--max-bytes=10")), bytes);
    expect(exit).toBe(1);
    expect(reportIn(stdout)).toMatchObject({
      ok: false,
      code: "stdin_too_large",
      message: "what comes has more than 10 bytes",
      notices: [],
    });
    const sent = await ended(start(sending("--path=/etc/passwd")));
    expect([sent.exit, sent.stdout.length]).toEqual([1, 0]);
    expect(reportIn(sent.stderr)["code"]).toBe("file_denied");
    expect(readdirSync(root)).toEqual([]);
  });

  it.each([
    [["--nonsense"], "Unknown option '--nonsense'"],
    [["--path=/x", "more"], "Unexpected argument"],
    [[], "--path is missing"],
    [["--path=/x", "--path=/y"], "--path is given twice"],
    [["--path=/x", "--max-bytes=1e3"], "--max-bytes is a whole number of at most 9007199254740991"],
    [["--path=/x", "--max-files=-1"], "--max-files is a whole number"],
    [["--path=/x", "--max-depth=257"], "--max-depth is a whole number of at most 256"],
    [["--path=/x", "--file-mode=888"], "--file-mode is a whole number of at most 7777"],
    [["--path=/x", "--links=some"], "--links is one of refuse, keep"],
  ])("refuse the options %j", async (words, why) => {
    const { exit, stdout } = await fed(start(receiving(...words)), Buffer.alloc(0));
    expect(exit).toBe(2);
    expect(reportIn(stdout)).toMatchObject({ ok: false, code: "usage" });
    expect(reportIn(stdout)["message"]).toContain(why);
  });

  it("repeat no more than a hundred notices", async () => {
    const links = Array.from({ length: 120 }, (_, n): [string, Node] => [`l${n}`, { kind: "link", content: "x" }]);
    makeTree(join(top, "links"), new Map(links));
    const { exit, stderr } = await ended(start(sending(`--path=${top}/links`, "--links=skip")));
    const notices = reportIn(stderr)["notices"] as string[];
    expect([exit, notices.length, notices.at(-1)]).toEqual([0, 101, "and 20 more"]);
  });

  it("end when nobody reads them any more", async () => {
    const file = openSync(join(top, "large"), "w");
    ftruncateSync(file, 50_000_000);
    closeSync(file);
    const sender = start(sending(`--path=${top}/large`));
    sender.stdout.once("data", () => sender.stdout.destroy());
    const { exit, stderr } = await ended(sender);
    expect(exit).toBe(1);
    expect(reportIn(stderr)).toMatchObject({ ok: false, code: "cancelled" });
  });
});

describe("a file of 200 MB", () => {
  it("takes no more memory than a small one", async () => {
    const peaks: number[][] = [];
    for (const size of [1_000, 200_000_000]) {
      const path = join(top, `of-${size}`);
      const file = openSync(path, "w");
      ftruncateSync(file, size);
      closeSync(file);
      const sender = start(sending(`--path=${path}`));
      const receiver = start(receiving(`--path=${root}/of-${size}`, "--not-durable"));
      sender.stdin.end();
      sender.stdout.pipe(receiver.stdin);
      const both = await Promise.all([ended(sender), ended(receiver)]);
      expect(both.map(({ exit }) => exit)).toEqual([0, 0]);
      expect(statSync(join(root, `of-${size}`)).size).toBe(size);
      peaks.push(both.map(({ stderr }) => Number(/peak ([0-9]+)/.exec(stderr)?.[1])));
    }
    const [small = [], large = []] = peaks;
    for (const [index, peak] of large.entries()) expect(peak - (small[index] ?? NaN)).toBeLessThan(65_536);
  });
});

describe("modes", () => {
  it.each(["0000", "0022", "0777"])("are what was sent under the umask %s", async (umask) => {
    const bytes = await streamOf({ roots: [top], path: join(top, "tree") });
    const command = receiving(`--path=${root}/to`);
    if (isRoot) chownSync(root, 65_534, 65_534);
    const { exit } = await fed(start(["/bin/sh", "-c", `umask ${umask}; exec "$@"`, "sh", ...command], NOBODY), bytes);
    expect(exit).toBe(0);
    expect(readTree(join(root, "to"))).toEqual(readTree(join(top, "tree")));
  });

  it("say who may read: a file that is none of ours is named", async () => {
    if (!isRoot) return;
    chmodSync(join(top, "tree/d/f"), 0o600);
    chmodSync(join(top, "tree/d"), 0o755);
    const { exit, stderr } = await ended(start(sending(`--path=${top}/tree`), NOBODY));
    expect(exit).toBe(1);
    expect(reportIn(stderr)).toMatchObject({ code: "file_failed", message: '"d/f": permission is denied (EACCES)' });
  });

  it("say who may write: nothing is changed where that is not allowed", async () => {
    if (!isRoot) return;
    const bytes = await streamOf({ roots: [top], path: join(top, "tree") });
    const { exit, stdout } = await fed(start(receiving(`--path=${root}/to`), NOBODY), bytes);
    expect([exit, reportIn(stdout)["code"]]).toEqual([1, "file_failed"]);
    expect(reportIn(stdout)["message"]).toContain("permission is denied (EACCES)");
    expect(readdirSync(root)).toEqual([]);
  });
});

describe("a merge that cannot be finished", () => {
  it("takes back what it put in place, and restores what it replaced", async () => {
    makeTree(
      join(root, "to"),
      new Map<string, Node>([
        ["a", { kind: "file", content: "old a" }],
        ["z", { kind: "directory" }],
      ]),
    );
    makeTree(
      join(top, "more"),
      new Map<string, Node>([
        ["a", { kind: "file", content: "new a" }],
        ["b", { kind: "file", content: "new b" }],
        ["c", { kind: "directory", mode: 0o500 }],
        ["c/d", { kind: "file", content: "x" }],
        ["z", { kind: "directory" }],
        ["z/f", { kind: "file", content: "x" }],
      ]),
    );
    if (isRoot) for (const path of ["", "to", "to/a"]) chownSync(join(root, path), 65_534, 65_534);
    else chmodSync(join(root, "to/z"), 0o555);
    const before = readTree(join(root, "to"));
    const bytes = await streamOf({ roots: [top], path: join(top, "more") });
    const { exit, stdout } = await fed(start(receiving(`--path=${root}/to`, "--merge"), NOBODY), bytes);
    expect([exit, reportIn(stdout)["message"]]).toEqual([1, '"z/f": permission is denied (EACCES)']);
    const after = readTree(join(root, "to"));
    expect([...after.keys()]).toEqual([...before.keys()]);
    expect(after.get("a")).toEqual(before.get("a"));
  });

  it("says which file it could not restore, because it was somebody else's", async () => {
    if (!isRoot) return;
    makeTree(
      join(root, "to"),
      new Map<string, Node>([
        ["a", { kind: "file", content: "old a", mode: 0o600 }],
        ["z", { kind: "directory" }],
      ]),
    );
    makeTree(
      join(top, "more"),
      new Map<string, Node>([
        ["a", { kind: "file", content: "new a" }],
        ["z", { kind: "directory" }],
        ["z/f", { kind: "file", content: "x" }],
      ]),
    );
    for (const path of ["", "to"]) chownSync(join(root, path), 65_534, 65_534);
    const bytes = await streamOf({ roots: [top], path: join(top, "more") });
    const { exit, stdout } = await fed(start(receiving(`--path=${root}/to`, "--merge"), NOBODY), bytes);
    expect(exit).toBe(1);
    const isProtected = readFileSync("/proc/sys/fs/protected_hardlinks", "utf8").trim() === "1";
    const isTold = String(reportIn(stdout)["message"]).endsWith('; this could not be taken back: "a"');
    expect([isTold, readFileSync(join(root, "to/a"), "utf8")]).toEqual(
      isProtected ? [true, "new a"] : [false, "old a"],
    );
  });
});

describe("a receiver that is stopped in the middle", () => {
  /** Half of a stream is in, and has been written. */
  async function half(): Promise<Running> {
    const bytes = await streamOf({ roots: [top], path: join(top, "tree") });
    const receiver = start(receiving(`--path=${root}/to`));
    receiver.stdin.write(bytes.subarray(0, bytes.length - 50_000));
    await until(() => {
      const [stage] = hidden();
      if (stage === undefined) return undefined;
      try {
        return statSync(join(root, stage, "data", "e", "g")).size > 0;
      } catch {
        return undefined;
      }
    });
    return receiver;
  }

  it.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)("by %s leaves nothing, and says so", async (signal) => {
    const receiver = await half();
    const end = ended(receiver);
    receiver.kill(signal);
    const { exit, stdout } = await end;
    expect([exit, reportIn(stdout)["code"]]).toEqual([1, "cancelled"]);
    expect(readdirSync(root)).toEqual([]);
  });

  it("because the other end is gone leaves nothing", async () => {
    const receiver = await half();
    const end = ended(receiver);
    receiver.stdin.end();
    expect(reportIn((await end).stdout)["code"]).toBe("transfer_invalid");
    expect(readdirSync(root)).toEqual([]);
  });

  it("by SIGKILL leaves what the next one removes, an hour later and not before", async () => {
    const receiver = await half();
    receiver.kill("SIGKILL");
    await once(receiver, "exit");
    const left = hidden();
    expect(left).toEqual([expect.stringMatching(/^\.cmd2host-transfer-[0-9a-f]{32}$/)]);
    const stage = join(root, left[0] ?? "");
    expect(statSync(stage).mode & 0o777).toBe(0o700);
    const bytes = await streamOf({ roots: [top], path: join(top, "tree") });
    await fed(start(receiving(`--path=${root}/one`)), bytes);
    expect(hidden()).toEqual(left);
    const old = new Date(Date.now() - 61 * 60 * 1_000);
    utimesSync(stage, old, old);
    chmodSync(join(stage, "data", "d"), 0o500);
    const lookalike = join(root, ".cmd2host-transfer-mine");
    mkdirSync(lookalike);
    utimesSync(lookalike, old, old);
    await fed(start(receiving(`--path=${root}/two`)), bytes);
    expect(readdirSync(root).sort()).toEqual([".cmd2host-transfer-mine", "one", "two"]);
  });

  it("does not remove what somebody else left", async () => {
    if (!isRoot) return;
    const theirs = join(root, `.cmd2host-transfer-${"1".repeat(32)}`);
    mkdirSync(theirs);
    writeFileSync(join(theirs, "f"), "x");
    chownSync(theirs, 65_534, 65_534);
    const old = new Date(Date.now() - 61 * 60 * 1_000);
    utimesSync(theirs, old, old);
    await fed(start(receiving(`--path=${root}/one`)), await streamOf({ roots: [top], path: join(top, "tree") }));
    expect(readdirSync(theirs)).toEqual(["f"]);
  });
});
