import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { readTokenFile } from "../../wire/client-token.ts";
import { tempDirectory } from "../fixtures/temp.ts";

it("the text of a token file is read without the white space around it, also through a link", async () => {
  const directory = tempDirectory();
  writeFileSync(join(directory, "token"), ` ${"f".repeat(64)}\n`);
  symlinkSync("token", join(directory, "link"));
  expect(await readTokenFile(join(directory, "link"))).toBe("f".repeat(64));
});

it("nothing but a small file is taken for one, and nothing waits for it", async () => {
  const directory = tempDirectory();
  const path = (name: string): string => join(directory, name);
  mkdirSync(path("directory"));
  execFileSync("mkfifo", [path("pipe")]);
  writeFileSync(path("long"), "f".repeat(4_097));
  for (const [name, why] of [
    ["missing", "ENOENT"],
    ["directory", "not a regular file"],
    ["pipe", "not a regular file"],
    ["long", "longer than 4096 bytes"],
  ] as const)
    await expect(readTokenFile(path(name))).rejects.toMatchObject({
      code: "file_failed",
      message: `cannot read the token file "${path(name)}": ${why}`,
    });
});
