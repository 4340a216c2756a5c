import { closeSync, ftruncateSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { PackIndex } from "../../../host/git/repository/pack-index.ts";
import { git } from "../../fixtures/repo.ts";
import { tempDirectory } from "../../fixtures/temp.ts";

function packed(format: "sha1" | "sha256"): { readonly index: string; readonly ids: readonly string[] } {
  const repo = tempDirectory();
  git(repo, "init", "-q", `--object-format=${format}`);
  for (let at = 0; at < 300; at++) writeFileSync(join(repo, `f${at}`), `${at}`);
  git(repo, "add", "-A");
  git(repo, "commit", "-q", "-m", "x");
  git(repo, "gc", "-q");
  const pack = join(repo, ".git/objects/pack");
  const name = readdirSync(pack).find((one) => one.endsWith(".idx")) ?? "";
  const all = git(repo, "cat-file", "--batch-all-objects", "--batch-check=%(objectname)").trim().split("\n");
  return { index: join(pack, name), ids: all };
}

const descriptors = (): number => readdirSync("/proc/self/fd").length;

describe("a pack index", () => {
  it.each(["sha1", "sha256"] as const)("has exactly the objects of its pack: %s", (format) => {
    const { index, ids } = packed(format);
    const before = descriptors();
    const pack = new PackIndex(index, format);
    expect(ids.length).toBeGreaterThan(300);
    expect(ids.filter((id) => !pack.has(id))).toEqual([]);
    const flipped = (id: string): string => id.slice(0, -1) + (id.endsWith("0") ? "1" : "0");
    expect(ids.map(flipped).filter((id) => pack.has(id))).toEqual([]);
    const width = format === "sha1" ? 40 : 64;
    for (const digit of "0123456789abcdef") expect(pack.has(digit.repeat(width))).toBe(false);
    pack.close();
    expect(descriptors()).toBe(before);
  });

  it("is refused when it is another file, another version, or cut short, and leaves nothing open", () => {
    const { index, ids } = packed("sha1");
    const bytes = readFileSync(index);
    const path = join(tempDirectory(), "x.idx");
    const before = descriptors();
    for (const wrong of [
      Buffer.alloc(0),
      Buffer.from("x"),
      Buffer.alloc(2_000),
      bytes.subarray(0, 500),
      Buffer.concat([bytes.subarray(0, 7), Buffer.from([1]), bytes.subarray(8)]),
    ]) {
      writeFileSync(path, wrong);
      expect(() => new PackIndex(path, "sha1")).toThrow(RangeError);
    }
    expect(() => new PackIndex(`${path}-missing`, "sha1")).toThrow("ENOENT");
    mkdirSync(`${path}-directory`);
    expect(() => new PackIndex(`${path}-directory`, "sha1")).toThrow("EISDIR");
    expect(descriptors()).toBe(before);
    writeFileSync(path, bytes);
    const fd = openSync(path, "r+");
    ftruncateSync(fd, 1_040);
    closeSync(fd);
    const cut = new PackIndex(path, "sha1");
    expect(() => ids.map((id) => cut.has(id))).toThrow(RangeError);
    cut.close();
  });
});
