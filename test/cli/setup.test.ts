import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { makeRepo } from "../fixtures/repo.ts";
import { Host } from "./harness.ts";

const FEATURE = "registry.example/owner/cmd2host/cmd2host:1";
const DEVCONTAINER = `// Ours
{
  "image": "debian:12", // small
  "initializeCommand": "echo hello",
  "mounts": [
    "source=data,target=/data,type=volume" // kept
  ]
}
`;

class Scene extends Host {
  readonly repo = makeRepo(join(this.root, "repo"));

  constructor() {
    super();
    this.cwd = this.repo;
    this.environment = { HOME: this.root, PATH: this.bin, CMD2HOST_FEATURE: FEATURE };
  }

  get home(): string {
    return join(this.root, ".cmd2host");
  }

  put(path: string, text: string): void {
    const file = join(this.repo, path);
    mkdirSync(join(file, ".."), { recursive: true });
    writeFileSync(file, text);
  }

  text(path: string): string {
    return readFileSync(join(this.repo, path), "utf8");
  }

  /** Every file of the checkout but git's own, with its content. */
  tree(): ReadonlyMap<string, string> {
    const names = readdirSync(this.repo, { recursive: true, encoding: "utf8" }).filter(
      (name) => !name.startsWith(".git"),
    );
    return new Map(
      names.map((name) => {
        const stats = statSync(join(this.repo, name));
        return [name, stats.isDirectory() ? "" : `${(stats.mode & 0o777).toString(8)} ${this.text(name)}`];
      }),
    );
  }

  json5(path: string): Readonly<Record<string, unknown>> {
    return JSON.parse(
      this.text(path)
        .replace(/^\s*\/\/.*$/gm, "")
        .replace(/ \/\/ (?:small|kept)/g, ""),
    ) as Readonly<Record<string, unknown>>;
  }
}

