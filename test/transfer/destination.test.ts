import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { tempDirectory } from "../fixtures/temp.ts";
import { makeTree, readTree, refusal, transfer, type Node, type ReceivePart } from "./trees.ts";

let top = "";
let root = "";
beforeEach(() => {
  top = tempDirectory();
  root = join(top, "root");
  mkdirSync(root);
  writeFileSync(join(top, "file"), "new");
  makeTree(
    join(top, "tree"),
    new Map<string, Node>([
      ["sub", { kind: "directory", mode: 0o750 }],
      ["sub/deep", { kind: "directory", mode: 0o705, time: 1_000_000 }],
      ["sub/deep/a", { kind: "file", content: "new a" }],
      ["b", { kind: "file", content: "new b" }],
    ]),
  );
});

async function put(what: "file" | "tree", path: string, more: Partial<ReceivePart> = {}): Promise<void> {
  await transfer({ roots: [top], path: join(top, what) }, { roots: [root], path: `${root}${path}`, ...more });
}

const namesIn = (directory: string): readonly string[] => readdirSync(directory).sort();
const hidden = (directory: string): readonly string[] =>
  readdirSync(directory, { recursive: true, encoding: "utf8" }).filter((name) => name.includes(".cmd2host"));

describe("a file", () => {
  const content = (path: string): string => readFileSync(join(root, path), "utf8");

  it("goes to exactly what is named when nothing, or a file, stands there", async () => {
    await put("file", "/x", { name: "other" });
    expect(content("x")).toBe("new");
    writeFileSync(join(root, "x"), "old");
    await put("file", "/x");
    expect(content("x")).toBe("new");
    expect(namesIn(root)).toEqual(["x"]);
  });

  it("goes into a directory that is named, with or without a slash, under the name that the receiver gives it", async () => {
    mkdirSync(join(root, "d"));
    await put("file", "/d", { name: "one" });
    await put("file", "/d/", { name: "two" });
    await put("file", "", { name: "three" });
    await put("file", "/", { name: "four" });
    expect(namesIn(join(root, "d"))).toEqual(["one", "two"]);
    expect(namesIn(root)).toEqual(["d", "four", "three"]);
  });

  it("takes that name from the stream only when the receiver says so", async () => {
    mkdirSync(join(root, "d"));
    expect(await refusal(put("file", "/d"))).toBe(
      `file_failed: "${root}/d" is a directory, and it is not known what the name in it is to be`,
    );
    await put("file", "/d", { nameFromStream: true });
    expect(namesIn(join(root, "d"))).toEqual(["file"]);
  });

  it.each([
    ["..", 'has a part ".."'],
    ["a/b", "contains a slash"],
    ["a\0", "contains NUL"],
    ["x".repeat(256), "has a part that is longer than 255 bytes"],
    [`.cmd2host-transfer-${"f".repeat(32)}`, "is named like what a transfer leaves"],
  ])("is refused under the name %j", async (name, why) => {
    mkdirSync(join(root, "d"));
    expect(await refusal(put("file", "/d", { name }))).toContain(why);
    expect(namesIn(join(root, "d"))).toEqual([]);
  });

  it("goes nowhere when a slash says that a directory stands there, and none does", async () => {
    writeFileSync(join(root, "x"), "old");
    expect(await refusal(put("file", "/none/", { name: "n" }))).toBe(`file_failed: "${root}/none/" does not exist`);
    expect(await refusal(put("file", "/x/", { name: "n" }))).toBe(`file_failed: "${root}/x/" is not a directory`);
    expect(await refusal(put("file", "/none/x"))).toMatch(/^file_failed: .* it does not exist/);
    expect(content("x")).toBe("old");
  });

  it("does not go over a link or a directory", async () => {
    mkdirSync(join(root, "d", "n"), { recursive: true });
    symlinkSync(join(top, "file"), join(root, "l"));
    symlinkSync(join(root, "d"), join(root, "to-d"));
    expect(await refusal(put("file", "/l"))).toBe(`already_exists: "${root}/l": a symbolic link stands there`);
    expect(await refusal(put("file", "/to-d", { name: "n" }))).toContain("a symbolic link stands there");
    expect(await refusal(put("file", "/d", { name: "n" }))).toBe(
      `already_exists: "n" in "${root}/d": a directory stands there`,
    );
    expect(readFileSync(join(top, "file"), "utf8")).toBe("new");
  });

  it("keeps out of what links lead to, on the way too", async () => {
    mkdirSync(join(top, "outside"));
    symlinkSync(join(top, "outside"), join(root, "way"));
    expect(await refusal(put("file", "/way/x"))).toBe(
      `file_denied: "${root}/way/x" leads over "way", a symbolic link, which is not followed`,
    );
    writeFileSync(join(root, "plain"), "");
    expect(await refusal(put("file", "/plain/x"))).toMatch(/^file_failed: .* "plain" is not a directory$/);
    expect(namesIn(join(top, "outside"))).toEqual([]);
  });

  it("is refused where only the other kind is wanted", async () => {
    expect(await refusal(put("file", "/x", { kind: "directory" }))).toBe(
      "file_failed: a file comes where a directory is wanted",
    );
    expect(await refusal(put("tree", "/x", { kind: "file" }))).toBe(
      "file_failed: a directory comes where a file is wanted",
    );
    expect(namesIn(root)).toEqual([]);
  });
});

