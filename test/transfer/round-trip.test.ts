import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { errnoOf } from "../../wire/errors.ts";
import type { Reach } from "../../host/util/dir-handle.ts";
import { atEnd, tempDirectory } from "../fixtures/temp.ts";
import { makeTree, readTree, refusal, streamOf, transfer, type Node, type Tree } from "./trees.ts";

const REACHES: readonly (readonly [string, Reach])[] = [
  ["as the system allows", "handle"],
  ["where there is no /proc", "path"],
];

/** Whether the file system takes names that are not UTF-8; macOS refuses them. */
function takesAnyName(): boolean {
  try {
    writeFileSync(Buffer.concat([Buffer.from(`${tempDirectory()}/`), Buffer.from([0xff])]), "");
    return true;
  } catch (error) {
    if (errnoOf(error) === "EILSEQ") return false;
    throw error;
  }
}

const byte = takesAnyName() ? fc.integer({ min: 1, max: 255 }) : fc.integer({ min: 1, max: 127 });
const name = fc
  .oneof(
    { weight: 6, arbitrary: fc.array(byte, { minLength: 1, maxLength: 12 }) },
    { weight: 1, arbitrary: fc.array(byte, { minLength: 255, maxLength: 255 }) },
    {
      weight: 2,
      arbitrary: fc
        .constantFrom("\n", " ", "-", "a\nb", "ä", "\u{1f600}", "...", "~", "x\r")
        .map((text) => [...Buffer.from(text)]),
    },
  )
  .map((bytes) => Buffer.from(bytes).toString("latin1"))
  .filter((text) => !text.includes("/") && text !== "." && text !== "..");
const content = fc
  .tuple(fc.constantFrom(0, 1, 511, 512, 513, 70_000), fc.integer({ min: 0, max: 255 }))
  .map(([size, value]) => Buffer.alloc(size, value).toString("latin1"));
/** To the millisecond: that is what all systems keep. */
const time = fc.integer({ min: -1_000_000_000_000, max: 4_500_000_000_000 });
const fileMode = fc.integer({ min: 0o400, max: 0o777 }).map((mode) => mode | 0o400);
const directoryMode = fc.integer({ min: 0o500, max: 0o777 }).map((mode) => mode | 0o500);

/** A tree as pairs of a parent (by its number) and a name. */
const tree: fc.Arbitrary<Tree> = fc
  .array(
    fc.record({
      parent: fc.nat(20),
      name,
      node: fc.oneof(
        fc.record({ kind: fc.constant("file" as const), mode: fileMode, content, time }),
        fc.record({ kind: fc.constant("directory" as const), mode: directoryMode, time }),
      ),
    }),
    { maxLength: 8 },
  )
  .map((rows) => {
    const made = new Map<string, Node>([["", { kind: "directory", mode: 0o755 }]]);
    for (const row of rows) {
      const directories = [...made].filter(([, { kind }]) => kind === "directory").map(([path]) => path);
      const parent = directories[row.parent % directories.length] ?? "";
      const path = parent === "" ? row.name : `${parent}/${row.name}`;
      if (!made.has(path)) made.set(path, row.node);
    }
    return made;
  });

