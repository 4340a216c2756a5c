import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { beforeEach, describe, expect, it } from "vitest";
import { DEFAULT_LIMITS, Tally } from "../../transfer/limits.ts";
import { receive } from "../../transfer/receive.ts";
import { tempDirectory } from "../fixtures/temp.ts";
import { archiveOf, streamWith, type Made, type Records } from "./archives.ts";
import { readTree, receiveBytes, refusal, taken, type ReceivePart } from "./trees.ts";

let top = "";
let root = "";
beforeEach(() => {
  top = tempDirectory();
  root = join(top, "a", "root");
  mkdirSync(root, { recursive: true });
  writeFileSync(join(top, "x"), "outside");
});

async function refused(bytes: Buffer, more: Partial<ReceivePart> = {}): Promise<string> {
  const message = await refusal(receiveBytes(bytes, { roots: [root], path: join(root, "to"), ...more }));
  expect(readdirSync(root)).toEqual([]);
  expect(readdirSync(top).sort()).toEqual(["a", "x"]);
  expect(readFileSync(join(top, "x"), "utf8")).toBe("outside");
  return message;
}

const TOP: Made = { name: "data", type: "directory" };
const base64 = (text: string): string => Buffer.from(text).toString("base64");

describe("an entry of a hostile stream", () => {
  it.each<readonly [string, readonly Made[], string]>([
    ["has an absolute name", [{ name: "/etc/x" }], 'transfer_invalid: the entry "/etc/x" does not lie in data'],
    ["has a name beside ours", [{ name: "database" }], 'the entry "database" does not lie in data'],
    ["has an absolute name behind ours", [{ name: "data//etc" }], "has an empty part"],
    ["goes up", [{ name: "data/../../x" }], 'has a part ".."'],
    ["goes up behind a directory", [{ name: "data/d", type: "directory" }, { name: "data/d/../../x" }], 'a part ".."'],
    ["is a point", [{ name: "data/." }], 'has a part "."'],
    ["ends with a slash", [{ name: "data/d/", type: "directory" }], "has an empty part"],
    ["has NUL in its name", [{ name: "n", pax: { path: "data/a\0b" } }], "contains NUL"],
    ["has a long part", [{ name: `data/${"y".repeat(256)}` }], "longer than 255 bytes"],
    ["has a long path", [{ name: `data/${"y/".repeat(2_100)}y` }], "is longer than 4096 bytes"],
    ["is named like a leftover", [{ name: `data/.cmd2host-transfer-${"a".repeat(32)}` }], "what a transfer leaves"],
    ["goes up in bytes", [{ name: "data/r", pax: { "CMD2HOST.path": base64("../x") } }], 'has a part ".."'],
    ["is absolute in bytes", [{ name: "data/r", pax: { "CMD2HOST.path": base64("/etc/x") } }], "has an empty part"],
    ["has bytes that are none", [{ name: "data/r", pax: { "CMD2HOST.path": "*" } }], "is not base64"],
    ["has too many bytes", [{ name: "data/r", pax: { "CMD2HOST.path": "A".repeat(9_000) } }], "is not base64"],
    ["is a hard link", [{ name: "data/h", type: "link", linkname: "/etc/passwd" }], "is of the kind link"],
    ["is a character device", [{ name: "data/c", type: "character-device" }], "is of the kind character-device"],
    ["is a block device", [{ name: "data/b", type: "block-device" }], "is of the kind block-device"],
    ["is a FIFO", [{ name: "data/f", type: "fifo" }], "is of the kind fifo"],
    ["is a contiguous file", [{ name: "data/f", type: "contiguous-file" }], "is of the kind contiguous-file"],
    ["is a link", [{ name: "data/l", type: "symlink", linkname: "d" }], "file_denied"],
    ["comes twice", [{ name: "data/f" }, { name: "data/f" }], 'the entry "f" comes twice'],
    [
      "comes twice as a directory",
      [
        { name: "data/d", type: "directory" },
        { name: "data/d", type: "directory" },
      ],
      'the entry "d" comes twice',
    ],
    [
      "comes twice as something else",
      [{ name: "data/d", type: "directory" }, { name: "data/d" }],
      'the entry "d" comes twice',
    ],
    ["is the top once more", [TOP], "the entry the top directory comes twice"],
    ["comes before its directory", [{ name: "data/d/f" }], 'the entry "d/f" comes before its directory'],
    ["lies in a file", [{ name: "data/d" }, { name: "data/d/f" }], 'the entry "d/f" comes before its directory'],
    ["has a time that is none", [{ name: "data/f", pax: { mtime: "soon" } }], 'the entry "f" has no time'],
    ["has a size that is none", [{ name: "data/f", pax: { size: "many" } }], "transfer_invalid"],
    ["has a size below zero", [{ name: "data/f", pax: { size: "-1" } }], "transfer_invalid"],
    ["is a directory with content", [{ name: "data/d", type: "directory", pax: { size: "9" } }], "has a wrong size"],
    ["has a size beyond all numbers", [{ name: "data/f", pax: { size: "9007199254740993" } }], "has a wrong size"],
    [
      "is larger than all that is allowed",
      [{ name: "data/f", pax: { size: "1073741825" } }],
      "stdin_too_large: what comes has more than 1073741824 bytes",
    ],
  ])("that %s is refused", async (_, entries, why) => {
    expect(await refused(await streamWith([TOP, ...entries]))).toContain(why);
  });

  it.each([
    ["/etc/passwd", "is absolute"],
    ["..", "leads out of the tree"],
    ["./../x", "leads out of the tree"],
    ["d/../../../x", 'goes up with ".." behind a name'],
    ["d/..", 'goes up with ".." behind a name'],
    ["", "leads nowhere"],
    ["y".repeat(4_097), "is longer than 4096 bytes"],
  ])("that is a link to %j is refused where links are taken", async (linkname, why) => {
    const header =
      linkname === ""
        ? { name: "data/l", type: "symlink" as const, pax: { linkpath: "" } }
        : { name: "data/l", type: "symlink" as const, linkname };
    expect(await refused(await streamWith([TOP, header]), { links: true })).toBe(
      `file_denied: "l" is a symbolic link that ${why}`,
    );
  });

  it("that is a link with NUL, or goes up in bytes, is refused where links are taken", async () => {
    const link = async (pax: Record<string, string>): Promise<Buffer> =>
      streamWith([TOP, { name: "data/l", type: "symlink", linkname: "d", pax }]);
    expect(await refused(await link({ "CMD2HOST.linkpath": base64("a\0b") }), { links: true })).toContain("NUL");
    expect(await refused(await link({ "CMD2HOST.linkpath": base64("../x") }), { links: true })).toContain("out of the");
  });

  it("is never written through a link that came before", async () => {
    const entries: readonly Made[] = [TOP, { name: "data/l", type: "symlink", linkname: "." }, { name: "data/l/f" }];
    expect(await refused(await streamWith(entries), { links: true })).toContain("comes before its directory");
    const twice: readonly Made[] = [TOP, { name: "data/l", type: "symlink", linkname: "f" }, { name: "data/l" }];
    expect(await refused(await streamWith(twice), { links: true })).toContain("comes twice");
  });

  it.each([
    ["mode", 100, "7777777\0", 'the entry "f" has no mode'],
    ["mode that is none", 100, "zzzzzzz\0", 'the entry "f" has no mode'],
    ["time", 136, "\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff", 'the entry "f" has no time'],
    ["size", 124, "\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff", "has a wrong size"],
    ["size below zero", 124, `${"\xff".repeat(11)}\xfe`, "transfer_invalid"],
  ])("with an impossible %s in its header is refused", async (_, at, field, why) => {
    const bytes = await streamWith([TOP, { name: "data/f" }]);
    const header = bytes.indexOf("data/f\0");
    bytes.write(field, header + at, "latin1");
    bytes.fill(" ", header + 148, header + 156);
    const sum = bytes.subarray(header, header + 512).reduce((one, other) => one + other, 0);
    bytes.write(`${sum.toString(8).padStart(6, "0")}\0`, header + 148, "latin1");
    expect(await refused(bytes)).toContain(why);
  });

  it("gets no special bits, and has nobody else's name", async () => {
    await receiveBytes(await streamWith([{ name: "data", mode: 0o6777, content: "x" }]), {
      roots: [root],
      path: join(root, "to"),
    });
    expect(readTree(join(root, "to")).get("")).toMatchObject({ mode: 0o777, content: "x" });
  });

  it("of another kind than was announced is refused", async () => {
    const file: readonly Made[] = [{ name: "data", content: "x" }];
    expect(await refused(await streamWith(file, { begin: { kind: "directory" } }))).toBe(
      "transfer_invalid: the top is a file, and not the directory that was announced",
    );
    expect(await refused(await streamWith([TOP], { begin: { kind: "file" } }))).toContain("the top is a directory");
    expect(await refused(await streamWith([...file, { name: "data/f" }]))).toContain("comes before its directory");
    expect(await refused(await streamWith([...file, ...file]))).toContain("comes twice");
  });
});

