import { chmodSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect } from "vitest";
import type { OperationReply, OperationTemplate } from "../../wire/schema.ts";
import { defaultBase } from "../fixtures/base.ts";
import { startDaemon } from "../fixtures/daemon.ts";
import { run } from "../fixtures/exchange.ts";
import { git } from "../fixtures/repo.ts";
import { fixturePrograms, tempDirectory } from "../fixtures/temp.ts";
import { conforms } from "./conformance.ts";

const programs = fixturePrograms();
// Programs that are called gh and git, and print their environment.
const named = join(tempDirectory(), "named");
mkdirSync(named);
for (const name of ["gh", "git", "git.exe"]) symlinkSync(join(programs, "print-environment"), join(named, name));
chmodSync(named, 0o755);

const url = "git@github.com:owner/repo.git";
const env = (name: string, args_template: string[]): OperationTemplate => ({
  command: join(named, name),
  args_template,
});
const operations: Readonly<Record<string, OperationTemplate>> = {
  gh: env("gh", ["pr", "list"]),
  status: env("git", ["status"]),
  update: env("git", ["remote", "update"]),
  push: env("git", ["push", "{expected_git_url}", "ai/x:refs/heads/ai/x"]),
  fetch: env("git", ["fetch", "{expected_git_url}"]),
  pull: env("git.exe", ["pull", "{expected_git_url}"]),
  ls_remote: { ...env("git", ["{verb}", "{expected_git_url}"]), params: { verb: { type: "string" } } },
  url_missing: env("git", ["fetch", "origin"]),
  url_as_value: env("git", ["fetch", "--upload-pack={expected_git_url}"]),
  url_behind: env("git", ["fetch", "--all", "{expected_git_url}"]),
  url_other: env("git", ["fetch", "git@github.com:other/repo.git"]),
  dots: { command: "../../../bin/sh" },
  dash: { command: "-rf" },
  missing: { command: "nonexistent-program-of-cmd2host" },
  hello: { command: "/bin/echo", args_template: ["helloworld"], max_stdout_bytes: 5 },
  runes: { command: `${programs}/print-args`, args_template: ["あい"], max_stdout_bytes: 5 },
  whole: { command: "/bin/echo", args_template: ["helloworld"] },
  killed: { command: `${programs}/die-by-signal`, args_template: ["KILL"] },
  slow: { command: `${programs}/sleep-loudly`, args_template: ["30"], timeout: 1 },
  stdin: { command: `${programs}/read-stdin` },
};

const { base, repo } = defaultBase({
  allowed_operations: Object.keys(operations),
  operations,
  env: { GH_PROMPT_DISABLED: "no", EXTRA: "yes" },
  git_config: { "user.name": "it's me" },
  constraints: { branch_allow: ["ai/.+"] },
});
git(repo, "branch", "ai/x");
const planted = {
  ...process.env,
  GH_TOKEN: "planted-secret",
  AWS_SECRET_ACCESS_KEY: "planted-secret",
  SSH_AUTH_SOCK: "/planted/agent",
  GPG_AGENT_INFO: "planted",
};
const { address } = await startDaemon(base, {}, planted);

async function call(name: string, params: object = {}): Promise<OperationReply> {
  return run(address, { operation: name, params });
}