describe("a tree that is sent and received", () => {
  it.each(REACHES)("is the same afterwards, whatever its names, modes, times and contents, %s", async (_, reach) => {
    const top = tempDirectory();
    let round = 0;
    await fc.assert(
      fc.asyncProperty(tree, async (made) => {
        round++;
        const [from, to] = [join(top, `from${round}`), join(top, `to${round}`)];
        makeTree(from, made);
        const before = readTree(from);
        const { sent, received } = await transfer(
          { roots: [top], path: from, reach },
          { roots: [top], path: to, reach, durable: false },
        );
        expect(readTree(to)).toEqual(before);
        expect(received).toEqual(sent);
        expect(sent.files + sent.directories).toBe(before.size);
      }),
      { numRuns: 40 },
    );
    expect(readdirSync(top).filter((entry) => entry.startsWith("."))).toEqual([]);
  });

  it("keeps names that are not UTF-8 as they are, beside names that look the same", async () => {
    if (!takesAnyName()) return;
    const top = tempDirectory();
    const looksTheSame = Buffer.from("\ufffd").toString("latin1");
    makeTree(
      join(top, "from"),
      new Map<string, Node>([
        ["\xff", { kind: "file", content: "one" }],
        ["\xfe", { kind: "directory" }],
        ["\xfe/\xc3", { kind: "file", content: "two" }],
        [looksTheSame, { kind: "file", content: "three" }],
        ["link", { kind: "link", content: "\xfe/\xc3" }],
      ]),
    );
    await transfer(
      { roots: [top], path: join(top, "from"), links: "keep" },
      { roots: [top], path: join(top, "to"), links: true },
    );
    expect(readTree(join(top, "to"))).toEqual(readTree(join(top, "from")));
  });

  it("has the same bytes each time, and the same checksum at both ends", async () => {
    const top = tempDirectory();
    makeTree(
      join(top, "from"),
      new Map<string, Node>(["c", "a", "b"].map((path) => [path, { kind: "file", content: path }])),
    );
    const part = { roots: [top], path: join(top, "from") };
    expect((await streamOf(part)).equals(await streamOf(part))).toBe(true);
  });

  it("keeps times to the microsecond, also when it goes on from there", async () => {
    const top = tempDirectory();
    writeFileSync(join(top, "a"), "x");
    utimesSync(join(top, "a"), 1_700_000_000, 1_700_000_000.123_456);
    const times: bigint[] = [];
    for (const [from, to] of [
      ["a", "b"],
      ["b", "c"],
      ["c", "d"],
    ] as const) {
      await transfer({ roots: [top], path: join(top, from) }, { roots: [top], path: join(top, to) });
      times.push(statSync(join(top, to), { bigint: true }).mtimeNs / 1_000n);
    }
    expect(new Set(times).size).toBe(1);
    expect(times[0]).toBeGreaterThanOrEqual(1_700_000_000_123_455n);
    expect(times[0]).toBeLessThanOrEqual(1_700_000_000_123_457n);
  });
});

describe("a file that is sent and received", () => {
  it("arrives with its content, mode and sum, and says how far it is meanwhile", async () => {
    const top = tempDirectory();
    const bytes = Buffer.alloc(1_500_000, "abc");
    writeFileSync(join(top, "a"), bytes);
    chmodSync(join(top, "a"), 0o751);
    const seen: number[] = [];
    const { sent, received } = await transfer(
      { roots: [top], path: join(top, "a") },
      { roots: [top], path: join(top, "b"), onProgress: ({ bytes: so, expected }) => seen.push(so / expected.bytes) },
    );
    expect(readFileSync(join(top, "b")).equals(bytes)).toBe(true);
    expect(statSync(join(top, "b")).mode & 0o7777).toBe(0o751);
    expect(received).toEqual(sent);
    expect(sent).toMatchObject({ kind: "file", files: 1, directories: 0, bytes: 1_500_000 });
    expect(sent.fileSha256).toMatch(/^[0-9a-f]{64}$/);
    expect(seen.length).toBeGreaterThan(3);
    expect(seen).toEqual([...seen].sort((one, other) => one - other));
    expect(seen.at(-1)).toBe(1);
  });

  it("may be empty, and may have no mode at all", async () => {
    const top = tempDirectory();
    writeFileSync(join(top, "a"), "");
    chmodSync(join(top, "a"), process.geteuid?.() === 0 ? 0 : 0o400);
    await transfer({ roots: [top], path: join(top, "a") }, { roots: [top], path: join(top, "b") });
    expect(statSync(join(top, "b"))).toMatchObject({ size: 0, mode: statSync(join(top, "a")).mode });
  });

  it("gets other modes when the receiver says so, and special bits only when both say so", async () => {
    const top = tempDirectory();
    writeFileSync(join(top, "a"), "x");
    chmodSync(join(top, "a"), 0o4755);
    const modeAfter = async (from: object, to: object): Promise<number> => {
      await transfer({ roots: [top], path: join(top, "a"), ...from }, { roots: [top], path: join(top, "b"), ...to });
      return statSync(join(top, "b")).mode & 0o7777;
    };
    const special = { specialBits: true };
    expect(await modeAfter({}, {})).toBe(0o755);
    expect(await modeAfter(special, {})).toBe(0o755);
    expect(await modeAfter({}, { modes: special })).toBe(0o755);
    expect(await modeAfter(special, { modes: special })).toBe(0o4755);
    expect(await modeAfter(special, { modes: { ...special, file: 0o640 } })).toBe(0o640);
  });
});