describe("cmd2host setup", () => {
  it("writes and approves a policy, and changes the files of a checkout in place", async () => {
    const host = new Scene();
    host.put(".devcontainer/devcontainer.json", DEVCONTAINER);
    chmodSync(join(host.repo, ".devcontainer/devcontainer.json"), 0o640);
    const { exit, stdout, stderr } = await host.run("setup", "--yes", "--template=git_github_write", "--branch=bot/.+");
    expect([exit, stderr]).toEqual([0, ""]);
    expect(stdout).toContain("adds operation git_push");
    expect(stdout).toContain(`+    "source=\${localEnv:HOME}/.cmd2host/run,target=/run/cmd2host,type=bind,readonly"`);
    expect(stdout).toMatch(/Done\.\n\nNext:\n {2}1\. Start the daemon: .*\n {2}2\. Start the container/);
    expect(host.json5(".devcontainer/devcontainer.json")).toEqual({
      image: "debian:12",
      initializeCommand: {
        workspace: "echo hello",
        cmd2host: [
          "/bin/sh",
          "-c",
          expect.stringContaining(`session start --name="$name"`),
          "cmd2host",
          "${localEnv:HOME}/.cmd2host",
          "${devcontainerId}",
        ],
      },
      mounts: [
        "source=data,target=/data,type=volume",
        "source=${localEnv:HOME}/.cmd2host/run,target=/run/cmd2host,type=bind,readonly",
        "source=${localEnv:HOME}/.cmd2host/sessions/${devcontainerId},target=/run/cmd2host-session,type=bind,readonly",
      ],
      features: { [FEATURE]: { commands: "gh,git", connectionMode: "unix" } },
      containerEnv: {
        HOST_CMD_PROXY_TOKEN_FILE: "/run/cmd2host-session/token",
        HOST_CMD_PROXY_SOCKET: "/run/cmd2host/cmd2host.sock",
      },
    });
    expect(statSync(join(host.repo, ".devcontainer/devcontainer.json")).mode & 0o777).toBe(0o640);
    expect(host.text(".devcontainer/devcontainer.json")).toContain(`"image": "debian:12", // small`);
    expect(JSON.parse(host.text(".mcp.json"))).toEqual({
      mcpServers: {
        cmd2host: {
          command: "cmd2host-mcp",
          args: ["-token-file", "/run/cmd2host-session/token", "-socket", "/run/cmd2host/cmd2host.sock"],
        },
      },
    });
    expect(host.text(".vscode/mcp.json")).toContain(`"type": "stdio"`);
    const config = readFileSync(join(host.home, "projects/owner_repo/config.json"), "utf8");
    expect(JSON.parse(config)).toMatchObject({
      repos: ["owner/repo"],
      repo_paths: [host.repo],
      constraints: { branch_allow: ["bot/.+"] },
    });
    expect((await host.run("projects")).stdout).toContain("owner_repo (allowed)");
  });

  it("does nothing the second time, and everything back with --undo", async () => {
    const host = new Scene();
    host.put(".devcontainer/devcontainer.json", DEVCONTAINER);
    host.put(".mcp.json", `{"mcpServers":{"other":{"command":"x"}}}`);
    const before = host.tree();
    await host.run("setup", "--yes");
    const after = host.tree();
    const again = await host.run("setup");
    expect(again.exit).toBe(0);
    expect(again.stdout).toMatch(/^Nothing to do: /);
    expect(host.tree()).toEqual(after);
    await host.run("session", "start");
    const undone = await host.run("setup", "--undo", "--yes");
    expect(undone).toMatchObject({ exit: 0, stderr: "" });
    expect(undone.stdout).toContain("To remove: project owner_repo and its tokens.\n");
    expect(host.tree()).toEqual(before);
    expect((await host.run("projects")).stdout).toContain("No projects configured.");
    expect(await host.json("token", "list")).toEqual({ tokens: [] });
    expect(existsSync(join(host.home, "bin/cmd2host"))).toBe(false);
    expect((await host.run("setup", "--undo")).stdout).toMatch(/^Nothing to take back/);
  });

  it("changes the way and the commands when it is told so, and takes both runs back", async () => {
    const host = new Scene();
    host.put(".devcontainer.json", DEVCONTAINER);
    const before = host.tree();
    await host.run("setup", "--yes");
    expect((await host.run("setup", "--yes", "--mode=tcp", "--commands=gh")).exit).toBe(0);
    expect(host.json5(".devcontainer.json")).toMatchObject({
      features: { [FEATURE]: { commands: "gh", connectionMode: "tcp" } },
      runArgs: ["--add-host=host.docker.internal:host-gateway"],
      containerEnv: {
        HOST_CMD_PROXY_TOKEN_FILE: "/run/cmd2host-session/token",
        HOST_CMD_PROXY_HOST: "host.docker.internal",
      },
    });
    expect(host.text(".devcontainer.json")).not.toContain("/run/cmd2host.sock");
    expect(host.text(".devcontainer.json")).not.toContain("target=/run/cmd2host,");
    expect((await host.run("setup")).stdout).toMatch(/^Nothing to do/);
    expect((await host.run("setup", "--undo", "--yes")).exit).toBe(0);
    expect(host.tree()).toEqual(before);
  });

  it("keeps a project that names the checkout, and says which options did nothing", async () => {
    const host = new Scene();
    await host.run("setup", "--yes");
    const config = readFileSync(join(host.home, "projects/owner_repo/config.json"));
    const { exit, stdout, stderr } = await host.run("setup", "--yes", "--template=git_write", "--branch=x");
    expect([exit, stdout.split(":")[0], stderr]).toEqual([
      0,
      "Nothing to do",
      "warning: project owner_repo names this checkout already and stays as it is: --template, --branch did nothing\n",
    ]);
    expect(readFileSync(join(host.home, "projects/owner_repo/config.json"))).toEqual(config);
  });

  it("makes a devcontainer.json where there is none, and removes its directory again", async () => {
    const host = new Scene();
    await host.run("setup", "--yes", "--image=debian:testing", "--mcp=none");
    expect(host.json5(".devcontainer/devcontainer.json")).toMatchObject({ name: "repo", image: "debian:testing" });
    expect(existsSync(join(host.repo, ".mcp.json"))).toBe(false);
    await host.run("setup", "--undo", "--yes");
    expect([...host.tree().keys()]).toEqual(["README.md"]);
  });

  it("only shows with --dry-run, and without --yes where nobody can be asked", async () => {
    const host = new Scene();
    const before = host.tree();
    const dry = await host.run("setup", "--dry-run");
    expect(dry.exit).toBe(0);
    expect(dry.stdout).toContain("+++ b/.devcontainer/devcontainer.json");
    const silent = await host.run("setup");
    expect([silent.exit, silent.stdout]).toEqual([1, dry.stdout]);
    expect(silent.stderr).toContain("Nothing was changed; add --yes to do it.\n");
    const json = (await host.json("setup", "--dry-run")) as Readonly<Record<string, unknown>>;
    expect(json).toMatchObject({
      project: "owner_repo",
      project_new: true,
      applied: false,
      files: [
        { path: ".devcontainer/devcontainer.json", new: true },
        { path: ".mcp.json", new: true },
        { path: ".vscode/mcp.json", new: true },
      ],
    });
    expect(host.tree()).toEqual(before);
    expect(existsSync(host.home)).toBe(false);
  });

  it("takes everything back when one file cannot be written", async () => {
    const host = new Scene();
    host.put(".devcontainer/devcontainer.json", DEVCONTAINER);
    // Nothing can be made below a file.
    host.put(".vscode", "not a directory");
    const before = host.tree();
    const failed = await host.run("setup", "--yes");
    expect([failed.exit, failed.stderr.split("\n")[0]]).toEqual([
      1,
      'error: .vscode/mcp.json: "' + join(host.repo, ".vscode") + '" is not a directory',
    ]);
    expect(host.tree()).toEqual(before);
    expect((await host.run("projects")).stdout).toContain("No projects configured.");
  });

  it("takes everything back when a file changes while it works", async () => {
    const host = new Scene();
    host.put(".devcontainer/devcontainer.json", DEVCONTAINER);
    const { planSetup } = await import("../../host/cli/setup-plan.ts");
    const { applySetup } = await import("../../host/cli/setup-apply.ts");
    const { WorkspaceFiles } = await import("../../host/setup/workspace-files.ts");
    const { lookAround } = await import("../../host/cli/setup-found.ts");
    const { choose } = await import("../../host/cli/setup-choices.ts");
    const context = host.context();
    const found = lookAround(host.repo, undefined, context);
    const values = {
      ...{
        workspace: undefined,
        template: "readonly",
        repo: undefined,
        host: undefined,
        branch: [],
        submodules: false,
      },
      ...{
        id: undefined,
        commands: undefined,
        mode: undefined,
        runtime: undefined,
        feature: FEATURE,
        devcontainer: undefined,
        image: "x",
      },
      ...{ mcp: "claude,vscode", "no-devcontainer": false, yes: true, "dry-run": false, undo: false, json: false },
    };
    const plan = await planSetup(found, await choose(values, found, context, undefined), values.image, context);
    host.put(".vscode/mcp.json", "{}");
    const before = host.tree();
    await expect(applySetup(plan, new WorkspaceFiles(host.repo), context)).rejects.toMatchObject({
      code: "setup_conflict",
    });
    expect(host.tree()).toEqual(before);
    expect(existsSync(join(host.home, "projects/owner_repo/config.json"))).toBe(false);
    expect(readdirSync(join(host.home, "setups"))).toEqual([]);
    expect(existsSync(join(host.home, "bin/cmd2host"))).toBe(false);
  });

  it("can be started twice at once: one does it, and all of it can be taken back", async () => {
    const host = new Scene();
    const before = host.tree();
    const both = await Promise.all([host.run("setup", "--yes"), host.run("setup", "--yes", "--mcp=none")]);
    expect(both.map(({ exit }) => exit).sort()).toEqual([0, 1]);
    expect(both.map(({ stderr }) => stderr).join("")).toMatch(/^error: .+ was made meanwhile\n/);
    expect((await host.run("setup", "--undo", "--yes")).exit).toBe(0);
    expect(host.tree()).toEqual(before);
  });

  it("takes a mount of ours for ours with a slash behind it", async () => {
    const host = new Scene();
    host.put(
      ".devcontainer.json",
      '{ "mounts": [{ "source": "/x", "target": "/run/cmd2host/", "type": "bind" }, "source=/y,dst=/run/cmd2host-session/,type=bind"] }',
    );
    await host.run("setup", "--yes");
    expect(host.json5(".devcontainer.json")["mounts"]).toEqual([
      "source=${localEnv:HOME}/.cmd2host/run,target=/run/cmd2host,type=bind,readonly",
      "source=${localEnv:HOME}/.cmd2host/sessions/${devcontainerId},target=/run/cmd2host-session,type=bind,readonly",
    ]);
  });

  it("refuses to take back what was changed since in the same place, and changes nothing then", async () => {
    const host = new Scene();
    await host.run("setup", "--yes");
    host.put(".mcp.json", host.text(".mcp.json").replace("cmd2host.sock", "other.sock"));
    const before = host.tree();
    const refused = await host.run("setup", "--undo", "--yes");
    expect([refused.exit, refused.stderr.split("\n")[0]]).toEqual([
      1,
      "error: changed since, in the same places: .mcp.json",
    ]);
    expect(host.tree()).toEqual(before);
    expect((await host.run("projects")).stdout).toContain("owner_repo (allowed)");
  });

  it("leaves a policy that was changed since, and says how to end it", async () => {
    const host = new Scene();
    await host.run("setup", "--yes");
    const config = join(host.home, "projects/owner_repo/config.json");
    writeFileSync(config, `${readFileSync(config, "utf8")}\n`);
    const { stdout } = await host.run("setup", "--undo", "--yes");
    expect(stdout).toContain(
      "Stays, since it was changed: project owner_repo. To end it: cmd2host config disallow owner_repo\n",
    );
    expect(existsSync(config)).toBe(true);
    expect([...host.tree().keys()]).toEqual(["README.md"]);
  });

  it("asks which of several devcontainer.json, and takes the one that is named", async () => {
    const host = new Scene();
    host.put(".devcontainer/one/devcontainer.json", DEVCONTAINER);
    host.put(".devcontainer/two/devcontainer.json", DEVCONTAINER);
    const unclear = await host.run("setup", "--yes");
    expect([unclear.exit, unclear.stderr.split("\n")[0]]).toEqual([
      2,
      "error: there are several devcontainer.json: .devcontainer/one/devcontainer.json, .devcontainer/two/devcontainer.json",
    ]);
    const path = ".devcontainer/two/devcontainer.json";
    expect((await host.run("setup", "--yes", `--devcontainer=${path}`)).exit).toBe(0);
    expect(host.text(path)).toContain("cmd2host");
    expect(host.text(".devcontainer/one/devcontainer.json")).toBe(DEVCONTAINER);
  });

  it.each([
    ["--mode=pigeon", '--mode "pigeon" is neither unix nor tcp'],
    ["--commands=gh,../x", '--commands "../x" is no name of a command'],
    ["--feature=https://x", '--feature "https://x" is no reference'],
    ["--mcp=emacs", '--mcp "emacs" is not known'],
    ["--devcontainer=x.json", "there is no x.json"],
    ["--template=nothing", "failed to read template"],
    ["--template=fleet_shell", "cmd2host agent init --template=fleet_shell"],
  ])("does not understand %s", async (option, message) => {
    const host = new Scene();
    const { exit, stderr } = await host.run("setup", "--yes", option);
    expect(exit).toBeGreaterThan(0);
    expect(stderr).toContain(message);
    expect(existsSync(host.home)).toBe(false);
  });

  it("needs a checkout with an origin that names a repository, or to be told it", async () => {
    const host = new Scene();
    host.cwd = host.root;
    expect((await host.run("setup")).stderr).toContain("is in no git checkout");
    const bare = new Scene();
    execFileSync("git", ["-C", bare.repo, "remote", "set-url", "origin", "/somewhere"]);
    expect((await bare.run("setup", "--yes")).stderr).toContain('is "/somewhere", not git@HOST:OWNER/NAME.git');
    const told = await bare.run("setup", "--yes", "--repo=owner/repo");
    expect(told.exit).toBe(0);
    expect(told.stderr).toMatch(/^warning: the origin of /);
  });

  it("includes the submodules that are checked out, when told so", async () => {
    const host = new Scene();
    makeRepo(join(host.repo, "lib"), "git@github.com:owner/lib.git");
    host.put(
      ".gitmodules",
      `[submodule "lib"]\n\tpath = lib\n\turl = git@github.com:owner/lib.git\n[submodule "b"]\n\tpath = b\n\turl = git@github.com:owner/b.git\n`,
    );
    await host.run("setup", "--yes", "--submodules");
    const config = readFileSync(join(host.home, "projects/owner_repo/config.json"), "utf8");
    expect(JSON.parse(config)).toMatchObject({
      repos: ["owner/repo", "owner/lib"],
      repo_paths: [host.repo, join(host.repo, "lib")],
    });
  });

  it("names a base directory of its own as it is, and says that this is for one machine", async () => {
    const host = new Scene();
    host.environment["CMD2HOST_CONFIG_DIR"] = host.base;
    const { stderr } = await host.run("setup", "--yes");
    expect(stderr).toContain("is right on this machine only");
    expect(host.text(".devcontainer/devcontainer.json")).toContain(`source=${host.base}/run,target=/run/cmd2host`);
  });

  it("says so when a project exists for another checkout of the same repository", async () => {
    const host = new Scene();
    await host.run("setup", "--yes");
    const other = makeRepo(join(host.root, "other"));
    host.cwd = other;
    const { exit, stderr } = await host.run("setup", "--yes");
    expect([exit, stderr]).toEqual([
      1,
      expect.stringMatching(/owner_repo exists, and names another checkout.*\nhint: .*--id=owner_repo-2/),
    ]);
    expect((await host.run("setup", "--yes", "--id=owner_repo-2")).exit).toBe(0);
  });
});