describe("a path", () => {
  it.each([
    ["elsewhere", "/etc/x", "lies below none of the directories that are allowed"],
    ["like a root, but longer", "ROOT-evil/x", "lies below none"],
    ["with ..", "ROOT/a/../b", 'is not an absolute path without ".."'],
    ["relative", "x", "is not an absolute path"],
    ["with NUL", "ROOT/a\0b", "is not an absolute path"],
    ["with half a character", "ROOT/\ud800", "is not an absolute path"],
    ["with a long part", `ROOT/${"x".repeat(256)}`, "is too long"],
    ["into another transfer", `ROOT/.cmd2host-transfer-${"0".repeat(32)}/data`, "belongs to another transfer"],
    ["that is long", `ROOT/${"x/".repeat(2_100)}`, "is too long"],
  ])("%s is denied", async (_, path, why) => {
    const to = { roots: [root], path: path.replace("ROOT", root) };
    const message = await refusal(transfer({ roots: [top], path: join(top, "file") }, to));
    expect(message).toMatch(/^file_denied: /);
    expect(message).toContain(why);
  });

  it("is denied when no root is allowed, or the root is no real path", async () => {
    symlinkSync(root, join(top, "link"));
    const to = async (roots: readonly string[], path: string): Promise<string> =>
      refusal(transfer({ roots: [top], path: join(top, "file") }, { roots, path }));
    expect(await to([], join(root, "x"))).toContain("lies below none");
    expect(await to(["root"], join(root, "x"))).toContain("cannot be a root");
    expect(await to([join(top, "link")], join(top, "link", "x"))).toBe(
      `file_denied: "${top}/link" is not a real path, so it cannot be a root; write "${root}"`,
    );
    expect(await to([join(top, "gone")], join(top, "gone", "x"))).toMatch(/^file_failed: the allowed directory/);
    expect(namesIn(root)).toEqual([]);
  });

  it("is seen from the innermost root, and may name it with a slash or points more", async () => {
    mkdirSync(join(root, "in"));
    await transfer(
      { roots: [top], path: join(top, "file") },
      { roots: ["/", root, join(root, "in"), top], path: `${root}//in/./x` },
    );
    expect(existsSync(join(root, "in", "x"))).toBe(true);
    expect(realpathSync(root)).toBe(root);
  });

  it("may be a root for the sender, whose name nobody knows", async () => {
    await transfer({ roots: [join(top, "tree")], path: join(top, "tree") }, { roots: [root], path: join(root, "t") });
    expect(readTree(join(root, "t"))).toEqual(readTree(join(top, "tree")));
    mkdirSync(join(root, "d"));
    const again = transfer(
      { roots: [join(top, "tree")], path: join(top, "tree") },
      { roots: [root], path: `${root}/d/`, nameFromStream: true },
    );
    expect(await refusal(again)).toContain("it is not known what the name in it is to be");
  });

  it("with a slash is no file", async () => {
    const sent = transfer({ roots: [top], path: `${top}/file/` }, { roots: [root], path: join(root, "x") });
    expect(await refusal(sent)).toMatch(/^file_failed: .* is not a directory$/);
  });
});

describe("a directory", () => {
  it("goes to exactly what is named, and into it when that ends with a slash", async () => {
    await put("tree", "/x");
    expect(readTree(join(root, "x"))).toEqual(readTree(join(top, "tree")));
    await put("tree", "/x/", { name: "inner" });
    expect(readTree(join(root, "x", "inner"))).toEqual(readTree(join(top, "tree")));
    expect(await refusal(put("tree", "/none/", { name: "n" }))).toMatch(/does not exist$/);
  });

  it("does not go where something stands", async () => {
    mkdirSync(join(root, "d"));
    writeFileSync(join(root, "f"), "");
    symlinkSync(join(root, "d"), join(root, "l"));
    expect(await refusal(put("tree", "/d"))).toBe(`already_exists: "${root}/d": a directory stands there`);
    expect(await refusal(put("tree", "/f"))).toBe(`already_exists: "${root}/f": a file stands there`);
    expect(await refusal(put("tree", "/f", { merge: true }))).toContain("a file stands there");
    expect(await refusal(put("tree", "/l", { merge: true }))).toContain("a symbolic link stands there");
    expect(await refusal(put("tree", ""))).toContain("a directory stands there");
    mkdirSync(join(root, "d", "n"));
    expect(await refusal(put("tree", "/d/", { name: "n" }))).toBe(
      `already_exists: "n" in "${root}/d/": a directory stands there`,
    );
    expect(namesIn(join(root, "d"))).toEqual(["n"]);
    expect(hidden(root)).toEqual([]);
  });
});

