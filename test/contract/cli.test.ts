import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { blake3Hex } from "../../host/util/hash.ts";
import { Host, smallConfig } from "../cli/harness.ts";
import { conforms } from "./conformance.ts";

describe("command line", () => {
  conforms(100, "--hash-token prints the hash of what it reads, and refuses nothing", async () => {
    const host = new Host();
    host.stdin = " abc\n";
    const first = await host.run("--hash-token");
    expect(first).toEqual({ exit: 0, stdout: `${blake3Hex("abc")}\n`, stderr: "" });
    expect(first.stdout).toBe("6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85\n");
    expect(await host.run("--hash-token")).toEqual(first);
    host.stdin = " \n";
    const blank = await host.run("--hash-token");
    expect(blank.exit).not.toBe(0);
    expect(blank.stderr).toContain("Error: empty token");
  });

  conforms(101, "templates are listed and shown; an unknown one is an error that names it", async () => {
    const host = new Host();
    const { stdout } = await host.run("templates");
    for (const name of ["aws_selected", "git_github_write", "git_write", "github_write", "readonly"])
      expect(stdout).toContain(`  ${name}\n`);
    expect((await host.run("templates", "show", "readonly")).stdout).toContain("OWNER/REPO");
    const unknown = await host.run("templates", "show", "nothing");
    expect(unknown.exit).not.toBe(0);
    expect(unknown.stderr).toContain("failed to read template");
    expect(unknown.stderr).toContain("nothing");
  });

  conforms(102, "config init writes a configuration whose programs are absolute", async () => {
    const host = new Host();
    const help = await host.run("config", "init", "--help");
    for (const part of ["Usage:", "--repo", "--template"]) expect(help.stdout).toContain(part);
    expect((await host.run("config", "init")).exit).not.toBe(0);
    for (const repo of ["invalidrepo", "owner/repo/extra", "-owner/repo"])
      expect((await host.run("config", "init", `--repo=${repo}`)).exit).not.toBe(0);
    const init = ["config", "init", "--repo=owner/repo", `--repo-path=${host.checkout}`, "--template=readonly"];
    expect(await host.run(...init, "--allow")).toMatchObject({ exit: 0 });
    expect((await host.run(...init)).stderr).toContain("already exists");
    expect(await host.run(...init, "--force")).toMatchObject({ exit: 0 });
    const config = readFileSync(host.projectFile("owner_repo"), "utf8");
    expect(config).toContain(`"command": "${join(host.bin, "gh")}"`);
    expect(existsSync(host.projectFile("owner_repo", "allowed.sha256"))).toBe(true);
  });

  conforms(103, "config diff tells the three states; a broken configuration is not approved", async () => {
    const host = new Host();
    const file = host.project("owner_repo", smallConfig(host.checkout));
    expect(await host.run("config", "diff", "owner_repo")).toMatchObject({
      exit: 0,
      stdout: expect.stringContaining("Status: NOT ALLOWED") as string,
    });
    await host.run("config", "allow", "owner_repo");
    expect(await host.run("config", "diff", "owner_repo")).toMatchObject({
      exit: 0,
      stdout: expect.stringContaining("Status: ALLOWED (hashes match)") as string,
    });
    writeFileSync(file, `${readFileSync(file, "utf8")} `);
    expect(await host.run("config", "diff", "owner_repo")).toMatchObject({
      exit: 0,
      stdout: expect.stringContaining("Status: MODIFIED (hashes differ)") as string,
    });
    writeFileSync(file, "{");
    expect((await host.run("config", "allow", "owner_repo")).exit).not.toBe(0);
  });

  conforms(104, "config migrate shows the canonical form, writes it on request, and never approves", async () => {
    const host = new Host();
    const file = host.project("owner_repo", { ...smallConfig(host.checkout), own_member: 1 });
    await host.run("config", "allow", "owner_repo");
    const pin = readFileSync(host.projectFile("owner_repo", "allowed.sha256"), "utf8");
    const before = readFileSync(file, "utf8");
    expect((await host.run("config", "migrate", "owner_repo")).stdout).toContain("Dry-run only");
    expect(readFileSync(file, "utf8")).toBe(before);
    expect((await host.run("config", "migrate", "owner_repo", "--apply")).stdout).toContain("Migrated:");
    expect(readFileSync(file, "utf8")).toContain("own_member");
    expect(readFileSync(host.projectFile("owner_repo", "allowed.sha256"), "utf8")).toBe(pin);
    expect((await host.run("config", "migrate", "owner_repo")).stdout).toContain("No migration needed");
  });

  conforms(105, "suggest-submodules reads .gitmodules", async () => {
    const host = new Host();
    mkdirSync(host.checkout, { recursive: true });
    const none = await host.run("suggest-submodules", "--repo-root", host.checkout);
    expect(none).toMatchObject({ exit: 0, stdout: expect.stringContaining("No submodules found") as string });
    writeFileSync(
      join(host.checkout, ".gitmodules"),
      `# comment\n[submodule "a"]\n\tpath = libs/a\n\turl = git@github.com:o/a.git\n\n[submodule "b"]\n\turl = https://github.com/o/b\n\tpath = libs/b\n[submodule "c"]\n\tpath = libs/c\n[submodule "d"]\n\tpath = libs/d\n\turl = file:///x/y\n`,
    );
    const { stdout } = await host.run("suggest-submodules", `--repo-root=${host.checkout}`);
    expect(stdout.indexOf("--repo=o/a --repo-path=libs/a")).toBeGreaterThan(-1);
    expect(stdout.indexOf("--repo=o/b --repo-path=libs/b")).toBeGreaterThan(stdout.indexOf("o/a"));
    expect(stdout).not.toContain("libs/c");
    expect(stdout).not.toContain("libs/d");
  });
});
