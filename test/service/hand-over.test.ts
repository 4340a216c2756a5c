import { chmodSync, chownSync, linkSync, mkdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { handOver, requireOwnWay } from "../../host/service/hand-over.ts";
import { letRead } from "../../host/service/let-read.ts";
import type { Account } from "../../host/util/account.ts";
import { tempDirectory } from "../fixtures/temp.ts";

const isRoot = process.geteuid?.() === 0;
const NOBODY: Account = { name: "nobody", uid: 65_534, gid: 65_534, home: "/" };

/** A directory of ours with a file in it, below one that others may enter. */
function made(): { readonly root: string; readonly directory: string; readonly file: string } {
  const root = tempDirectory();
  chmodSync(root, 0o755);
  const directory = join(root, "state");
  mkdirSync(join(directory, "deep"), { recursive: true });
  const file = join(directory, "deep/file");
  writeFileSync(file, "x", { mode: 0o600 });
  return { root, directory, file };
}

describe("the way to a directory", () => {
  it("is ours when nobody else can put something in its place", () => {
    const { root, directory } = made();
    expect(() => {
      requireOwnWay(directory);
    }).not.toThrow();
    chmodSync(root, 0o777);
    expect(() => {
      requireOwnWay(directory);
    }).toThrow(/can be written by others, who could replace/);
    // As /tmp: others may write there, and replace nothing of ours.
    chmodSync(root, 0o1777);
    expect(() => {
      requireOwnWay(directory);
    }).not.toThrow();
  });
});

describe.runIf(isRoot)("a directory that a service gets", () => {
  it("is given with everything in it, and closed to others", () => {
    const { directory, file } = made();
    expect(handOver(directory, NOBODY)).toBe("given");
    expect([statSync(directory).uid, statSync(directory).mode & 0o777, statSync(file).uid]).toEqual([
      65_534, 0o700, 65_534,
    ]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(handOver(directory, NOBODY)).toBe("kept");
  });

  it("is made when it is missing, closed from the beginning", () => {
    const directory = join(made().root, "new/er");
    expect(handOver(directory, NOBODY)).toBe("made");
    expect([statSync(directory).uid, statSync(directory).mode & 0o777]).toEqual([65_534, 0o700]);
  });

  it("gives away a link, not what it leads to", () => {
    const { root, directory } = made();
    const precious = join(root, "precious");
    writeFileSync(precious, "root's");
    symlinkSync(precious, join(directory, "link"));
    symlinkSync("/etc", join(directory, "deep/etc"));
    expect(handOver(directory, NOBODY)).toBe("given");
    expect([statSync(precious).uid, statSync("/etc/passwd").uid]).toEqual([0, 0]);
  });

  it.each<readonly [string, (where: { root: string; directory: string; file: string }) => void]>([
    [
      "is another name of a file",
      ({ root, file }) => {
        linkSync(file, join(root, "other"));
      },
    ],
    [
      "belongs to somebody else",
      ({ file }) => {
        chownSync(file, 1, 1);
      },
    ],
    [
      "lies where others may write",
      ({ directory }) => {
        chmodSync(join(directory, "deep"), 0o777);
      },
    ],
  ])("is refused when something in it %s", (_, change) => {
    const where = made();
    for (const name of ["a", "z"]) writeFileSync(join(where.directory, name), "");
    change(where);
    expect(() => handOver(where.directory, NOBODY)).toThrow(/may be of somebody else, so nothing is given away/);
    const all = [where.directory, join(where.directory, "a"), join(where.directory, "z")];
    expect(all.map((path) => statSync(path).uid)).toEqual([0, 0, 0]);
  });

  it("is refused when it is somebody else's, open, or a link", () => {
    const { root, directory } = made();
    symlinkSync(directory, join(root, "link"));
    expect(() => handOver(join(root, "link"), NOBODY)).toThrow(/is a link/);
    chmodSync(directory, 0o770);
    expect(() => handOver(directory, NOBODY)).toThrow(/can be written by others/);
    chmodSync(directory, 0o700);
    chownSync(directory, 1, 1);
    expect(() => handOver(directory, NOBODY)).toThrow(/belongs to user 1/);
  });
});

describe.runIf(isRoot)("a file that a service reads", () => {
  it("is opened to its group, and so is its directory, not to others", async () => {
    const { directory } = made();
    const file = join(directory, "key");
    writeFileSync(file, "secret", { mode: 0o600 });
    chmodSync(directory, 0o700);
    expect(await letRead(file, directory, NOBODY)).toBe(true);
    expect([statSync(file).uid, statSync(file).gid, statSync(file).mode & 0o777]).toEqual([0, 65_534, 0o640]);
    expect([statSync(directory).gid, statSync(directory).mode & 0o777]).toEqual([65_534, 0o750]);
    expect(await letRead(file, directory, NOBODY)).toBe(false);
  });

  it("is not opened elsewhere, nor when it is a link, which could lead anywhere", async () => {
    const { root, directory } = made();
    const elsewhere = join(root, "elsewhere");
    writeFileSync(elsewhere, "secret", { mode: 0o600 });
    await expect(letRead(elsewhere, directory, NOBODY)).rejects.toMatchObject({ code: "file_failed" });
    symlinkSync(elsewhere, join(directory, "link"));
    await expect(letRead(join(directory, "link"), directory, NOBODY)).rejects.toMatchObject({ code: "file_failed" });
    expect(statSync(elsewhere).mode & 0o777).toBe(0o600);
  });
});
