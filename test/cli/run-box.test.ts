import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { bridgeProgram } from "../../host/util/bridge-program.ts";
import { TokenStore } from "../../host/auth/token-store.ts";
import { makeRepo } from "../fixtures/repo.ts";
import { atEnd, fixturePrograms, projectRoot } from "../fixtures/temp.ts";
import { Host, smallConfig } from "./harness.ts";

interface Ended {
  readonly exit: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

class Scene extends Host {
  readonly repo = makeRepo(join(this.root, "repo"));
  readonly log = join(this.root, "engine.log");

  constructor() {
    super();
    this.cwd = this.repo;
    symlinkSync(join(fixturePrograms(), "engine"), join(this.bin, "podman"));
    Object.assign(this.environment, { PATH: `${this.bin}:/usr/bin:/bin`, ENGINE_LOG: this.log, ENGINE_DO: "exit 0" });
  }

  /** A checkout with an approved project, and somebody who listens. */
  async ready(): Promise<this> {
    this.project("owner_repo", smallConfig(this.repo));
    await this.run("config", "allow", "owner_repo");
    mkdirSync(join(this.base, "run"));
    const server = createServer((socket) => socket.destroy()).listen(join(this.base, "run/cmd2host.sock"));
    await new Promise((resolve) => server.once("listening", resolve));
    atEnd(() => {
      server.close();
    });
    return this;
  }

  /** What the engine was told last. */
  get told(): readonly string[] {
    return readFileSync(this.log, "utf8").trimEnd().split("\n");
  }

  get tokens(): TokenStore {
    return new TokenStore(join(this.base, "tokens"));
  }

  get boxes(): readonly string[] {
    const directory = join(this.base, "boxes");
    return existsSync(directory) ? readdirSync(directory) : [];
  }

  start(...argv: readonly string[]): { readonly child: ChildProcess; readonly ended: Promise<Ended> } {
    const child = spawn(
      process.execPath,
      ["--import", import.meta.resolve("tsx"), join(projectRoot, "host/main.ts"), ...argv],
      {
        cwd: this.repo,
        env: this.environment,
        stdio: ["pipe", "pipe", "pipe"],
        detached: true,
      },
    );
    const exit = new Promise<Pick<Ended, "exit" | "signal">>((resolve) => {
      child.once("close", (code, signal) => {
        resolve({ exit: code, signal });
      });
    });
    const ended = Promise.all([exit, text(child.stdout), text(child.stderr)]).then(([how, stdout, stderr]): Ended => ({
      ...how,
      stdout,
      stderr,
    }));
    return { child, ended };
  }