describe("a directory that is merged", () => {
  const existing = (more: readonly (readonly [string, Node])[]): void => {
    makeTree(
      join(root, "d"),
      new Map<string, Node>([
        ["", { kind: "directory", mode: 0o711 }],
        ["mine", { kind: "file", content: "mine" }],
        ["b", { kind: "file", content: "old b", mode: 0o600 }],
        ...more,
      ]),
    );
  };

  it("replaces files, adds what is new, and leaves everything else and the modes of directories alone", async () => {
    existing([["sub", { kind: "directory", mode: 0o700 }]]);
    await put("tree", "/d", { merge: true });
    const [now, sent] = [readTree(join(root, "d")), readTree(join(top, "tree"))];
    expect([...now.keys()]).toEqual(["", "b", "mine", "sub", "sub/deep", "sub/deep/a"]);
    expect(now.get("mine")?.content).toBe("mine");
    for (const path of ["b", "sub/deep", "sub/deep/a"]) expect([path, now.get(path)]).toEqual([path, sent.get(path)]);
    expect(now.get("")?.mode).toBe(0o711);
    expect(now.get("sub")?.mode).toBe(0o700);
    expect(hidden(root)).toEqual([]);
  });

  it("goes into a root, into what a slash names, and to what does not exist yet", async () => {
    await put("tree", "", { merge: true });
    expect(namesIn(root)).toEqual(["b", "sub"]);
    mkdirSync(join(root, "d", "tree"), { recursive: true });
    await put("tree", "/d/", { merge: true, nameFromStream: true });
    expect(namesIn(join(root, "d", "tree"))).toEqual(["b", "sub"]);
    await put("tree", "/fresh", { merge: true });
    expect(readTree(join(root, "fresh"))).toEqual(readTree(join(top, "tree")));
    await put("tree", "/fresh", { merge: true });
    expect(readTree(join(root, "fresh")).get("sub/deep/a")).toEqual(readTree(join(top, "tree")).get("sub/deep/a"));
  });

  it.each<readonly [string, readonly (readonly [string, Node])[], string]>([
    ["a file where a directory comes", [["sub", { kind: "file" }]], '"sub" is a directory, and a file stands there'],
    ["a link where a directory comes", [["sub", { kind: "link", content: "." }]], "and a symbolic link stands there"],
    [
      "a directory where a file comes",
      [
        ["sub", { kind: "directory" }],
        ["sub/deep", { kind: "directory" }],
        ["sub/deep/a", { kind: "directory" }],
      ],
      '"sub/deep/a" is a file, and a directory stands there',
    ],
  ])("changes nothing when there is %s", async (_, more, why) => {
    existing(more);
    const before = readTree(join(root, "d"));
    expect(await refusal(put("tree", "/d", { merge: true }))).toContain(`already_exists: `);
    expect(await refusal(put("tree", "/d", { merge: true }))).toContain(why);
    const now = readTree(join(root, "d"));
    expect([...now.keys()]).toEqual([...before.keys()]);
    expect(now.get("b")).toEqual(before.get("b"));
  });

  it("replaces a link by a link", async () => {
    existing([["l", { kind: "link", content: "mine" }]]);
    symlinkSync("b", join(top, "tree", "l"));
    await transfer(
      { roots: [top], path: join(top, "tree"), links: "keep" },
      { roots: [root], path: join(root, "d"), merge: true, links: true },
    );
    expect(readTree(join(root, "d")).get("l")?.content).toBe("b");
  });
});

describe.runIf(process.platform === "linux")("a directory whose new entries get its group", () => {
  it("passes that on to what comes", async () => {
    mkdirSync(join(root, "shared"));
    chmodSync(join(root, "shared"), 0o2775);
    await put("tree", "/shared/t");
    expect(statSync(join(root, "shared", "t")).mode & 0o2000).toBe(0o2000);
    expect(statSync(join(root, "shared", "t", "sub")).mode & 0o7777).toBe(0o2750);
    expect(lstatSync(join(root, "shared", "t", "b")).mode & 0o7000).toBe(0);
  });
});
