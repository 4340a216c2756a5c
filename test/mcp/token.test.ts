import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openTokenSource } from "../../mcp/token.ts";

let directory = "";
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "cmd2host-token-"));
});
afterAll(async () => {
  await rm(directory, { recursive: true });
});

async function file(name: string, text: string): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, text);
  return path;
}

describe("the session token", () => {
  it("comes from the file, trimmed, before the environment", async () => {
    const source = await openTokenSource(await file("a", "\n  from-file \r\n"), "from-env");
    expect(await source.current()).toBe("from-file");
  });

  it("comes from the environment when no file is named", async () => {
    const source = await openTokenSource(undefined, " from-env\n");
    expect(await source.current()).toBe("from-env");
    expect(source.advice).toContain("CMD2HOST_TOKEN");
    const hosted = await openTokenSource(undefined, "from-env", true);
    expect(hosted.advice).toContain("container's token file");
  });

  it.each(["", " \n\t"])("comes from the environment when the file holds %j", async (text) => {
    const source = await openTokenSource(await file("blank", text), "from-env");
    expect(await source.current()).toBe("from-env");
  });

  it("is read again from the file for every call", async () => {
    const path = await file("changing", "first");
    const source = await openTokenSource(path, undefined);
    expect(await source.current()).toBe("first");
    await writeFile(path, "second\n");
    expect(await source.current()).toBe("second");
  });

  it("stays the last known one while the file is blank, gone or too long", async () => {
    const path = await file("vanishing", "first");
    const source = await openTokenSource(path, undefined);
    await writeFile(path, " ");
    expect(await source.current()).toBe("first");
    await rm(path);
    expect(await source.current()).toBe("first");
    await writeFile(path, "x".repeat(4_097));
    expect(await source.current()).toBe("first");
    await writeFile(path, "third");
    expect(await source.current()).toBe("third");
  });

  it("is taken from a file that was blank at the start as soon as it is written", async () => {
    const path = await file("late", "");
    const source = await openTokenSource(path, "from-env");
    await writeFile(path, "from-file");
    expect(await source.current()).toBe("from-file");
    expect(source.advice).toContain(path);
  });

  it("may be in a file of exactly 4096 bytes and behind a link", async () => {
    const path = await file("long", "y".repeat(4_096));
    const link = join(directory, "link");
    await symlink(path, link);
    expect(await (await openTokenSource(link, undefined)).current()).toBe("y".repeat(4_096));
  });

  it("is required, and the message names both sources and what to do", async () => {
    const error: unknown = await openTokenSource(undefined, undefined).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "token_missing" });
    expect(String(error)).toContain("token is required");
    expect(String(error)).toMatch(/--token-file.*CMD2HOST_TOKEN/);
    expect(error).toHaveProperty("hint", expect.stringContaining("cmd2host token mint"));
  });

  it("is missing when both sources are blank", async () => {
    await expect(openTokenSource(await file("blank2", "\n"), "  ")).rejects.toMatchObject({ code: "token_missing" });
  });

  it("cannot come from a file that does not exist, even with one in the environment", async () => {
    const path = join(directory, "nowhere");
    await expect(openTokenSource(path, "from-env")).rejects.toMatchObject({
      code: "file_failed",
      message: `cannot read the token file "${path}": ENOENT`,
    });
  });

  it("cannot come from a directory, a pipe or a file that is too long", async () => {
    const folder = join(directory, "folder");
    await mkdir(folder);
    await expect(openTokenSource(folder, undefined)).rejects.toMatchObject({ code: "file_failed" });
    const pipe = join(directory, "pipe");
    execFileSync("mkfifo", [pipe]);
    await expect(openTokenSource(pipe, undefined)).rejects.toThrow("not a regular file");
    const long = await file("toolong", "z".repeat(4_097));
    await expect(openTokenSource(long, undefined)).rejects.toThrow("longer than 4096 bytes");
  });
});