  /** Waits until the engine has begun. */
  async begun({ child }: { readonly child: ChildProcess }): Promise<void> {
    while (!existsSync(join(this.root, "begun"))) {
      if (child.exitCode !== null) throw new Error(`ended with ${child.exitCode} before it began`);
      await sleep(20);
    }
  }
}

describe("cmd2host run", () => {
  it("tells the engine exactly this", async () => {
    const host = await new Scene().ready();
    const { exit, stdout, stderr } = await host.run("run", "--image=img:1", "--", "agent", "--flag", "a b", "--", "-x");
    expect([exit, stdout, stderr]).toEqual([0, "", ""]);
    const [name = ""] = host.told.filter((word) => /^cmd2host-[0-9a-f]{16}$/.test(word));
    const { uid, gid } = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
    expect(host.told).toEqual([
      "run",
      "--rm",
      ...["--name", name, "--label", `cmd2host.box=${name}`],
      ...["--network", "none", "--cap-drop", "all", "--security-opt", "no-new-privileges", "--user", `${uid}:${gid}`],
      ...["--mount", `type=bind,source=${host.repo},target=/workspace`],
      ...["--mount", `type=bind,source=${host.base}/run,target=/run/cmd2host,readonly`],
      ...["--mount", `type=bind,source=${host.base}/boxes/${name}/session,target=/run/cmd2host-session,readonly`],
      ...["--workdir", "/workspace"],
      ...["--env", "HOST_CMD_PROXY_SOCKET=/run/cmd2host/cmd2host.sock"],
      ...["--env", "HOST_CMD_PROXY_TOKEN_FILE=/run/cmd2host-session/token"],
      ...["--env", "CMD2HOST_MCP_CONFIG=/run/cmd2host-session/mcp.json"],
      ...["--interactive", "img:1", "agent", "--flag", "a b", "--", "-x"],
    ]);
  });

  it("hands over a token of its own and MCP configuration, and leaves nothing", async () => {
    const host = await new Scene().ready();
    host.environment["ENGINE_DO"] = "exit 7";
    expect((await host.run("run", "--image=img", "--", "agent")).exit).toBe(7);
    const token = readFileSync(`${host.log}.session/token`, "utf8");
    expect(token).toMatch(/^[0-9a-f]{64}$/);
    expect(host.told.join(" ")).not.toContain(token);
    expect(JSON.parse(readFileSync(`${host.log}.session/mcp.json`, "utf8"))).toEqual({
      mcpServers: {
        cmd2host: {
          command: "cmd2host-mcp",
          args: ["-token-file", "/run/cmd2host-session/token", "-socket", "/run/cmd2host/cmd2host.sock"],
        },
      },
    });
    expect(host.tokens.list()).toEqual([]);
    expect(host.boxes).toEqual([]);
    const name = host.told[3] ?? "";
    expect(readFileSync(`${host.log}.rm`, "utf8")).toBe(`rm\n--force\n${name}\n`);
  });

  it("takes a network, variables by name, the place in the checkout, and tells claude of the server", async () => {
    const host = await new Scene().ready();
    host.environment["SECRET"] = "s3cret";
    host.cwd = join(host.repo, "src/deep");
    mkdirSync(host.cwd, { recursive: true });
    await host.run("run", "--image=img", "--network=agents", "--env=SECRET", "--", "claude", "-p", "fix it");
    const told = host.told.join("\n");
    expect(told).toContain("--network\nagents\n");
    expect(told).toContain("--workdir\n/workspace/src/deep\n");
    expect(told).toContain("--env\nSECRET\n");
    expect(told).not.toContain("s3cret");
    expect(host.told.slice(-4)).toEqual(["claude", "--mcp-config=/run/cmd2host-session/mcp.json", "-p", "fix it"]);
    await host.run("run", "--image=img", "--", "claude", "--mcp-config=mine");
    expect(host.told.slice(-2)).toEqual(["claude", "--mcp-config=mine"]);
  });

  it.each([
    ["podman version 4.9.0", "true", ["--userns", "keep-id", "--user"]],
    ["Docker version 26.1", "[name=seccomp name=rootless]", ["--user", "0:0"]],
    ["Docker version 26.1", "[name=seccomp]", ["no-new-privileges", "--user", String(process.getuid?.() ?? 0)]],
  ])("makes the caller own its files with %s (%s)", async (version, info, words) => {
    const host = await new Scene().ready();
    Object.assign(host.environment, { ENGINE_VERSION: version, ENGINE_INFO: info });
    await host.run("run", "--image=img", "--", "x");
    expect(host.told.join(" ")).toContain(words.join(" "));
  });

  it("puts the bridge in, and says so where this installation has none", async () => {
    const host = await new Scene().ready();
    const { exit, stderr } = await host.run("run", "--image=img", "--mount-bridge", "--", "x");
    if (process.arch === "x64" || process.arch === "arm64") {
      if (bridgeProgram(process.arch) !== undefined) {
        expect(exit).toBe(0);
        expect(host.told.join(" ")).toMatch(/source=\S+\/bridge,target=\/usr\/local\/bin\/cmd2host-mcp,readonly/);
        return;
      }
    }
    expect([exit, stderr.split("\n")[0]]).toEqual([
      1,
      `error: this installation has no bridge program for linux ${process.arch}`,
    ]);
    expect(host.tokens.list()).toEqual([]);
  });

  it("passes streams and the exit code through, and everything behind -- as it is", async () => {
    const host = await new Scene().ready();
    host.environment["ENGINE_DO"] = "cat; echo err >&2; exit 42";
    const { child, ended } = host.start("run", "--image=img", "--", "x", "--help");
    child.stdin?.end("in\n");
    expect(await ended).toEqual({ exit: 42, signal: null, stdout: "in\n", stderr: "err\n" });
    expect(host.told.slice(-2)).toEqual(["x", "--help"]);
  });

  it("passes a signal on, waits for the end, and cleans up", async () => {
    const host = await new Scene().ready();
    host.environment["ENGINE_DO"] = `trap 'exit 9' TERM; touch ${host.root}/begun; while :; do sleep 0.1; done`;
    const started = host.start("run", "--image=img", "--", "x");
    const { child, ended } = started;
    await host.begun(started);
    child.kill("SIGTERM");
    expect(await ended).toMatchObject({ exit: 9, signal: null });
    expect([host.boxes, host.tokens.list()]).toEqual([[], []]);
  });

  it("sweeps what a killed run left: container, token and directory; and nothing that is in use", async () => {
    const host = await new Scene().ready();
    host.environment["ENGINE_DO"] = `touch ${host.root}/begun; exec sleep 600`;
    const started = host.start("run", "--image=img", "--", "x");
    const { child, ended } = started;
    await host.begun(started);
    const [left = ""] = host.boxes;
    host.environment["ENGINE_DO"] = "exit 0";
    await host.run("run", "--image=img", "--", "x");
    expect(host.boxes).toEqual([left]);
    // The engine outlives the program that started it.
    child.kill("SIGKILL");
    await new Promise((resolve) => child.once("exit", resolve));
    expect(host.tokens.list()).toHaveLength(1);
    await host.run("run", "--image=img", "--", "x");
    expect([host.boxes, host.tokens.list()]).toEqual([[], []]);
    expect(readFileSync(`${host.log}.rm`, "utf8")).toContain(`rm\n--force\n${left}\n`);
    process.kill(-(child.pid ?? 0), "SIGKILL");
    await ended;
  });

  it("is not ended by a signal while it cleans up", async () => {
    const host = await new Scene().ready();
    Object.assign(host.environment, { ENGINE_DO: "exit 5", ENGINE_RM: `touch ${host.root}/begun; sleep 1` });
    const started = host.start("run", "--image=img", "--", "x");
    await host.begun(started);
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) started.child.kill(name);
    expect(await started.ended).toMatchObject({ exit: 5, signal: null, stderr: "" });
    expect([host.boxes, host.tokens.list()]).toEqual([[], []]);
  });

  it("says so when the engine does not remove the container, and the next run does", async () => {
    const host = await new Scene().ready();
    Object.assign(host.environment, { ENGINE_DO: "exit 5", ENGINE_RM: "echo busy >&2; exit 1", ENGINE_PS: "abc" });
    const stuck = host.start("run", "--image=img", "--", "x");
    const { exit, stderr } = await stuck.ended;
    const [name = ""] = host.boxes;
    expect([exit, stderr]).toEqual([
      5,
      `cmd2host: warning: ${host.bin}/podman does not remove the container ${name}: busy; the next run tries again\n`,
    ]);
    expect([host.boxes.length, host.tokens.list()]).toEqual([1, []]);
    // Some engines call it a failure that there is none.
    host.environment["ENGINE_PS"] = "";
    expect(await host.start("run", "--image=img", "--", "x").ended).toMatchObject({ exit: 5, stderr: "" });
    expect(host.boxes).toEqual([]);
  });

  it("sweeps what it can when one cannot be removed, and a token whose hash was not yet noted", async () => {
    const host = await new Scene().ready();
    const gone = { pid: 2 ** 22 + 1, began: "1" };
    const leave = (name: string, engine: string): void => {
      mkdirSync(join(host.base, "boxes", name), { recursive: true, mode: 0o700 });
      writeFileSync(join(host.base, "boxes", name, "box.json"), JSON.stringify({ owner: gone, token: "", engine }));
    };
    const [stays, goes] = [`cmd2host-${"0".repeat(16)}`, `cmd2host-${"1".repeat(16)}`];
    leave(stays, "no-such-engine");
    leave(goes, "podman");
    for (const name of [stays, goes])
      await host.tokens.mint({ projectId: "owner_repo", repo: "owner/repo", label: `run ${name}` }, 60_000);
    const { ended } = host.start("run", "--image=img", "--", "x");
    expect((await ended).stderr).toBe(
      "cmd2host: warning: what an earlier run left could not be removed: command not found: no-such-engine\n",
    );
    expect([host.boxes, host.tokens.list()]).toEqual([[stays], []]);
  });

  it.each([
    [["run", "--", "x"], 2, "error: --image is missing"],
    [["run", "--image=img"], 2, "error: there is no command to run"],
    [["run", "--image=-v/:/h", "--", "x"], 2, 'error: --image "-v/:/h" is no image'],
    [["run", "--image=img", "--env=A=b", "--", "x"], 2, 'error: --env "A=b" is no name of a variable'],
    [["run", "--image=img", "--engine=nothing", "--", "x"], 1, "error: command not found: nothing"],
    [["run", "--image=img", "x"], 2, "error: "],
  ])("refuses %j", async (argv, code, message) => {
    const host = await new Scene().ready();
    const { exit, stderr } = await host.run(...argv);
    expect([exit, stderr.slice(0, message.length)]).toEqual([code, message]);
    expect(existsSync(host.log)).toBe(false);
    expect([host.boxes, host.tokens.list()]).toEqual([[], []]);
  });

  it("needs a daemon that listens, an approved policy, and an engine that answers", async () => {
    const silent = new Scene();
    silent.project("owner_repo", smallConfig(silent.repo));
    const argv = ["run", "--image=img", "--", "x"];
    expect((await silent.run(...argv)).stderr).toMatch(
      /^error: the configuration of owner_repo is not approved\nhint: /,
    );
    await silent.run("config", "allow", "owner_repo");
    expect((await silent.run(...argv)).stderr).toBe(
      "error: no daemon is listening\nhint: Start it in another terminal: cmd2host serve\n",
    );
    const host = await new Scene().ready();
    host.environment["ENGINE_BROKEN"] = "yes";
    expect((await host.run(...argv)).stderr).toContain("does not answer: no engine here\n");
    host.environment["PATH"] = "/nowhere";
    expect((await host.run(...argv)).stderr).toContain("error: neither podman nor docker is on PATH\n");
  });

  it("does not run an engine that lies in the checkout", async () => {
    const host = await new Scene().ready();
    mkdirSync(join(host.repo, "bin"));
    writeFileSync(join(host.repo, "bin/podman"), `#!/bin/sh\ntouch ${host.root}/MARK\n`, { mode: 0o755 });
    host.environment["PATH"] = `${host.repo}/bin:.:/nowhere`;
    expect((await host.run("run", "--image=img", "--", "x")).stderr).toContain("neither podman nor docker");
    await host.run("run", "--image=img", `--engine=${host.repo}/bin/podman`, "--", "x");
    expect(existsSync(join(host.root, "MARK"))).toBe(false);
  });
});