describe("a record of a hostile stream", () => {
  const file: readonly Made[] = [{ name: "data", content: "content" }];
  it.each<readonly [string, Records, string]>([
    ["is missing at the beginning", { begin: null }, "the stream does not begin with a record of ours"],
    ["is no JSON", { begin: "{" }, "the first record is not a JSON object"],
    ["has a member twice", { begin: '{"format":1,"format":2}' }, "the first record is not a JSON object"],
    ["is no object", { begin: "[1]" }, "the stream does not begin with a record of ours"],
    ["is null", { begin: "null" }, "the first record is not a JSON object"],
    ["is no UTF-8", { begin: "\xff" }, "the first record is not a JSON object"],
    ["is followed by something", { begin: "{} {}" }, "the first record is not a JSON object"],
    ["is too large", { begin: `{}${" ".repeat(5_000)}` }, "the record begin.json is not a file of at most 4096 bytes"],
    ["is of another program", { begin: { format: "tar" } }, "the stream does not begin with a record of ours"],
    ["has another version", { begin: { version: 2 } }, "link_version: the stream has version 2, and 1 is known here"],
    ["has no version", { begin: { version: "1" } }, "link_version"],
    ["has another kind", { begin: { kind: "device\u001b" } }, "the first record has the kind device\\x1b"],
    ["has no name", { begin: { name: 1 } }, "the first record has no name"],
    ["announces less than nothing", { begin: { bytes: -1 } }, "the first record has no number bytes"],
    ["announces too much", { begin: { bytes: 2_000_000_000 } }, "stdin_too_large"],
    ["announces too many", { begin: { links: 20_000 } }, "stdin_too_large: what comes has more than 10000 files"],
    ["announces what no disk has", { begin: { bytes: 9_007_199_254_740_991 } }, "stdin_too_large"],
    ["has no sums", { sums: null }, 'transfer_invalid: the entry "end.json" does not lie in data'],
    ["has sums of more files", { sums: Buffer.alloc(64) }, "the record sums is not a file of at most 32 bytes"],
    ["has sums of fewer files", { sums: Buffer.alloc(0) }, "the content of the top directory is not what was sent"],
    ["has another sum", { sums: Buffer.alloc(32) }, "is not what was sent"],
    ["is missing at the end", { end: null }, "the stream has no last record"],
    ["has no checksum", { end: { sha256: 1 } }, "the last record has no checksum"],
    [
      "has another checksum",
      { end: { sha256: "0".repeat(64) } },
      "the names, modes or times are not those that were sent",
    ],
    ["counts other files", { end: { files: 2 } }, "1 files came, and 2 were sent"],
    ["counts other bytes", { end: { bytes: 8 } }, "7 bytes came, and 8 were sent"],
    ["counts nothing", { end: { skipped: "1" } }, "the last record has no number skipped"],
    ["is not the last", { after: [{ name: "data/f" }] }, "something follows the last record"],
  ])("that %s is refused", async (_, records, why) => {
    expect(await refused(await streamWith(file, records))).toContain(why);
  });

  it("is a file, whatever its name", async () => {
    const begin: Made = { name: "begin.json", type: "directory" };
    expect(await refused(await archiveOf([begin]))).toContain("the record begin.json is not a file");
    expect(await refused(await streamWith([], { begin: { kind: "directory" } }))).toBe(
      "transfer_invalid: nothing came",
    );
  });

  it("does not choose a name when the receiver does not let it", async () => {
    mkdirSync(join(root, "home"));
    const bytes = await streamWith(file, { begin: { name: ".bashrc" } });
    const part = { roots: [root], path: join(root, "home") };
    expect(await refusal(receiveBytes(bytes, part))).toContain("it is not known what the name in it is to be");
    for (const name of ["..", "a/b", "", "/etc/x", "."])
      expect(
        await refusal(receiveBytes(await streamWith(file, { begin: { name } }), { ...part, nameFromStream: true })),
      ).toMatch(/^file_/);
    expect(readdirSync(join(root, "home"))).toEqual([]);
  });

  it("that announces more than the disk has is refused before anything is written", async () => {
    const bytes = await streamWith(file, { begin: { bytes: Number.MAX_SAFE_INTEGER } });
    const limits = { ...DEFAULT_LIMITS, maxBytes: Number.MAX_SAFE_INTEGER };
    expect(await refused(bytes, { limits })).toMatch(
      /^file_failed: .* bytes left, and 9007199254740991 are going to come$/,
    );
  });
});

