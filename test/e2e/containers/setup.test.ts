import { execFileSync } from "node:child_process";
import { appendFileSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { startGitHub, type FakeGitHub } from "../../fixtures/backends/github.ts";
import { runProgram, type Ended } from "../../fixtures/backends/program.ts";
import { git, makeRepo } from "../../fixtures/repo.ts";
import { projectRoot, tempDirectory } from "../../fixtures/temp.ts";
import { Devcontainer } from "../rig/devcontainer.ts";
import { IMAGES } from "../rig/images.ts";
import { startHomeDaemon } from "../rig/home-daemon.ts";

const PROGRAM = join(projectRoot, "dist/cmd2host.js");

/** A developer on a machine where cmd2host was just installed: a home with gh's login, and a fresh clone. */
class Developer {
  readonly github: FakeGitHub;
  readonly repo: string;

  private constructor(github: FakeGitHub) {
    this.github = github;
    this.repo = makeRepo(join(tempDirectory(), "repo"));
  }

  static async arrive(): Promise<Developer> {
    return new Developer(await startGitHub());
  }

  async cmd2host(...words: readonly string[]): Promise<Ended> {
    return runProgram(process.execPath, [PROGRAM, ...words], this.github.env, this.repo);
  }

  async serve(): Promise<void> {
    await startHomeDaemon(PROGRAM, this.github.env);
  }

  /** Opens the folder in its container, with this home: what devcontainer.json runs on the host finds the daemon there. */
  async open(): Promise<Devcontainer> {
    return Devcontainer.open(this.repo, { ...process.env, HOME: this.github.home });
  }

  /** Every file of the checkout but git's own and the container tool's, with its content. */
  tree(): ReadonlyMap<string, string> {
    const names = readdirSync(this.repo, { recursive: true, encoding: "utf8" }).filter(
      (name) => !/^\.git\/|\/devcontainer-lock\.json$/.test(name),
    );
    return new Map(
      names
        .filter((name) => statSync(join(this.repo, name)).isFile())
        .map((name) => [name, readFileSync(join(this.repo, name), "base64")]),
    );
  }
}

/** Where `npm run bench -- --setup` reads what was measured. */
function report(figures: Readonly<Record<string, number | string>>): void {
  const file = process.env["CMD2HOST_SETUP_FIGURES"];
  if (file !== undefined) appendFileSync(file, `${JSON.stringify(figures)}\n`);
}

describe.each(IMAGES)("cmd2host setup, and nothing else, with %s", (image) => {
  it("comes from a fresh clone to gh pr list in a container, and back", { timeout: 300_000 }, async () => {
    const developer = await Developer.arrive();
    developer.github.repository("owner/repo").addPull({ title: "Wanted" });
    const before = developer.tree();

    const started = performance.now();
    const setup = await developer.cmd2host("setup", "--yes", `--image=${image}`);
    expect([setup.code, setup.stderr]).toEqual([0, expect.not.stringContaining("error")]);
    const wasSetUp = performance.now();
    await developer.serve();
    const served = performance.now();
    const container = await developer.open();
    const opened = performance.now();
    const listed = await container.exec(["gh", "pr", "list"]);
    const ended = performance.now();
    expect([listed.code, listed.stderr]).toEqual([0, ""]);
    expect(listed.stdout).toContain("Wanted");
    report({
      image,
      setup: wasSetUp - started,
      daemon: served - wasSetUp,
      up: opened - served,
      list: ended - opened,
      total: ended - started,
    });

    expect(await container.exec(["gh", "repo", "delete", "owner/repo"])).toMatchObject({ code: 220, stdout: "" });
    // No Node in the image, and the link leads to the bridge.
    expect((await container.exec(["sh", "-c", "readlink -f $(command -v gh); command -v node"])).stdout).toBe(
      "/usr/local/lib/cmd2host/cmd2host-bridge\n",
    );
    // The MCP files were there before the container, so the feature had nothing to say about them.
    expect(container.log).not.toMatch(/cmd2host: \.(?:mcp|vscode)/);

    const after = developer.tree();
    const again = await developer.cmd2host("setup", "--yes");
    expect([again.code, again.stdout]).toEqual([0, expect.stringMatching(/^Nothing to do: /)]);
    expect(developer.tree()).toEqual(after);
    const undone = await developer.cmd2host("setup", "--undo", "--yes");
    expect([undone.code, undone.stderr]).toEqual([0, ""]);
    expect(developer.tree()).toEqual(before);
    const denied = await container.exec(["gh", "pr", "list"]);
    expect([denied.code, denied.stderr]).toEqual([220, expect.stringMatching(/^cmd2host: /)]);
  });
});

describe("what setup wrote, from git", () => {
  it(
    "starts the container of somebody who has no cmd2host, and who has it after their own setup",
    { timeout: 300_000 },
    async () => {
      const first = await Developer.arrive();
      await first.cmd2host("setup", "--yes", `--image=${IMAGES[0]}`);
      git(first.repo, "add", "--all");
      git(first.repo, "commit", "--quiet", "--message", "The container of this project");

      const second = await Developer.arrive();
      git(
        second.repo,
        "-c",
        "protocol.file.allow=always",
        "pull",
        "--quiet",
        "--ff",
        first.repo,
        "HEAD",
        "--allow-unrelated-histories",
      );
      const without = await second.open();
      const { code, stderr } = await without.exec(["gh", "pr", "list"]);
      expect([code, stderr]).toEqual([201, expect.stringContaining("/run/cmd2host-session/token")]);

      const changed = await second.cmd2host("setup", "--yes");
      expect(changed.stdout).not.toContain("+++ ");
      expect(git(second.repo, "diff", "--name-only")).toBe("");
      await second.serve();
      second.github.repository("owner/repo").addPull({ title: "Theirs" });
      const container = await second.open();
      expect((await container.exec(["gh", "pr", "list"])).stdout).toContain("Theirs");
    },
  );

  it(
    "goes into a container that is described in .devcontainer.json, or one of several",
    { timeout: 300_000 },
    async () => {
      for (const path of [".devcontainer.json", ".devcontainer/python/devcontainer.json"]) {
        const developer = await Developer.arrive();
        mkdirSync(join(developer.repo, path, ".."), { recursive: true });
        writeFileSync(join(developer.repo, path), `{ "image": "${IMAGES[0]}", "runArgs": ["--network=none"] }`);
        expect(await developer.cmd2host("setup", "--yes")).toMatchObject({ code: 0 });
        const container = await Devcontainer.open(
          developer.repo,
          { ...process.env, HOME: developer.github.home },
          "--config",
          join(developer.repo, path),
        );
        expect((await container.exec(["sh", "-c", "readlink -f $(command -v gh)"])).stdout).toBe(
          "/usr/local/lib/cmd2host/cmd2host-bridge\n",
        );
      }
    },
  );
});

describe("the npm package", () => {
  it("carries the feature: setup of an installed package needs nothing else", { timeout: 300_000 }, async () => {
    const directory = tempDirectory();
    const environment = { ...process.env, HOME: directory, npm_config_cache: join(directory, "cache") };
    const options = { cwd: projectRoot, env: environment, encoding: "utf8" } as const;
    const packed = execFileSync(
      "npm",
      ["pack", "--ignore-scripts", "--json", "--pack-destination", directory],
      options,
    );
    const [{ filename }] = JSON.parse(packed) as [{ filename: string }];
    const prefix = join(directory, "prefix");
    execFileSync("npm", ["install", "--global", "--offline", "--prefix", prefix, join(directory, filename)], options);
    const developer = await Developer.arrive();
    const installed = join(prefix, "lib/node_modules/cmd2host/dist/cmd2host.js");
    const words = [installed, "setup", "--yes", `--image=${IMAGES[0]}`];
    expect(await runProgram(process.execPath, words, developer.github.env, developer.repo)).toMatchObject({ code: 0 });
    const container = await developer.open();
    expect((await container.exec(["cmd2host-mcp", "--version"])).code).toBe(0);
  });
});