describe("what is no file", () => {
  it("is left out with a notice, which both ends count", async () => {
    const top = tempDirectory();
    makeTree(join(top, "from"), new Map<string, Node>([["file", { kind: "file" }]]));
    const server = createServer().listen(join(top, "from", "socket"));
    atEnd(() => {
      server.close();
    });
    mkdirSync(join(top, "from", `.cmd2host-transfer-${"0".repeat(32)}`));
    const notices: string[] = [];
    const { sent, received } = await transfer(
      { roots: [top], path: join(top, "from"), onNotice: (text) => notices.push(text) },
      { roots: [top], path: join(top, "to") },
    );
    expect(notices).toEqual([
      `".cmd2host-transfer-${"0".repeat(32)}" belongs to another transfer, and was left out`,
      '"socket" is neither a file nor a directory, and was left out',
    ]);
    expect([sent.skipped, received.skipped]).toEqual([2, 2]);
    expect(readdirSync(join(top, "to"))).toEqual(["file"]);
  });

  it("is refused when it is what was asked for", async () => {
    const top = tempDirectory();
    const server = createServer().listen(join(top, "socket"));
    atEnd(() => {
      server.close();
    });
    symlinkSync("socket", join(top, "link"));
    const sent = async (name: string): Promise<string> => refusal(streamOf({ roots: [top], path: join(top, name) }));
    expect(await sent("socket")).toContain("neither a file nor a directory");
    expect(await sent("link")).toMatch(/^file_denied: .* is a symbolic link$/);
    expect(await sent("nothing")).toMatch(/^file_failed: .* does not exist$/);
  });
});

describe("a symbolic link", () => {
  const withLinks = (links: Readonly<Record<string, string>>): string => {
    const top = tempDirectory();
    const tree = new Map<string, Node>([
      ["d", { kind: "directory" }],
      ["d/file", { kind: "file", content: "x" }],
    ]);
    for (const [path, content] of Object.entries(links)) tree.set(path, { kind: "link", content });
    makeTree(join(top, "from"), tree);
    return top;
  };

  it("is refused by its name, unless it is left out or kept", async () => {
    const top = withLinks({ "d/up": "../d/file" });
    const part = { roots: [top], path: join(top, "from") };
    expect(await refusal(streamOf(part))).toBe('file_denied: "d/up" is a symbolic link');
    const notices: string[] = [];
    await transfer(
      { ...part, links: "skip", onNotice: (text) => notices.push(text) },
      { roots: [top], path: join(top, "to") },
    );
    expect(notices).toEqual(['"d/up" is a symbolic link, and was left out']);
    expect(readdirSync(join(top, "to", "d"))).toEqual(["file"]);
    await transfer({ ...part, links: "keep" }, { roots: [top], path: join(top, "kept"), links: true });
    expect(lstatSync(join(top, "kept", "d", "up")).isSymbolicLink()).toBe(true);
    expect(readTree(join(top, "kept"))).toEqual(readTree(join(top, "from")));
  });

  it("is refused by a receiver that takes none, and nothing is left", async () => {
    const top = withLinks({ l: "d" });
    const refused = transfer(
      { roots: [top], path: join(top, "from"), links: "keep" },
      { roots: [top], path: join(top, "to") },
    );
    expect(await refusal(refused)).toBe('file_denied: "l" is a symbolic link, and none are taken');
    expect(readdirSync(top)).toEqual(["from"]);
  });

  it.each([
    ["/etc/passwd", "is absolute"],
    ["../..", "leads out of the tree"],
    ["d/../../x", 'goes up with ".." behind a name'],
  ])("that leads to %s is not sent", async (target, why) => {
    const top = withLinks({ l: target });
    const sent = streamOf({ roots: [top], path: join(top, "from"), links: "keep" });
    expect(await refusal(sent)).toBe(`file_denied: "l" is a symbolic link that ${why}`);
  });
});