describe("limits", () => {
  const many = [TOP, ...Array.from({ length: 5 }, (_, n): Made => ({ name: `data/f${n}`, content: "12345" }))];
  const nothing = { files: 0, directories: 0, links: 0, bytes: 0 };

  it("are kept while it comes, whatever was announced", async () => {
    const bytes = await streamWith(many, { begin: nothing });
    const limited = async (more: object): Promise<string> => refused(bytes, { limits: { ...DEFAULT_LIMITS, ...more } });
    expect(await limited({ maxFiles: 5 })).toBe("stdin_too_large: what comes has more than 5 files and directories");
    expect(await limited({ maxBytes: 24 })).toBe("stdin_too_large: what comes has more than 24 bytes");
    await receiveBytes(bytes, {
      roots: [root],
      path: join(root, "to"),
      limits: { maxFiles: 6, maxBytes: 25, maxDepth: 0 },
    });
    expect(readTree(join(root, "to")).size).toBe(6);
  });

  it("of depth count directories", async () => {
    const deep = await streamWith([
      TOP,
      { name: "data/a", type: "directory" },
      { name: "data/a/b", type: "directory" },
      { name: "data/a/b/f" },
    ]);
    const limits = (maxDepth: number) => ({ limits: { ...DEFAULT_LIMITS, maxDepth } });
    expect(await refused(deep, limits(1))).toContain("directories inside of each other more than 1 deep");
    await receiveBytes(deep, { roots: [root], path: join(root, "to"), ...limits(2) });
  });

  it("of paths do not depend on the others", () => {
    const tally = new Tally({ maxBytes: 0, maxFiles: Number.MAX_SAFE_INTEGER, maxDepth: 0 }, (text) => new Error(text));
    const path = "x".repeat(4_096);
    for (let n = 0; n < 16_384; n++) tally.keepPath(path);
    expect(() => {
      tally.keepPath("x");
    }).toThrow("paths of more than 67108864 bytes together");
  });

  it("that are no limits are a mistake of the caller", async () => {
    for (const limits of [{ maxBytes: -1 }, { maxFiles: 0.5 }, { maxDepth: 257 }, { maxBytes: NaN }])
      await expect(
        receiveBytes(Buffer.alloc(0), { roots: [root], path: root, limits: { ...DEFAULT_LIMITS, ...limits } }),
      ).rejects.toThrow(RangeError);
  });
});

