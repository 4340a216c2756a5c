import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { deflateSync, gzipSync } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import { MAX_LOOSE_BYTES, readLooseObject, TooLarge } from "../../../host/git/repository/loose-object.ts";
import { DamagedObject } from "../../../host/git/repository/object-links.ts";
import { DirHandle } from "../../../host/util/dir-handle.ts";
import { git } from "../../fixtures/repo.ts";
import { tempDirectory } from "../../fixtures/temp.ts";
import { idOf, plant, plantObject } from "./object-store.ts";

const root = tempDirectory();
const path = join(root, "objects");
mkdirSync(path);
const objects = DirHandle.open(path);
const descriptors = (): number => readdirSync("/proc/self/fd").length;

async function read(id: string, format: "sha1" | "sha256" = "sha1", from = objects) {
  return readLooseObject(from, id, format);
}

async function complaint(id: string): Promise<string> {
  try {
    const object = await read(id);
    return `taken: ${String(object?.content.length)}`;
  } catch (error) {
    if (error instanceof DamagedObject || error instanceof TooLarge) return `${error.name}: ${error.message}`;
    throw error;
  }
}

const NAME = "ab".repeat(20);
const deflated = (raw: string): Buffer => deflateSync(Buffer.from(raw));

afterEach(() => {
  rmSync(join(path, NAME.slice(0, 2)), { recursive: true, force: true });
});

