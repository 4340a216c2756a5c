import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { approvedProject } from "../../host/project/approval.ts";
import {
  isPinned,
  projectFiles,
  readPin,
  readSnapshot,
  removePin,
  writePin,
  type ProjectFiles,
} from "../../host/project/pin.ts";
import { sha256Hex } from "../../host/util/hash.ts";
import { refusal } from "../operation/policy.ts";
import { tempDirectory } from "../fixtures/temp.ts";

const BYTES = Buffer.from('{"repos":["o/r"]}');
const HASH = sha256Hex(BYTES);

function files(pin?: string, snapshot?: Buffer): ProjectFiles {
  const made = projectFiles(tempDirectory(), "p");
  mkdirSync(made.directory);
  if (pin !== undefined) writeFileSync(made.pin, pin, { mode: 0o600 });
  if (snapshot !== undefined) writeFileSync(made.snapshot, snapshot, { mode: 0o600 });
  return made;
}

describe("the files of a project", () => {
  it("have the original's names", () => {
    expect(projectFiles("/base/projects", "owner_repo")).toEqual({
      directory: "/base/projects/owner_repo",
      config: "/base/projects/owner_repo/config.json",
      pin: "/base/projects/owner_repo/allowed.sha256",
      snapshot: "/base/projects/owner_repo/allowed.json",
      cases: "/base/projects/owner_repo/cases.json",
    });
  });
});

describe("an approval", () => {
  it.each([[HASH], [`${HASH}\n`], [`  ${HASH}\r\n\n`], [`\t${HASH} `], [`\ufeff${HASH}`]])(
    "is read with white space around it: %j",
    (text) => {
      expect(isPinned(readPin(files(text)), HASH)).toBe(true);
    },
  );

  it.each([
    ["upper case", HASH.toUpperCase()],
    ["one digit missing", HASH.slice(1)],
    ["one digit more", `${HASH}0`],
    ["another hash", sha256Hex(Buffer.from("x"))],
    ["nothing", ""],
    ["white space inside", `${HASH.slice(0, 32)} ${HASH.slice(32)}`],
    ["two lines", `${HASH}\n${HASH}\n`],
    ["a file name behind it", `${HASH}  config.json`],
    ["another algorithm's name", `sha256:${HASH}`],
  ])("is none with %s", (_, text) => {
    expect(isPinned(readPin(files(text)), HASH)).toBe(false);
  });

  it("is none when there is no file", () => {
    expect(readPin(files())).toBeUndefined();
    expect(isPinned(undefined, HASH)).toBe(false);
  });

  it("is none, and says why, when the file is too long or no file", () => {
    const long = refusal(() => readPin(files(" ".repeat(2_000))));
    expect(long.code).toBe("config_not_allowed");
    expect(long.message).toMatch(/^failed to check config allowance: .*larger than 1024 bytes$/);
    const directory = files();
    mkdirSync(directory.pin);
    const error = refusal(() => readPin(directory));
    expect(error.code).toBe("config_not_allowed");
    expect(error.message).toContain("is not a regular file");
  });

  it.each([[0o620], [0o602], [0o666]])("is not believed when others can write the file (mode %i)", (mode) => {
    const made = files(HASH);
    chmodSync(made.pin, mode);
    expect(refusal(() => readPin(made)).code).toBe("config_untrusted");
  });
});

describe("what was approved", () => {
  it("is kept beside its hash, in the original's form, readable only by the owner", async () => {
    const made = files();
    expect(await writePin(made, BYTES)).toBe(HASH);
    expect(readFileSync(made.pin, "utf8")).toBe(`${HASH}\n`);
    expect(readFileSync(made.snapshot).equals(BYTES)).toBe(true);
    expect([made.pin, made.snapshot].map((path) => statSync(path).mode & 0o777)).toEqual([0o600, 0o600]);
    expect(readdirSync(made.directory).sort()).toEqual(["allowed.json", "allowed.sha256"]);
    expect(readSnapshot(made)?.equals(BYTES)).toBe(true);
  });

  it("is replaced by the next approval", async () => {
    const made = files();
    await writePin(made, BYTES);
    const next = Buffer.from("{}");
    await writePin(made, next);
    expect(readPin(made)).toBe(sha256Hex(next));
    expect(readSnapshot(made)?.equals(next)).toBe(true);
  });

  it("is only believed when the hash is the approved one", () => {
    expect(readSnapshot(files(HASH, BYTES))?.equals(BYTES)).toBe(true);
    expect(readSnapshot(files(HASH, Buffer.from("x")))).toBeUndefined();
    expect(readSnapshot(files(HASH))).toBeUndefined();
    expect(readSnapshot(files(undefined, BYTES))).toBeUndefined();
  });

  it("is gone when the approval is taken back, also twice", async () => {
    const made = files(HASH, BYTES);
    await removePin(made);
    await removePin(made);
    expect([made.pin, made.snapshot].map((path) => existsSync(path))).toEqual([false, false]);
    expect(readPin(made)).toBeUndefined();
  });

  it("cannot be kept where there is no directory", async () => {
    const gone = projectFiles(join(tempDirectory(), "missing"), "p");
    await expect(writePin(gone, BYTES)).rejects.toMatchObject({ code: "file_failed" });
  });

  it("is whole when several approve at once: hash and bytes belong together", async () => {
    const made = files();
    const versions = Array.from({ length: 8 }, (_, index) => Buffer.from(`{"v":${index}}`));
    await Promise.all(versions.map(async (bytes) => writePin(made, bytes)));
    const snapshot = readSnapshot(made);
    expect(versions.some((bytes) => snapshot?.equals(bytes) === true)).toBe(true);
  });
});

it("what was approved by an earlier version, and is no configuration any more, is taken for not kept", async () => {
  const made = files();
  await writePin(made, Buffer.from('{"repos":["o/r"],"repo_paths":["/src/r"],"allowed_operations":[]}'));
  expect(approvedProject(made, "p")?.project.id).toBe("p");
  await writePin(made, BYTES);
  expect(readSnapshot(made)?.toString()).toBe(BYTES.toString());
  expect(approvedProject(made, "p")).toBeUndefined();
});
