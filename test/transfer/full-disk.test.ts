import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { reasonOf } from "../../transfer/refusal.ts";
import { tempDirectory } from "../fixtures/temp.ts";
import { streamWith, type Made } from "./archives.ts";
import { ended, reportIn, start, transferProgram } from "./programs.ts";

/** A name space of our own, in which we may mount. */
const UNSHARE = ["unshare", "--user", "--map-root-user", "--mount"] as const;
const [file, ...words] = UNSHARE;
const canMount = spawnSync(file, [...words, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]).status === 0;
if (!canMount) process.stderr.write("SKIPPED: transfers to a full disk, because nothing can be mounted here\n");

let program = "";
beforeAll(() => {
  program = transferProgram();
});

const TOP: Made = { name: "data", type: "directory" };
const NOTHING = { files: 0, directories: 0, links: 0, bytes: 0 };
const large = (name: string): Made => ({ name, content: "x".repeat(400_000) });

/** Receives on a disk of 1 MiB of its own, after `before`; returns what the program says, and what is on the disk then. */
async function onSmallDisk(bytes: Buffer, before: string): Promise<readonly [Record<string, unknown>, string]> {
  const disk = join(tempDirectory(), "disk");
  mkdirSync(disk);
  const script = `mount -t tmpfs -o size=1m tmpfs "$1" && ${before} && { "$2" "$3" receive --root="$1" --path="$1/to"; ls -A "$1" >&2; }`;
  const child = start([...UNSHARE, "/bin/sh", "-c", script, "sh", disk, process.execPath, program]);
  const end = ended(child);
  child.stdin.end(bytes);
  const { stdout, stderr } = await end;
  return [reportIn(stdout), stderr.replace(/peak .*\n/, "")];
}

describe.runIf(canMount)("a disk", () => {
  it("that is too small for what is announced is told before anything is written", async () => {
    const [report, left] = await onSmallDisk(
      await streamWith([TOP, ...["a", "b", "c"].map((name) => large(`data/${name}`))]),
      ":",
    );
    expect(report).toMatchObject({ ok: false, code: "file_failed" });
    expect(report["message"]).toMatch(/to": the disk has [0-9]+ bytes left, and 1200000 are going to come$/);
    expect(left).toBe("");
  });

  it("that runs full while it is written says so, and is as empty as before", async () => {
    const bytes = await streamWith([TOP, ...["a", "b", "c"].map((name) => large(`data/${name}`))], { begin: NOTHING });
    const [report, left] = await onSmallDisk(bytes, ":");
    expect(report).toMatchObject({ ok: false, code: "file_failed", message: '"c": the disk is full (ENOSPC)' });
    expect(left).toBe("");
  });

  it("that is read-only says so", async () => {
    const [report] = await onSmallDisk(await streamWith([{ name: "data" }]), 'mount -o remount,ro tmpfs "$1"');
    expect(report).toMatchObject({ ok: false, code: "file_failed" });
    expect(report["message"]).toContain("the file system is read-only (EROFS)");
  });

  it("that begins inside of the destination is named before anything is moved", async () => {
    const bytes = await streamWith([
      TOP,
      { name: "data/a", content: "x" },
      { name: "data/inner", type: "directory" },
      { name: "data/inner/f" },
    ]);
    const disk = join(tempDirectory(), "to");
    mkdirSync(join(disk, "inner"), { recursive: true });
    const script = `mount -t tmpfs -o size=1m tmpfs "$1/inner" && { "$2" "$3" receive --root="$1" --path="$1" --merge; ls -A "$1" >&2; }`;
    const child = start([...UNSHARE, "/bin/sh", "-c", script, "sh", disk, process.execPath, program]);
    const end = ended(child);
    child.stdin.end(bytes);
    const { stdout, stderr } = await end;
    expect(reportIn(stdout)["message"]).toBe('"inner" goes to another file system than the rest');
    expect(stderr.replace(/peak .*\n/, "")).toBe("inner\n");
  });
});

describe("what the system says", () => {
  it.each([
    ["EDQUOT", "the disk quota is used up (EDQUOT)"],
    ["EFBIG", "it is larger than the file system or a limit of the process allows (EFBIG)"],
    ["EIO", "EIO"],
    ["ERR_INVALID_ARG_TYPE", undefined],
  ])("of %s is said in words", (code, words) => {
    expect(reasonOf(Object.assign(new Error(), { code }))).toBe(words);
  });

  it("of a file larger than the process may write is passed on", async () => {
    const top = tempDirectory();
    chmodSync(top, 0o755);
    writeFileSync(join(top, "s"), await streamWith([large("data")]));
    // In blocks of 512 or 1,024 bytes.
    const script = `ulimit -f 100; exec "$1" "$2" receive --root="$3" --path="$3/to" --not-durable < "$3/s"`;
    const child = start(["/bin/sh", "-c", script, "sh", process.execPath, program, top]);
    expect(reportIn((await ended(child)).stdout)["message"]).toContain("(EFBIG)");
  });
});