describe("a loose object", () => {
  it.each(["sha1", "sha256"] as const)("of real git is read whole: %s", async (format) => {
    const repo = join(tempDirectory(), "r");
    git(root, "init", "-q", `--object-format=${format}`, repo);
    writeFileSync(join(repo, "empty"), "");
    writeFileSync(join(repo, "large"), "x".repeat(3_000_000));
    writeFileSync(join(repo, "random"), execFileSync("head", ["-c", "100000", "/dev/urandom"]));
    git(repo, "add", "-A");
    git(repo, "commit", "-q", "-m", "x");
    git(repo, "tag", "-a", "-m", "t", "t");
    const handle = DirHandle.open(join(repo, ".git/objects"));
    const names = ["t", "HEAD", "HEAD^{tree}", "HEAD:empty", "HEAD:large", "HEAD:random"];
    const found = [];
    for (const name of names) {
      const id = git(repo, "rev-parse", name).trim();
      const object = await read(id, format, handle);
      found.push(object?.type);
      expect(object?.content.length).toBe(Number(git(repo, "cat-file", "-s", id)));
    }
    handle.close();
    expect(found).toEqual(["tag", "commit", "tree", "blob", "blob", "blob"]);
  });

  it("is undefined where there is none, with and without its directory", async () => {
    expect(await read(NAME)).toBeUndefined();
    mkdirSync(join(path, "ab"));
    expect(await read(NAME)).toBeUndefined();
  });

  it.each([
    ["nothing at all", Buffer.alloc(0), "cannot be inflated"],
    ["text", Buffer.from("blob 1\0x"), "cannot be inflated"],
    ["gzip", gzipSync(Buffer.from("blob 1\0x")), "cannot be inflated"],
    ["a stream that is cut", deflated(`blob 5000\0${"xyz".repeat(2_000)}`).subarray(0, 20), "cannot be inflated"],
    ["a header without an end", deflated("blob 1"), "no valid header"],
    ["a header whose end comes late", deflated(`blob ${" ".repeat(40)}1\0x`), "no valid header"],
    ["no header", deflated("\0x"), "no valid header"],
    ["another kind", deflated("bulb 1\0x"), "no valid header"],
    ["a kind with a capital", deflated("Blob 1\0x"), "no valid header"],
    ["a size that is too small", deflated("blob 0\0x"), "no valid header"],
    ["a size that is too large", deflated("blob 2\0x"), "no valid header"],
    ["a size with a zero before it", deflated("blob 01\0x"), "no valid header"],
    ["a negative size", deflated("blob -1\0x"), "no valid header"],
    ["a size in hex", deflated("blob 0x1\0x"), "no valid header"],
    ["a size beyond all bounds", deflated("blob 99999999999\0x"), "no valid header"],
    ["another content", deflated("blob 1\0x"), "its name does not stand for"],
  ])("that is %s is damaged", async (_, bytes, why) => {
    const before = descriptors();
    plant(path, NAME, bytes);
    expect(await complaint(NAME)).toMatch(new RegExp(`^DamagedObject: .*${why}`));
    expect(descriptors()).toBe(before);
  });

  it("with the content of another, or with one bit flipped, is damaged", async () => {
    const one = plantObject(path, "blob", "one");
    plant(path, one, deflated("blob 3\0two"));
    expect(await complaint(one)).toContain("its name does not stand for");
    const other = idOf("blob", "hello world");
    const bytes = deflated("blob 11\0hello world");
    for (let at = 0; at < bytes.length; at++) {
      const flipped = Buffer.from(bytes);
      flipped[at] = (flipped[at] ?? 0) ^ 0x10;
      plant(path, other, flipped);
      expect(await complaint(other), `byte ${at}`).toMatch(/^DamagedObject|^taken: 11$/);
    }
  });

  it("is no link, no FIFO, no directory, and lies behind no link and no file", async () => {
    const outside = tempDirectory();
    const real = plantObject(outside, "blob", "secret");
    mkdirSync(join(path, real.slice(0, 2)), { recursive: true });
    symlinkSync(join(outside, real.slice(0, 2), real.slice(2)), join(path, real.slice(0, 2), real.slice(2)));
    expect(await complaint(real)).toBe("DamagedObject: is a link");
    rmSync(join(path, real.slice(0, 2)), { recursive: true });
    symlinkSync(join(outside, real.slice(0, 2)), join(path, real.slice(0, 2)));
    expect(await complaint(real)).toBe("DamagedObject: lies behind a link");
    rmSync(join(path, real.slice(0, 2)));
    writeFileSync(join(path, real.slice(0, 2)), "");
    expect(await complaint(real)).toBe("DamagedObject: lies behind a link");
    rmSync(join(path, real.slice(0, 2)));

    mkdirSync(join(path, "ab"));
    execFileSync("mkfifo", [join(path, "ab", NAME.slice(2))]);
    const before = descriptors();
    expect(await complaint(NAME)).toBe("DamagedObject: is not a regular file");
    rmSync(join(path, "ab", NAME.slice(2)));
    mkdirSync(join(path, "ab", NAME.slice(2)));
    expect(await complaint(NAME)).toBe("DamagedObject: is not a regular file");
    expect(descriptors()).toBe(before);
  });

  it("that inflates to more than the limit is too large, from a small file and from a sparse one", async () => {
    const bomb = deflateSync(Buffer.alloc(MAX_LOOSE_BYTES + 100), { level: 9 });
    expect(bomb.length).toBeLessThan(200_000);
    plant(path, NAME, bomb);
    expect(await complaint(NAME)).toBe(`TooLarge: is larger than ${MAX_LOOSE_BYTES} bytes`);
    // 4 KiB are inflated at once; that much makes 4 MiB at most.
    const small = deflateSync(Buffer.concat([Buffer.from("blob 4000000\0"), Buffer.alloc(4_000_000)]), { level: 9 });
    expect(small.length).toBeLessThan(4_096);
    plant(path, NAME, small);
    expect(await complaint(NAME)).toContain("its name does not stand for");
    truncateSync(plant(path, NAME, ""), MAX_LOOSE_BYTES + 1);
    expect(await complaint(NAME)).toMatch(/^TooLarge/);
  });

  it("that is a tree of more than 32 MiB is too large: its links would fill the memory", async () => {
    const tree = plantObject(path, "tree", Buffer.alloc(32 * 1_048_576 + 1), 1);
    expect(await complaint(tree)).toBe("TooLarge: is a tree of more than 33554432 bytes");
  });

  it.skipIf(process.getuid?.() === 0)("that nobody may read is a system error", async () => {
    chmodSync(plant(path, NAME, "x"), 0);
    await expect(read(NAME)).rejects.toThrow("EACCES");
  });
});
