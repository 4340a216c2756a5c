import { copyFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { requireTools, toolPath } from "../fixtures/backends/present.ts";
import { makeRepo } from "../fixtures/repo.ts";
import { tempDirectory } from "../fixtures/temp.ts";
import { runs, withBridges, type Bridge } from "./bridges.ts";
import { exit, HELLO, output, scripted, started } from "./scripted.ts";

/** `git` as a proxied command: what speaks with a remote goes to the host, everything else is the real git's. */

async function scene(bridge: Bridge) {
  const link = bridge.as("git");
  const daemon = await scripted("unix", async (peer) => {
    await peer.asked();
    peer.send(HELLO, started(0), output("from the host\n"), exit(0));
    peer.socket.end();
  });
  const repo = makeRepo(join(tempDirectory(), "r"));
  const env = { ...daemon.env, PATH: `${dirname(link)}:${dirname(toolPath("git"))}`, HOME: repo };
  return { link, daemon, repo, env };
}

describe.runIf(requireTools(["git"]))("git as a command of the bridge", () => {
  withBridges("git", (bridge) => {
    it.each([
      [["push"], ["git", "push"]],
      [
        ["-c", "a.b=c", "fetch", "origin"],
        ["git", "-c", "a.b=c", "fetch", "origin"],
      ],
      [
        ["--no-pager", "pull", "-C", "x"],
        ["git", "--no-pager", "pull", "-C", "x"],
      ],
      [
        ["-C", "..", "-C", "r", "ls-remote"],
        ["git", "ls-remote"],
      ],
    ])("sends %j to the host", async (words, sent) => {
      const { link, daemon, repo, env } = await scene(bridge);
      expect(await runs(link, words, { env, cwd: repo })).toMatchObject({ code: 0, stdout: "from the host\n" });
      const fields = daemon.peers[0]?.fields() ?? [];
      expect(fields.slice(6)).toEqual(sent);
      expect([fields[3], fields[5]]).toEqual([repo, "git@github.com:owner/repo.git"]);
    });

    it.each([
      [["log", "--format=%s"], "first commit\n"],
      [["-c", "x.push=push", "config", "x.push"], "push\n"],
      [["rev-parse", "--abbrev-ref", "HEAD"], /^\w+\n$/],
      [["-C", ".", "log", "--format=%s", "--", "README.md"], "first commit\n"],
      [["--version"], /^git version /],
      [["-c", "alias.again=!git log --format=%s", "again"], "first commit\n"],
    ])("leaves %j to the real git", async (words, said) => {
      const { link, daemon, repo, env } = await scene(bridge);
      const ended = await runs(link, words, { env, cwd: repo });
      expect(ended).toMatchObject({ code: 0, stderr: "" });
      expect(ended.stdout).toMatch(said);
      expect(daemon.peers).toHaveLength(0);
    });

    it("hands standard input and the exit code on", async () => {
      const { link, repo, env } = await scene(bridge);
      expect((await runs(link, ["hash-object", "--stdin"], { env, cwd: repo }, "x")).stdout).toMatch(
        /^[0-9a-f]{40}\n$/,
      );
      expect((await runs(link, ["rev-parse", "--verify", "-q", "none"], { env, cwd: repo })).code).toBe(1);
    });

    it("never becomes itself: another link, a copy, or no git at all end with 127 and one line", async () => {
      const { link, repo, env } = await scene(bridge);
      const [second, copies] = [tempDirectory(), tempDirectory()];
      symlinkSync(link, join(second, "git"));
      copyFileSync(link, join(copies, "git"));
      writeFileSync(join(second, "readme"), "");
      for (const path of [second, "", "relative:.", `${second}:${copies}`]) {
        const ended = await runs(link, ["status"], { env: { ...env, PATH: `${dirname(link)}:${path}` }, cwd: repo });
        expect(ended).toMatchObject({ code: 127, stdout: "" });
        expect(ended.stderr).toMatch(/^cmd2host: [^\n]+\n$/);
      }
    });
  });
});