describe("a stream", () => {
  const tree: readonly Made[] = [
    TOP,
    { name: "data/a", type: "directory" },
    { name: "data/a/f", content: "x".repeat(700) },
    { name: "data/g" },
  ];

  it("that is cut anywhere is never taken for a whole one", async () => {
    const bytes = await streamWith(tree);
    // The last two blocks are zeros, which say nothing.
    const whole = bytes.length - 1_024;
    const cuts = [...Array(whole / 512).keys()].flatMap((block) => [block * 512, block * 512 + 1, block * 512 + 300]);
    for (const cut of cuts)
      expect([cut, await refused(bytes.subarray(0, cut))]).toEqual([cut, expect.stringMatching(/^transfer_invalid: /)]);
    await receiveBytes(bytes.subarray(0, whole), { roots: [root], path: join(root, "to") });
  });

  it("with a byte changed is refused, or means the same", async () => {
    const bytes = await streamWith(tree);
    await receiveBytes(bytes, { roots: [root], path: join(root, "to"), durable: false });
    const right = readTree(join(root, "to"));
    const outcomes = { refused: 0, same: 0 };
    for (let at = 0; at < bytes.length - 1_024; at += 29) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
      const path = join(root, `changed${at}`);
      try {
        await receiveBytes(changed, { roots: [root], path, durable: false });
      } catch {
        outcomes.refused++;
        continue;
      }
      expect([at, readTree(path)]).toEqual([at, right]);
      outcomes.same++;
    }
    expect(outcomes.refused).toBeGreaterThan(50);
    expect(readdirSync(root).filter((name) => name.startsWith("."))).toEqual([]);
  });

  it("may come in pieces of any size", async () => {
    const bytes = await streamWith(tree);
    for (const [index, size] of [1, 3, 511, 513, bytes.length].entries())
      await receiveBytes(bytes, { roots: [root], path: join(root, `to${index}`) }, size);
    expect(readdirSync(root).length).toBe(5);
  });

  it("of something else is refused", async () => {
    expect(await refused(Buffer.alloc(0))).toBe("transfer_invalid: the stream is empty");
    expect(await refused(Buffer.from("HTTP/1.1 200 OK\r\n\r\n".repeat(100)))).toMatch(
      /^transfer_invalid: the stream is not a whole archive/,
    );
    expect(await refused(Buffer.alloc(20_480))).toBe("transfer_invalid: the stream is empty");
    expect(await refused(await archiveOf([{ name: "a", content: "b" }]))).toContain(
      "does not begin with a record of ours",
    );
    const lying = await archiveOf([{ name: "data", content: "b", size: 1_000 }]);
    expect(
      await refused(
        Buffer.concat([
          (
            await archiveOf([
              {
                name: "begin.json",
                content:
                  '{"format":"cmd2host-transfer","version":1,"kind":"file","name":"","files":1,"directories":0,"links":0,"bytes":1}',
              },
            ])
          ).subarray(0, 1_024),
          lying,
        ]),
      ),
    ).toContain("not a whole archive");
  });

  it("that has no end is given up, whatever it repeats", async () => {
    const header = (await archiveOf([{ name: "x", pax: { a: "b".repeat(60_000) } }])).subarray(0, 60_928);
    const endings = [header, Buffer.alloc(65_536)];
    for (const piece of endings) {
      const whole = await streamWith([{ name: "data", content: "x" }]);
      const pipe = new PassThrough();
      pipe.write(piece === header ? whole.subarray(0, 1_024) : whole);
      let sent = 0;
      const work = receive({ input: pipe, roots: [root], path: join(root, "to"), limits: DEFAULT_LIMITS });
      const ended = work.then(
        () => "received",
        (error: unknown) => String(error),
      );
      while (!pipe.destroyed && sent < 100_000_000) {
        sent += piece.length;
        if (!pipe.write(piece)) await taken(pipe);
      }
      expect(await ended).toContain("headers of the stream have no end");
      expect(sent).toBeLessThan(3_000_000);
    }
    expect(readdirSync(root)).toEqual([]);
  });
});
