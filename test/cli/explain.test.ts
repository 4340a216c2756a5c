import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { check } from "../../wire/parse.ts";
import { Base, defaultProject, TOKEN } from "../fixtures/base.ts";
import { startDaemon } from "../fixtures/daemon.ts";
import { makeRepo } from "../fixtures/repo.ts";
import { tempDirectory } from "../fixtures/temp.ts";
import { Host } from "./harness.ts";

interface Scene {
  readonly host: Host;
  readonly base: Base;
  readonly repo: string;
}

/** The environment of the owner's terminal names a program that the daemon's does not. */
function scene(): Scene {
  const base = new Base();
  const host = new Host();
  const repo = makeRepo(join(tempDirectory(), "repo"));
  host.environment = { ...host.environment, CMD2HOST_CONFIG_DIR: base.root, OWNER_SECRET: "planted" };
  const config = defaultProject(repo, {
    allowed_operations: ["view", "say"],
    operations: {
      view: {
        command: "gh",
        args_template: ["pr", "view", "{number}", "-R", "{repo}"],
        params: { number: { type: "integer", min: 1 } },
        allowed_flags: ["--comments"],
      },
      say: { command: "/bin/echo", args_template: ["{word}"], params: { word: { type: "string" } } },
    },
  });
  base.writeProject("owner_repo", config).writeToken(TOKEN, { repo: "owner/repo" });
  return { host, base, repo };
}

const PROJECT = "--project=owner_repo";

