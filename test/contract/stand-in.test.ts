import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect } from "vitest";
import type { OperationTemplate } from "../../wire/schema.ts";
import { defaultBase, TOKEN } from "../fixtures/base.ts";
import { startDaemon } from "../fixtures/daemon.ts";
import { fixturePrograms, tempDirectory } from "../fixtures/temp.ts";
import { fakeDaemon } from "../mcp/fake-daemon.ts";
import { ended, StandInProgram, type StandInEnd, type StandInStart } from "../proxy/program.ts";
import { conforms } from "./conformance.ts";

/** The stand-in for commands, on Node: with our daemon, and with the original's replies. */

const programs = fixturePrograms();
const text = { text: { type: "string" } };
const operations: Readonly<Record<string, OperationTemplate>> = {
  say: { command: `${programs}/say`, args_template: ["{out}", "{text}"], params: { ...text, out: { type: "string" } } },
  code: { command: `${programs}/exit-with`, args_template: ["{code}", "bye"], params: { code: { type: "integer" } } },
  upper: { command: "/usr/bin/tr", args_template: ["a-z", "A-Z"], stdin: "optional" },
  cut: { command: "/bin/echo", args_template: ["{text}"], params: text, max_stdout_bytes: 3 },
  many: { command: "/usr/bin/seq", args_template: ["{text}"], params: text },
};
const { base, repo } = defaultBase({ allowed_operations: Object.keys(operations), operations });
const daemon = await startDaemon(base);
const { address } = daemon;
const program = await StandInProgram.built();
const env = { HOST_CMD_PROXY_SOCKET: address.path, CMD2HOST_TOKEN: TOKEN };

async function typed(words: readonly string[], start: StandInStart = {}): Promise<StandInEnd> {
  return ended(program.file, ["--", ...words], { ...start, env: { ...env, ...start.env } });
}

describe("the stand-in on Node", () => {
  conforms(113, "answers for itself by its own name only", async () => {
    expect(await ended(program.file, ["--version"])).toMatchObject({
      code: 0,
      stdout: "cmd2host-proxy version 9.8.7\n",
    });
    for (const name of ["cmd2host-proxy-v0.3.0", "cmd2host-proxy.bak"])
      expect(await ended(program.named(name), ["-version"])).toMatchObject({ code: 0 });
    const gh = await ended(program.named("gh"), ["--version"], { env: { HOST_CMD_PROXY_TOKEN_FILE: "/no/token" } });
    expect(gh).toMatchObject({ code: 201, stdout: "" });
    expect(gh.stderr).toMatch(/^cmd2host: cannot read the token file "\/no\/token"/);
    const nothing = await ended(program.file, []);
    expect([nothing.code, nothing.stderr]).toEqual([200, expect.stringContaining("missing host command")]);
    expect((await ended(program.file, ["-port", "x", "gh"])).code).toBe(200);
    expect((await ended(program.file, ["-help"])).stdout).toContain("Usage: cmd2host-proxy");
  });

  conforms(
    114,
    "passes both streams and the exit code through, and says what was typed and for which repository",
    async () => {
      expect(await typed(["say", "out", "problem"])).toEqual({ code: 0, stdout: "out", stderr: "problem" });
      expect((await typed(["exit-with", "7", "bye"])).code).toBe(7);
      const old = await fakeDaemon();
      old.answer({ exit_code: 3, stdout: "o", stderr: "e", denied_reason: null });
      const { path } = old.address as { path: string };
      const args = ["-socket", path, "-target-repo=owner/second", "gh", "pr", "view", "--json", "title"];
      expect(await ended(program.file, args, { env: { CMD2HOST_TOKEN: "t" } })).toEqual({
        code: 3,
        stdout: "o",
        stderr: "e",
      });
      expect(old.requests.at(-1)).toMatchObject({
        raw_argv: ["gh", "pr", "view", "--json", "title"],
        target_repo: "owner/second",
        token: "t",
      });
      await old.close();
    },
  );

  conforms(115, "says a denial with the way to find out more; a pipe as standard input alone is no error", async () => {
    const denied = await typed(["gh", "pr", "merge"]);
    expect([denied.code, denied.stdout]).toEqual([220, ""]);
    expect(denied.stderr).toMatch(/^cmd2host: no allowed operation matches command "gh"/);
    expect(denied.stderr).toContain("run mcp__cmd2host__cmd2host_list_operations to discover supported operations");
    const away = await typed(["gh"], { env: { HOST_CMD_PROXY_SOCKET: join(tempDirectory(), "none.sock") } });
    expect([away.code, away.stderr]).toEqual([200, expect.stringMatching(/^cmd2host: daemon request failed: /)]);
    expect(await typed(["say", "out", "x"], { input: "not wanted" })).toMatchObject({ code: 0, stdout: "out" });
    expect(await typed(["tr", "a-z", "A-Z"], { input: "wanted" })).toMatchObject({ code: 0, stdout: "WANTED" });
    expect((await typed(["say", "out", "file:///etc/passwd"])).code).toBe(230);
    expect((await typed(["aws", "--profile", "foo", "sso", "login"])).code).toBe(230);
  });

  conforms(
    118,
    "says on standard error that output was cut, only when it was; ends quietly when nobody reads",
    async () => {
      expect(await typed(["echo", "abcdef"])).toEqual({
        code: 0,
        stdout: "abc",
        stderr: "cmd2host: stdout truncated by host daemon (shown 3 of 7 bytes)\n",
      });
      const line = `${program.file} -- seq 9000000 | head -1; echo "\${PIPESTATUS[0]}"`;
      expect(await ended("bash", ["-c", line], { env })).toMatchObject({ stdout: "1\n141\n" });
    },
  );

  conforms(119, "reads where it stands from git's files: a git that hangs keeps nobody waiting", async () => {
    const bin = join(tempDirectory(), "bin");
    mkdirSync(bin);
    writeFileSync(join(bin, "git"), "#!/bin/sh\nexec sleep 600\n");
    chmodSync(join(bin, "git"), 0o755);
    const PATH = `${bin}:${process.env["PATH"] ?? ""}`;
    expect(await typed(["say", "out", ""], { cwd: repo, env: { PATH } })).toMatchObject({ code: 0, stdout: "out" });
    const permitted = daemon.lines.filter(({ event }) => event === "permitted");
    expect(permitted.at(-1)?.fields).toMatchObject({ source: "raw_argv", resolved_target_source: "auto_resolve" });
  });
});
