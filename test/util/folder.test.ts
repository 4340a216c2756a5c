import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Folder, readBounded, Unfit } from "../../host/util/folder.ts";

let top = "";
beforeEach(() => {
  top = realpathSync(mkdtempSync(join(tmpdir(), "folder-")));
  mkdirSync(join(top, "real"));
  writeFileSync(join(top, "real", "file"), "12345");
  symlinkSync("real", join(top, "link"));
});
afterEach(() => {
  rmSync(top, { recursive: true });
});

function unfit(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof Unfit) return error.message;
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe("Folder", () => {
  it("says what is wrong without the path", () => {
    const folder = Folder.openRoot(top);
    for (const name of ["link", "none"]) expect(unfit(() => folder.open(name))).toBe("is not a directory");
    expect(unfit(() => folder.read("link", 1))).toBe("is a link");
    expect(unfit(() => folder.read("real", 1))).toBe("is not a regular file");
    expect(unfit(() => folder.read("none", 1))).toBe("does not exist");
    expect(unfit(() => folder.entries(1))).toBe("has more than 1 entries");
    const real = folder.open("real");
    expect(real.path).toBe(join(top, "real"));
    expect(unfit(() => real.read("file", 4))).toBe("is larger than 4 bytes");
    expect(real.read("file", 5).toString()).toBe("12345");
    expect(real.entries(1)).toEqual([{ name: "file", kind: "file" }]);
    real.close();
    folder.close();
  });

  it("is opened over a link of the owner", () => {
    const folder = Folder.openRoot(join(top, "link"));
    expect(folder.path).toBe(join(top, "link"));
    expect(folder.stats("file")?.size).toBe(5n);
    folder.close();
  });
});

describe("readBounded", () => {
  it("reads a regular file that the path names, and nothing else", () => {
    expect(readBounded(join(top, "real", "file"), 5).toString()).toBe("12345");
    unfit(() => readBounded(join(top, "real", "file"), 4));
    unfit(() => readBounded(join(top, "link"), 5));
    unfit(() => readBounded(join(top, "none"), 5));
  });
});
