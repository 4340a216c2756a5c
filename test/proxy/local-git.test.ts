import { symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { findGit, isLocalGit } from "../../proxy/local-git.ts";
import { makeRepo } from "../fixtures/repo.ts";
import { tempDirectory } from "../fixtures/temp.ts";
import { ended, StandInProgram } from "./program.ts";

describe("git by the stand-in", () => {
  it.each([
    [["status"], true],
    [["-C", "push", "status"], true],
    [["-c", "a.b=c", "--no-pager", "log"], true],
    [[], true],
    [["push"], false],
    [["-C", "somewhere", "fetch", "origin"], false],
    [["--no-pager", "pull"], false],
    [["--git-dir=x", "ls-remote"], false],
  ])("%j is local: %s", (words, isLocal) => {
    expect(isLocalGit(words)).toBe(isLocal);
  });

  let program: StandInProgram;
  beforeAll(async () => {
    program = await StandInProgram.built();
  });

  it("hands what is local to the container's own git, which is never itself", async () => {
    const link = program.named("git");
    const again = join(tempDirectory(), "git");
    symlinkSync(link, again);
    const PATH = `${dirname(link)}:${dirname(again)}:${process.env["PATH"] ?? ""}`;
    const repo = makeRepo(join(tempDirectory(), "repo"));
    const status = await ended("git", ["-C", repo, "rev-parse", "--show-toplevel"], { env: { PATH } });
    expect(status).toEqual({ code: 0, stdout: `${repo}\n`, stderr: "" });
    expect((await ended("git", ["-C", repo, "cat-file", "-e", "nothing"], { env: { PATH } })).code).toBe(128);
  });

  it("says so when there is none, and needs a token for what goes to the host", async () => {
    const link = program.named("git");
    const env = { PATH: `${dirname(link)}:${dirname(process.execPath)}/none`, CMD2HOST_TOKEN: "" };
    const none = await ended(process.execPath, [link, "status"], { env });
    expect([none.code, none.stderr]).toEqual([127, expect.stringContaining("no git of the container's own")]);
    expect((await ended(process.execPath, [link, "push"], { env })).code).toBe(201);
  });

  it("passes by files that are no programs", () => {
    expect(findGit(`relative:${tempDirectory()}:/nowhere`, [])).toBeUndefined();
  });
});