describe("cmd2host setup in a hostile checkout", () => {
  const outside = "outside";

  it.each([
    [
      "a link to a file",
      (host: Scene) => {
        mkdirSync(join(host.repo, ".devcontainer"));
        symlinkSync(join(host.root, outside), join(host.repo, ".devcontainer/devcontainer.json"));
      },
    ],
    [
      "a link to a directory",
      (host: Scene) => {
        mkdirSync(join(host.root, "elsewhere"));
        writeFileSync(join(host.root, "elsewhere/devcontainer.json"), "{}");
        symlinkSync(join(host.root, "elsewhere"), join(host.repo, ".devcontainer"));
      },
    ],
    [
      "a FIFO",
      (host: Scene) => {
        execFileSync("mkfifo", [join(host.repo, ".devcontainer.json")]);
      },
    ],
    [
      "a link in the place of an MCP file",
      (host: Scene) => {
        symlinkSync(join(host.root, outside), join(host.repo, ".mcp.json"));
      },
    ],
    [
      "a dangling link in the place of a directory",
      (host: Scene) => {
        symlinkSync(join(host.root, "new"), join(host.repo, ".vscode"));
      },
    ],
    [
      "too large a file",
      (host: Scene) => {
        host.put(".devcontainer.json", " ".repeat(1_048_577));
      },
    ],
    [
      "what is nested so deep that a stack ends",
      (host: Scene) => {
        host.put(
          ".devcontainer.json",
          `{ "features": { "./cmd2host": { "x": ${"[".repeat(3_000)}${"]".repeat(3_000)} } } }`,
        );
      },
    ],
    [
      "a file that is not UTF-8",
      (host: Scene) => {
        writeFileSync(join(host.repo, ".mcp.json"), Buffer.from([0x7b, 0xff, 0x7d]));
      },
    ],
    [
      "Compose, which forgets that a mount is read only",
      (host: Scene) => {
        host.put(".devcontainer.json", `{"dockerComposeFile": "c.yml"}`);
      },
    ],
  ])("refuses %s in one sentence, and touches nothing", async (_what, plant) => {
    const host = new Scene();
    writeFileSync(join(host.root, outside), "{}");
    plant(host);
    const { exit, stdout, stderr } = await host.run("setup", "--yes");
    expect([exit, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/^error: .+\nhint: .+\n$|^error: .+\n$/);
    expect(readFileSync(join(host.root, outside), "utf8")).toBe("{}");
    expect(existsSync(join(host.root, "new"))).toBe(false);
    expect(existsSync(host.home)).toBe(false);
  });

  it("writes nothing that steers a terminal", async () => {
    const host = new Scene();
    host.put(".devcontainer.json", `{} // \u001b[2Jgone\u202e`);
    const { stdout } = await host.run("setup", "--dry-run");
    expect(stdout).not.toMatch(/[\u001b\u202e]/);
    expect(stdout).toContain(String.raw`\x1b[2Jgone\u202e`);
  });

  it("does not let a program of the checkout be the one that a container's start runs", async () => {
    const host = new Scene();
    host.installed = ["/usr/bin/node", join(host.repo, "node_modules/cmd2host/dist/cmd2host.js")];
    const before = host.tree();
    const { exit, stderr } = await host.run("setup", "--yes");
    expect([exit, stderr.split("\n")[0]]).toEqual([
      1,
      `error: ${join(host.repo, "node_modules/cmd2host/dist/cmd2host.js")} lies inside the workspace, which the container can write`,
    ]);
    expect(host.tree()).toEqual(before);
  });

  it("leaves a program that stands at the launcher's place", async () => {
    const host = new Scene();
    mkdirSync(join(host.home, "bin"), { recursive: true, mode: 0o700 });
    writeFileSync(join(host.home, "bin/cmd2host"), "the real program", { mode: 0o755 });
    await host.run("setup", "--yes");
    await host.run("setup", "--undo", "--yes");
    expect(readFileSync(join(host.home, "bin/cmd2host"), "utf8")).toBe("the real program");
    rmSync(host.home, { recursive: true });
  });
});