describe("cmd2host explain", () => {
  it("without a daemon says who looks, what would run, and exits with 0", async () => {
    const { host } = scene();
    const { exit, stdout, stderr } = await host.run("explain", PROJECT, "--", "gh", "pr", "view", "42");
    expect([exit, stderr]).toEqual([0, ""]);
    expect(stdout).toContain("Dry run: nothing was run, written or counted. No daemon runs: seen by this process");
    expect(stdout).toContain("It would run.\n");
    expect(stdout).toMatch(
      / {2}ok {2}operation +view, the only one that makes this command line \[allowed_operations\]/,
    );
    expect(stdout).toContain('  argv     ["gh", "pr", "view", "42", "-R", "owner/repo"]\n');
    expect(stdout).toContain(`  program  ${host.bin}/gh\n`);
    expect(stdout).toContain("  in       an empty directory of the daemon's own\n");
    expect(stdout).toMatch(/ {2}env +.*GH_REPO/);
    expect(stdout).toContain("  asks     nobody\n");
    expect(stdout).not.toContain("planted");
  });

  it("finds the project by the checkout that it is started in, when it is the only one there", async () => {
    const { host, base, repo } = scene();
    const line = ["--", "gh", "pr", "view", "42"];
    expect((await host.run("explain", ...line)).stderr).toMatch(
      /^error: missing --project: no project names this directory\nhint: /,
    );
    host.cwd = repo;
    expect((await host.run("explain", ...line)).stdout).toContain("It would run.\n");
    base.writeProject("other", { repos: ["owner/repo"], repo_paths: [repo], allowed_operations: [] });
    expect(await host.run("explain", ...line)).toMatchObject({
      exit: 2,
      stderr: expect.stringContaining("several projects name this directory") as unknown,
    });
  });

  it("prefers the running daemon, which has its own PATH", async () => {
    const { host, base } = scene();
    await startDaemon(base, {}, { PATH: "/nonexistent" });
    const { exit, stdout } = await host.run("explain", PROJECT, "--", "gh", "pr", "view", "42");
    expect(exit).toBe(1);
    expect(stdout).toContain("Seen by the running daemon.\nIt would be allowed, and fail.\n");
    expect(stdout).toMatch(/ {2}no {2}program +command not found: gh \[command_not_found\]/);
    expect(stdout).toMatch(/ {2}- {3}not reached: .*environment/);
    expect(stdout).toContain("Code: command_not_found\nTo do: ");
  });

  it("explains a denial in the same way, with the forms that come close", async () => {
    const { host } = scene();
    const { exit, stdout } = await host.run("explain", PROJECT, "--", "gh", "pr", "view", "42", "--jq=x");
    expect(exit).toBe(1);
    expect(stdout).toContain("It would be denied.\n");
    expect(stdout).toContain('  view: unknown flag "--jq"\n      gh pr view <number> [--comments <value>]\n');
    expect(stdout).toMatch(/ {2}- {3}not reached: values, stdin, .*, approval\n/);
    expect(stdout).not.toContain("What would run");
  });

  it("takes an operation by name, with parameters and flags", async () => {
    const { host } = scene();
    const named = ["--operation=view", "--param-json=number=7", "--flag=--comments"];
    const { exit, stdout } = await host.run("explain", PROJECT, ...named, "--json");
    expect(exit).toBe(0);
    const { seen_by: seenBy, ...explanation } = JSON.parse(stdout) as Record<string, unknown>;
    expect(seenBy).toBe("this_process");
    expect(check("explanation_reply", { explanation })).toMatchObject({ ok: true, unknown: [] });
    expect(explanation).toMatchObject({
      dry_run: true,
      verdict: "allow",
      plan: { argv: ["gh", "pr", "view", "7", "-R", "owner/repo", "--comments"] },
    });
    const text = await host.run("explain", PROJECT, "--operation=view", "--param=number=7");
    expect([text.exit, text.stdout.includes("[param_invalid]")]).toEqual([1, true]);
    const other = await host.run("explain", PROJECT, "--operation=view", "--target-repo=evil/other");
    expect([other.exit, other.stdout.includes("[target_not_allowed]")]).toEqual([1, true]);
  });

  it("takes a request that was kept, from a file or standard input, and does not look at its token", async () => {
    const { host } = scene();
    const kept = { operation: "view", params: { number: 7 }, token: TOKEN };
    writeFileSync(join(host.root, "request.json"), JSON.stringify(kept));
    const fromFile = await host.run("explain", PROJECT, "--request=request.json", "--json");
    host.stdin = JSON.stringify({ raw_argv: ["gh", "pr", "view", "7"], token: "nonsense" });
    const fromStdin = await host.run("explain", PROJECT, "--request=-", "--json");
    for (const { exit, stdout } of [fromFile, fromStdin]) {
      expect([exit, stdout.includes(TOKEN)]).toEqual([0, false]);
      expect(JSON.parse(stdout)).toMatchObject({ verdict: "allow", operation: "view" });
    }
  });

  it.each([
    [["--request=none.json"], 1, "there is no such file"],
    [[], 2, "give one of"],
    [["--operation=view", "--", "gh"], 2, "give one of"],
    [["--param=a=b", "--", "gh"], 2, "go with --operation"],
    [["--operation=view", "--param=number"], 2, "is not NAME=VALUE"],
  ])("with %j says what is wrong", async (args, code, what) => {
    const { exit, stderr } = await scene().host.run("explain", PROJECT, ...args);
    expect([exit, stderr]).toEqual([code, expect.stringContaining(what)]);
  });

  it.each([
    ['{"operation":"view","operation":"say"}', 'duplicate member "operation"'],
    ["[]", "expected an object"],
    ["{}", "neither operation nor raw_argv"],
    ['{"operation":1}', "operation"],
    ["", "not one JSON object"],
  ])("refuses %j as the wire would", async (text, what) => {
    const { host } = scene();
    host.stdin = text;
    const { exit, stderr } = await host.run("explain", PROJECT, "--request=-");
    expect(exit).not.toBe(0);
    expect(stderr).toContain(what);
  });

  it("shows what could steer a terminal as escapes", async () => {
    const { host } = scene();
    const nasty = "\u001b[2J\u202egnp\r\nx\u009b1m";
    for (const args of [
      ["--operation=say", `--param=word=${nasty}`],
      ["--", "gh", nasty],
      ["--operation=view", `--flag=--${nasty}`],
    ]) {
      const { stdout, stderr } = await host.run("explain", PROJECT, ...args);
      expect(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/.test(stdout + stderr)).toBe(false);
      expect(stdout).toContain("\\x1b[2J");
    }
  });
});
