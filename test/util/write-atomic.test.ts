import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { makePrivateDirectory, writeAtomic } from "../../host/util/write-atomic.ts";
import { tempDirectory } from "../fixtures/temp.ts";

const room = tempDirectory();

function modeOf(path: string): number {
  return statSync(path).mode & 0o7777;
}

describe("a file written whole", () => {
  it("holds exactly the data, only for its owner, with nothing left beside it", () => {
    const directory = mkdtempSync(join(room, "a"));
    writeAtomic(join(directory, "text"), "é\n");
    writeAtomic(join(directory, "bytes"), Buffer.from([0, 255]));
    expect(readFileSync(join(directory, "text"), "utf8")).toBe("é\n");
    expect(readFileSync(join(directory, "bytes"))).toEqual(Buffer.from([0, 255]));
    expect(modeOf(join(directory, "text"))).toBe(0o600);
    expect(readdirSync(directory).sort()).toEqual(["bytes", "text"]);
  });

  it("takes the place of another file, which is not written into", () => {
    const path = join(mkdtempSync(join(room, "b")), "file");
    writeFileSync(path, "a much longer text than the new one");
    chmodSync(path, 0o666);
    const before = statSync(path).ino;
    writeAtomic(path, "new");
    expect(readFileSync(path, "utf8")).toBe("new");
    expect(statSync(path).ino).not.toBe(before);
    expect(modeOf(path)).toBe(0o600);
  });

  it("fails with the path and the system's reason, and leaves nothing", () => {
    const directory = mkdtempSync(join(room, "c\n"));
    expect(() => {
      writeAtomic(join(directory, "no", "file"), "x");
    }).toThrow(
      expect.objectContaining({
        code: "file_failed",
        message: expect.stringMatching(/c\\n.*no\/file: cannot be written: ENOENT$/) as string,
      }) as Error,
    );
    mkdirSync(join(directory, "taken"));
    expect(() => {
      writeAtomic(join(directory, "taken"), "x");
    }).toThrow(expect.objectContaining({ code: "file_failed" }) as Error);
    expect(readdirSync(directory)).toEqual(["taken"]);
  });
});

describe("a private directory", () => {
  it("is made with its parents, only for its owner", () => {
    const path = join(mkdtempSync(join(room, "d")), "x", "y");
    makePrivateDirectory(path);
    expect([modeOf(path), modeOf(join(path, ".."))]).toEqual([0o700, 0o700]);
  });

  it("that exists stays as it is", () => {
    const path = mkdtempSync(join(room, "e"));
    chmodSync(path, 0o755);
    makePrivateDirectory(path);
    expect(modeOf(path)).toBe(0o755);
  });

  it("cannot be made where a file is", () => {
    const path = join(mkdtempSync(join(room, "f")), "file");
    writeFileSync(path, "x");
    expect(() => {
      makePrivateDirectory(join(path, "x"));
    }).toThrow(
      expect.objectContaining({ code: "file_failed", message: `${path}/x: cannot be made: ENOTDIR` }) as Error,
    );
  });
});
