import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, linkSync, statSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { CodedError } from "../../wire/errors.ts";
import { distrustOf, identityOf, isSettled, readTrusted, sameIdentity } from "../../host/util/read-trusted.ts";
import { tempDirectory } from "../fixtures/temp.ts";

const directory = tempDirectory();
const isLinux = process.platform === "linux";
const isRoot = process.geteuid?.() === 0;

function fileOf(name: string, content: string, mode = 0o600): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
}

function refusal(path: string, maxBytes = 100): { readonly code: string; readonly message: string } {
  try {
    readTrusted(path, maxBytes);
  } catch (error) {
    if (error instanceof CodedError) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error("was read");
}

describe("a trusted file", () => {
  it("is read whole, with the identity that it has", () => {
    const path = fileOf("plain", "héllo\n");
    const file = readTrusted(path, 7);
    expect(file?.bytes.toString()).toBe("héllo\n");
    expect(sameIdentity(file?.identity, identityOf(path))).toBe(true);
  });

  it("may be empty, and may be read by others", () => {
    expect(readTrusted(fileOf("empty", "", 0o644), 0)?.bytes).toHaveLength(0);
  });

  it("may be reached through a link: what counts is the file", () => {
    const path = fileOf("target", "x");
    symlinkSync(path, join(directory, "link"));
    expect(readTrusted(join(directory, "link"), 10)?.bytes.toString()).toBe("x");
  });

  it("that does not exist is undefined, also behind a dangling link", () => {
    symlinkSync(join(directory, "nowhere"), join(directory, "dangling"));
    expect(readTrusted(join(directory, "none"), 10)).toBeUndefined();
    expect(readTrusted(join(directory, "dangling"), 10)).toBeUndefined();
    expect(identityOf(join(directory, "none"))).toBeUndefined();
  });

  it("may not be longer than the bound", () => {
    const path = fileOf("long", "x".repeat(101));
    expect(refusal(path)).toEqual({ code: "file_failed", message: `${path}: larger than 100 bytes` });
    expect(readTrusted(path, 101)?.bytes).toHaveLength(101);
  });

  it.each([0o620, 0o602, 0o666, 0o777])("may not be writable by others: mode %o", (mode) => {
    const path = fileOf(`mode-${mode}`, "x", mode);
    const shown = mode.toString(8);
    expect(refusal(path)).toEqual({
      code: "config_untrusted",
      message: `${path}: can be written by others (mode ${shown})`,
    });
  });

  it("says in its hint how to make it trusted", () => {
    const path = fileOf("hint", "x", 0o666);
    expect(() => readTrusted(path, 10)).toThrow(
      expect.objectContaining({ hint: `On the host: chmod go-w ${path}` }) as Error,
    );
  });

  it.runIf(isRoot)("may not belong to another user", () => {
    const path = fileOf("others", "x");
    chownSync(path, 12_345, 0);
    expect(refusal(path)).toEqual({ code: "config_untrusted", message: `${path}: belongs to user 12345` });
  });

  it("may not be a FIFO, and opening one does not block", () => {
    const path = join(directory, "fifo");
    execFileSync("mkfifo", ["-m", "600", path]);
    expect(refusal(path)).toEqual({ code: "file_failed", message: `${path}: is not a regular file` });
  });

  it("may not be a directory or a device", () => {
    expect(refusal(directory).message).toBe(`${directory}: is not a regular file`);
    expect(refusal("/dev/null").message).toBe("/dev/null: is not a regular file");
  });

  it("may not be a socket, lie below a file, or be a loop of links", async () => {
    const server = createServer();
    const path = join(directory, "s");
    await new Promise<void>((resolve) => server.listen(path, resolve));
    expect(refusal(path).code).toBe("file_failed");
    server.close();
    expect(refusal(join(fileOf("file", "x"), "below"))).toMatchObject({
      code: "file_failed",
      message: expect.stringMatching(/ENOTDIR$/) as string,
    });
    symlinkSync(join(directory, "loop"), join(directory, "loop"));
    expect(refusal(join(directory, "loop")).message).toMatch(/ELOOP$/);
  });

  it.runIf(isLinux)("that has more bytes than it said is refused: it changed while it was read", () => {
    // Files of /proc say that they are empty.
    expect(refusal("/proc/self/status")).toEqual({
      code: "file_failed",
      message: "/proc/self/status: changed while it was read",
    });
  });

  it.runIf(isLinux)("that cannot be read is refused with the system's reason", () => {
    expect(refusal("/proc/self/mem")).toEqual({ code: "file_failed", message: "/proc/self/mem: EIO" });
  });

  it("has its name escaped in messages", () => {
    expect(refusal(fileOf("a\n\u202e", "x", 0o666)).message).toContain("a\\n\\u202e: can be written");
  });
});

describe("distrust", () => {
  it("is shown for other users and for modes that let others write, not for us and root", () => {
    const self = BigInt(process.geteuid?.() ?? 0);
    expect(distrustOf({ uid: self, mode: 0o100644n })).toBeUndefined();
    expect(distrustOf({ uid: 0n, mode: 0o40755n })).toBeUndefined();
    expect(distrustOf({ uid: self + 1n, mode: 0o100600n })).toBe(`belongs to user ${self + 1n}`);
    expect(distrustOf({ uid: self, mode: 0o41777n })).toBe("can be written by others (mode 1777)");
  });
});

describe("the identity of a file", () => {
  it("is the same as long as nothing changes, also under another name", () => {
    const path = fileOf("same", "x");
    linkSync(path, join(directory, "hard"));
    const identity = identityOf(path);
    expect(identity).toBeDefined();
    expect(sameIdentity(identityOf(join(directory, "hard")), identity)).toBe(true);
    expect(sameIdentity(undefined, undefined)).toBe(true);
    expect(sameIdentity(identity, undefined)).toBe(false);
    expect(sameIdentity(undefined, identity)).toBe(false);
  });

  it("differs in each of its parts", () => {
    const identity = identityOf(fileOf("parts", "x"));
    if (identity === undefined) throw new Error("no file");
    for (const part of Object.keys(identity)) {
      expect(sameIdentity({ ...identity, [part]: 12_345n }, identity), part).toBe(false);
    }
  });

  it("changes with the mode and the time stamps", () => {
    const path = fileOf("changes", "x");
    const before = identityOf(path);
    chmodSync(path, 0o640);
    const between = identityOf(path);
    utimesSync(path, 1, 1);
    expect(sameIdentity(before, between)).toBe(false);
    expect(sameIdentity(between, identityOf(path))).toBe(false);
  });

  it("settles a little after the last change of content or attributes, whatever the file's own time says", () => {
    const path = fileOf("settled", "x");
    utimesSync(path, 1, 1);
    const identity = identityOf(path);
    const { ctimeMs } = statSync(path);
    expect(isSettled(identity, ctimeMs)).toBe(false);
    expect(isSettled(identity, ctimeMs + 40)).toBe(false);
    expect(isSettled(identity, ctimeMs + 100)).toBe(true);
    utimesSync(path, 4_000_000_000, 4_000_000_000);
    expect(isSettled(identityOf(path), Date.now() + 1_000)).toBe(false);
    expect(isSettled(undefined, 0)).toBe(true);
  });
});
