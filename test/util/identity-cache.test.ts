import { chmodSync, closeSync, openSync, renameSync, rmSync, utimesSync, writeFileSync, writeSync } from "node:fs";
import { mkdtempSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { IdentityCache } from "../../host/util/identity-cache.ts";
import { tempDirectory } from "../fixtures/temp.ts";

const room = tempDirectory();
/** Longer than a file must be left alone before it is trusted. */
const SETTLE_MS = 80;

class Loads {
  count = 0;
  readonly path: string;

  constructor(content?: string) {
    this.path = join(mkdtempSync(join(room, "x")), "file");
    if (content !== undefined) writeFileSync(this.path, content);
  }

  /** A loader that counts how often it is asked. */
  readonly load = (): string => {
    this.count++;
    try {
      return readFileSync(this.path, "utf8");
    } catch {
      return "none";
    }
  };
}

describe("a cache by file identity", () => {
  it("loads once as long as the file is left alone", async () => {
    const file = new Loads("a");
    const cache = new IdentityCache<string>(10);
    await sleep(SETTLE_MS);
    expect([1, 2, 3].map(() => cache.get("k", [file.path], file.load))).toEqual(["a", "a", "a"]);
    expect(file.count).toBe(1);
  });

  it("does not trust what it read right behind a change, or before its time", () => {
    const file = new Loads("a");
    const soon = new Date(Date.now() + 60_000);
    utimesSync(file.path, soon, soon);
    const cache = new IdentityCache<string>(10);
    cache.get("k", [file.path], file.load);
    cache.get("k", [file.path], file.load);
    expect(file.count).toBe(2);
  });

  it("never gives anything stale of a file that is rewritten in place, at the same size and with forged times, as fast as it goes", () => {
    const file = new Loads("000000");
    const cache = new IdentityCache<string>(10);
    const descriptor = openSync(file.path, "r+");
    const end = performance.now() + 600;
    let rounds = 0;
    while (performance.now() < end) {
      rounds++;
      const content = String(rounds).padStart(6, "0");
      writeSync(descriptor, content, 0);
      utimesSync(file.path, 1_000, 1_000);
      if (rounds % 3 > 0) expect(cache.get("k", [file.path], file.load)).toBe(content);
      if (rounds % 100 === 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 55 + (rounds % 7));
      expect(cache.get("k", [file.path], file.load)).toBe(content);
    }
    closeSync(descriptor);
    expect(rounds).toBeGreaterThan(100);
  });

  it.each([
    [
      "is rewritten",
      (path: string): void => {
        writeFileSync(path, "b");
      },
    ],
    [
      "is touched",
      (path: string): void => {
        utimesSync(path, 1, 1);
      },
    ],
    [
      "gets another mode",
      (path: string): void => {
        chmodSync(path, 0o600);
      },
    ],
    [
      "is removed",
      (path: string): void => {
        rmSync(path);
      },
    ],
    [
      "is replaced",
      (path: string): void => {
        writeFileSync(`${path}.new`, "a");
        renameSync(`${path}.new`, path);
      },
    ],
  ])("loads again when the file %s", async (_, change) => {
    const file = new Loads("a");
    const cache = new IdentityCache<string>(10);
    await sleep(SETTLE_MS);
    cache.get("k", [file.path], file.load);
    change(file.path);
    cache.get("k", [file.path], file.load);
    expect(file.count).toBe(2);
  });

  it("remembers that a file is missing until it appears", () => {
    const file = new Loads();
    const cache = new IdentityCache<string>(10);
    expect(cache.get("k", [file.path], file.load)).toBe("none");
    expect(cache.get("k", [file.path], file.load)).toBe("none");
    expect(file.count).toBe(1);
    writeFileSync(file.path, "here");
    expect(cache.get("k", [file.path], file.load)).toBe("here");
  });

  it("looks at every file that the value was made from", async () => {
    const [one, two] = [new Loads("a"), new Loads("b")];
    const cache = new IdentityCache<string>(10);
    await sleep(SETTLE_MS);
    const get = (): string => cache.get("k", [one.path, two.path], () => one.load() + two.load());
    expect(get()).toBe("ab");
    writeFileSync(two.path, "c");
    expect(get()).toBe("ac");
  });

  it("does not keep what was made while a file changed", async () => {
    const file = new Loads("a");
    const cache = new IdentityCache<string>(10);
    await sleep(SETTLE_MS);
    const torn = cache.get("k", [file.path], () => {
      const value = file.load();
      writeFileSync(file.path, "b");
      return value;
    });
    expect(torn).toBe("a");
    await sleep(SETTLE_MS);
    expect(cache.get("k", [file.path], file.load)).toBe("b");
  });

  it("keeps nothing of a loader that throws", async () => {
    const file = new Loads("a");
    const cache = new IdentityCache<string>(10);
    await sleep(SETTLE_MS);
    const broken = (): never => {
      throw new Error("broken");
    };
    expect(() => cache.get("k", [file.path], broken)).toThrow("broken");
    expect(cache.get("k", [file.path], file.load)).toBe("a");
    writeFileSync(file.path, "b");
    expect(() => cache.get("k", [file.path], broken)).toThrow("broken");
    expect(cache.get("k", [file.path], file.load)).toBe("b");
  });

  it("keeps a bounded number of entries, the newest", () => {
    const cache = new IdentityCache<string>(3);
    const loaded: string[] = [];
    const get = (key: string): string =>
      cache.get(key, [], () => {
        loaded.push(key);
        return key;
      });
    for (const key of ["a", "b", "c", "d", "d", "c", "b"]) expect(get(key)).toBe(key);
    expect(loaded).toEqual(["a", "b", "c", "d"]);
    get("a");
    expect(loaded).toEqual(["a", "b", "c", "d", "a"]);
  });
});