/** The environment that the program saw. */
async function environmentOf(name: string, params: object = {}): Promise<ReadonlyMap<string, string>> {
  const reply = await call(name, params);
  expect(reply).toMatchObject({ exit_code: 0, denied_reason: null });
  expect(reply.stdout).not.toContain("planted-secret");
  return new Map(
    reply.stdout
      .split("\0")
      .filter((line) => line.includes("="))
      .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
}

describe("environment and execution", () => {
  conforms(78, "gh is told the target, and gets no token of the daemon", async () => {
    const seen = await environmentOf("gh");
    expect(seen.get("GH_PROMPT_DISABLED")).toBe("1");
    expect(seen.get("NO_COLOR")).toBe("1");
    expect(seen.get("GH_REPO")).toBe("owner/repo");
    expect(seen.get("EXTRA")).toBe("yes");
    for (const name of ["GH_TOKEN", "AWS_SECRET_ACCESS_KEY", "SSH_AUTH_SOCK", "GPG_AGENT_INFO"])
      expect(seen.has(name)).toBe(false);
  });

  conforms(79, "git asks nothing and has the project's configuration", async () => {
    const seen = await environmentOf("status");
    expect(seen.get("GIT_TERMINAL_PROMPT")).toBe("0");
    expect(seen.get("GIT_ALLOW_PROTOCOL")).toBe("https:ssh");
    expect(seen.get("GIT_ADVICE")).toBe("0");
    expect(seen.get("GIT_CONFIG_PARAMETERS")).toContain("'user.name=it'\\''s me'");
    // Beyond the original: neither the user's configuration nor a program is there for the workspace to use.
    expect(seen.get("GIT_CONFIG_GLOBAL")).toBe("/dev/null");
    expect(seen.get("GIT_EXEC_PATH")).toBe(seen.get("PATH"));
    expect((await call("update")).code).toBe("git_unsupported");
  });

  conforms(80, "remote git gets the strict environment however it is called", async () => {
    for (const [name, params] of [["push"], ["fetch"], ["ls_remote", { verb: "ls-remote" }]] as const) {
      const seen = await environmentOf(name, params ?? {});
      expect(seen.get("GIT_CONFIG_GLOBAL")).toBe("/dev/null");
      expect(seen.get("GIT_CONFIG_NOSYSTEM")).toBe("1");
      expect(seen.get("GIT_ASKPASS")).toBe("");
      expect(seen.get("GIT_SSH_COMMAND")).toContain("BatchMode=yes");
      const config = seen.get("GIT_CONFIG_PARAMETERS") ?? "";
      for (const entry of [
        "'credential.helper='",
        "'core.hooksPath=/dev/null'",
        "'submodule.recurse=false'",
        "'core.sshCommand=ssh ",
      ])
        expect(config).toContain(entry);
    }
    // Beyond the original: it does not run in the workspace, so there is nothing to pull into.
    expect((await call("pull")).code).toBe("git_unsupported");
  });

  conforms(81, "remote git without the project's own URL right behind the subcommand does not run", async () => {
    for (const name of ["url_missing", "url_as_value", "url_behind", "url_other"]) {
      const reply = await call(name);
      expect(reply).toMatchObject({
        exit_code: 1,
        denied_reason: null,
        outcome: "failed",
        code: "git_url_contract",
        stdout: "",
      });
      expect(reply.stderr).toContain("expected_git_url");
      expect(reply.stderr).not.toContain(url);
    }
  });

  conforms(82, "a program that cannot be is exit code 127", async () => {
    for (const [name, fragment] of [
      ["dots", "contains '..'"],
      ["dash", "begins with '-'"],
      ["missing", "command not found: nonexistent-program-of-cmd2host"],
    ] as const) {
      const reply = await call(name);
      expect(reply).toMatchObject({
        exit_code: 127,
        denied_reason: null,
        outcome: "failed",
        code: "command_not_found",
      });
      expect(reply.stderr).toContain(fragment);
    }
  });

  conforms([83, 84], "output is cut at its cap, between characters, and counted whole", async () => {
    expect(await call("hello")).toMatchObject({ stdout: "hello", stdout_truncated: true, stdout_original_bytes: 11 });
    expect((await call("runes")).stdout).toBe("[あ");
    const whole = await call("whole");
    expect(whole).toMatchObject({ stdout: "helloworld\n", stdout_original_bytes: 11 });
    expect(whole.stdout_truncated).toBeUndefined();
    expect(whole.stderr_original_bytes).toBeUndefined();
  });

  conforms(85, "a signal is exit code 128+n, and the output stays (changed: the original said -1)", async () => {
    expect(await call("killed")).toMatchObject({
      exit_code: 137,
      signal: "SIGKILL",
      stdout: "last words\n",
      outcome: "completed",
      denied_reason: null,
    });
  });

  conforms(
    86,
    "a time limit is exit code 124, at once, with what was written (changed: the original dropped it)",
    async () => {
      const started = performance.now();
      const reply = await call("slow");
      expect(performance.now() - started).toBeLessThan(5_000);
      expect(reply).toMatchObject({ exit_code: 124, denied_reason: null, outcome: "failed", code: "timed_out" });
      expect(reply.stdout).toMatch(/^pid \d+\n$/);
      expect(reply.stderr).toBe("Command timed out");
    },
  );

  conforms(87, "standard input is empty", async () => {
    expect((await call("stdin")).stdout.trim()).toBe("0");
  });
});
