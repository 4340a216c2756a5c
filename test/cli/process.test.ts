import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { text } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { commandLine, EXECUTABLE, packageVersion } from "../fixtures/tested-program.ts";
import { Host } from "./harness.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

interface Ended {
  readonly exit: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command line as a process of its own, as a user would. */
async function cmd2host(host: Host, argv: readonly string[], stdin = ""): Promise<Ended> {
  const { PATH, HOME, TMPDIR } = process.env;
  const [file, ...first] = commandLine();
  const child = spawn(file, [...first, ...argv], {
    cwd: ROOT,
    env: {
      ...(TMPDIR === undefined ? {} : { TMPDIR }),
      HOME,
      PATH: `${host.bin}:${PATH ?? ""}`,
      CMD2HOST_CONFIG_DIR: host.base,
    },
    stdio: ["pipe", "pipe", "pipe"],
  });
  child.stdin.on("error", () => undefined);
  child.stdin.end(stdin);
  const [stdout, stderr, exit] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<number | null>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    }),
  ]);
  return { exit, stdout, stderr };
}

describe("the command line as a process", () => {
  it("prints its version, hashes tokens and lists templates", async () => {
    const host = new Host();
    const [version, hash, blank, templates] = await Promise.all([
      cmd2host(host, ["--version"]),
      cmd2host(host, ["--hash-token"], `${"f".repeat(64)}\n`),
      cmd2host(host, ["--hash-token"], "\n"),
      cmd2host(host, ["templates"]),
    ]);
    const number = EXECUTABLE === undefined ? "dev" : packageVersion();
    expect(version).toEqual({ exit: 0, stdout: `cmd2host version ${number}\n`, stderr: "" });
    expect(hash).toEqual({
      exit: 0,
      stdout: "04939f3b3235beec46ee585f9807aafbaf97ebd2419b9bf49f88a1f2cd05d074\n",
      stderr: "",
    });
    expect(blank).toEqual({ exit: 1, stdout: "", stderr: "Error: empty token\n" });
    expect(templates.stdout).toContain("  readonly\n");
  });

  it("takes a project from init to a revoked token", async () => {
    const host = new Host();
    const init = await cmd2host(host, [
      "config",
      "init",
      "--repo=owner/repo",
      "--repo-path",
      host.checkout,
      "--template=git_github_write",
      "--branch",
      "bot/.+",
    ]);
    expect(init).toMatchObject({ exit: 0, stderr: "" });
    expect(init.stdout).toContain("Created config: ");

    const allow = await cmd2host(host, ["config", "allow", "owner_repo"]);
    expect(allow).toMatchObject({ exit: 0, stderr: "" });
    expect(allow.stdout).toMatch(/\nAllowed config for project: owner_repo\nHash: [0-9a-f]{64}\n$/);

    const [diff, check, show, mint] = await Promise.all([
      cmd2host(host, ["config", "diff", "owner_repo"]),
      cmd2host(host, ["config", "check", "--json"]),
      cmd2host(host, ["config", "show", "owner_repo"]),
      cmd2host(host, ["token", "mint", "--project=owner_repo", "--ttl=1h", `--out=${join(host.root, "token")}`]),
    ]);
    expect(diff.stdout).toContain("Status: ALLOWED (hashes match)\n");
    expect(check.exit).toBe(0);
    expect(JSON.parse(check.stdout)).toMatchObject({ errors: 0 });
    expect(show.stdout).toContain("Pushes to branches that match as a whole: bot/.+\n");
    expect(mint).toMatchObject({ exit: 0, stderr: "" });

    const token = readFileSync(join(host.root, "token"), "utf8");
    const revoke = await cmd2host(host, ["token", "revoke", "--stdin", "--json"], token);
    expect(revoke.exit).toBe(0);
    expect(JSON.parse(revoke.stdout)).toEqual({ revoked: [expect.stringMatching(/^[0-9a-f]{64}$/)] });
  });

  it("passes on exit codes, and starts nothing for words that it does not know", async () => {
    const host = new Host();
    const [unknown, failed, json] = await Promise.all([
      cmd2host(host, ["sevre"]),
      cmd2host(host, ["config", "diff", "nothing"]),
      cmd2host(host, ["config", "diff", "nothing", "--json"]),
    ]);
    expect(unknown).toEqual({
      exit: 2,
      stdout: "",
      stderr: 'error: unknown command "sevre"\nhint: Did you mean serve? See cmd2host --help.\n',
    });
    expect(failed.exit).toBe(1);
    expect(failed.stderr).toMatch(/^error: Config not found: nothing .+\nhint: .+\n$/);
    expect(JSON.parse(json.stdout)).toMatchObject({ error: { code: "not_found" } });
  });

  it("checks daemon.json without starting", async () => {
    const { exit, stdout } = await cmd2host(new Host(), ["check", "--json"]);
    expect(exit).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ warnings: [], unknown: [] });
  });
});
