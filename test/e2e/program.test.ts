import { execFile, execFileSync, spawn, type ChildProcess } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import type { Address } from "../../wire/client.ts";
import { Base, defaultBase, TOKEN } from "../fixtures/base.ts";
import { argumentsOf, isGoneWithin, processesWith } from "../exec/processes.ts";
import { list, run, send } from "../fixtures/exchange.ts";
import { McpTalk } from "../fixtures/mcp-talk.ts";
import { fixturePrograms, projectRoot, tempDirectory } from "../fixtures/temp.ts";
import { EXECUTABLE, named } from "../fixtures/tested-program.ts";

/** The programs as a user gets them: packed and installed in an empty directory, or the executable; started as processes of their own. */
const programs = fixturePrograms();
const installed = join(tempDirectory(), "installed");
const bin = (name: "cmd2host" | "cmd2host-mcp"): string =>
  EXECUTABLE === undefined ? join(installed, "node_modules/.bin", name) : named(EXECUTABLE, name);
const children = new Set<ChildProcess>();

beforeAll(() => {
  if (EXECUTABLE !== undefined) return;
  mkdirSync(installed);
  const quiet = { encoding: "utf8", stdio: "pipe" } as const;
  // Not `npm run build`, which also writes the validators anew that other tests are importing at this moment.
  execFileSync(process.execPath, ["--import", "tsx", "scripts/build.ts"], { cwd: projectRoot, ...quiet });
  const [packed] = JSON.parse(
    execFileSync("npm", ["pack", "--ignore-scripts", "--json", "--pack-destination", installed], {
      cwd: projectRoot,
      ...quiet,
    }),
  ) as { filename: string }[];
  writeFileSync(join(installed, "package.json"), "{}");
  execFileSync("npm", ["install", "--offline", "--no-audit", "--no-fund", join(installed, packed?.filename ?? "")], {
    cwd: installed,
    ...quiet,
  });
}, 120_000);

afterAll(() => {
  for (const child of children) child.kill("SIGKILL");
});

interface Served {
  readonly child: ChildProcess;
  readonly address: Address;
  readonly output: () => string;
  readonly exit: Promise<number | null>;
}

async function serve(
  base: Base,
  args: readonly string[] = ["serve"],
  more: readonly ("ignore" | number)[] = [],
): Promise<Served> {
  const path = join(base.root, "cmd2host.sock");
  const child = spawn(bin("cmd2host"), args, {
    env: { PATH: process.env["PATH"], HOME: base.root, CMD2HOST_CONFIG_DIR: base.root },
    stdio: ["ignore", "pipe", "pipe", ...more],
  });
  children.add(child);
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream?.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const exit = new Promise<number | null>((resolve) => child.once("exit", resolve));
  for (let tries = 0; tries < 500 && !output.includes("listening") && child.exitCode === null; tries++) await sleep(20);
  return { child, address: { kind: "unix", path }, output: () => output, exit };
}

function slowBase(): Base {
  const { base } = defaultBase({
    allowed_operations: ["slow"],
    operations: {
      slow: { command: `${programs}/sleep-loudly`, args_template: ["{s}"], params: { s: { type: "string" } } },
    },
  });
  return base.writeDaemon({ listen_mode: "unix", drain_timeout: 3, kill_grace: 300 });
}

describe("the programs", () => {
  it.skipIf(EXECUTABLE !== undefined)(
    "have no dependencies, and holds the programs, the templates, the schemas and the licences",
    () => {
      const root = join(installed, "node_modules");
      expect(readdirSync(root).filter((name) => !name.startsWith("."))).toEqual(["cmd2host"]);
      for (const path of [
        "dist/cmd2host.js",
        "dist/cmd2host-mcp.js",
        "dist/THIRD_PARTY_LICENSES.txt",
        "templates/readonly.json",
        "schema/project.schema.json",
        "LICENSE",
        "README.md",
      ]) {
        expect([path, existsSync(join(root, "cmd2host", path))]).toEqual([path, true]);
      }
      expect(existsSync(join(root, "cmd2host/templates/readonly.cases.json"))).toBe(true);
    },
  );

  it("runs: versions, help, templates", async () => {
    const exec = promisify(execFile);
    const { version } = JSON.parse(readFileSync(join(projectRoot, "package.json"), "utf8")) as { version: string };
    expect((await exec(bin("cmd2host"), ["--version"])).stdout).toBe(`cmd2host version ${version}\n`);
    expect((await exec(bin("cmd2host-mcp"), ["-version"])).stdout).toBe(`cmd2host-mcp version ${version}\n`);
    expect((await exec(bin("cmd2host"), ["templates"])).stdout).toContain("local_demo");
    await expect(exec(bin("cmd2host"), ["servr"])).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining("serve") as string,
    });
  });

  it("serves an MCP client from configuration to result", async () => {
    const { base, repo } = defaultBase();
    base.writeDaemon({ listen_mode: "unix" });
    const served = await serve(base);
    const client = new Client({ name: "test", version: "1" });
    const args = ["-socket", join(base.root, "cmd2host.sock")];
    await client.connect(
      new StdioClientTransport({
        command: bin("cmd2host-mcp"),
        args,
        env: { PATH: process.env["PATH"] ?? "", CMD2HOST_TOKEN: TOKEN },
      }),
    );
    const result = await client.callTool({
      name: "cmd2host_run_operation",
      arguments: { operation_id: "test_op", params: { message: `hello from ${repo}` } },
    });
    expect(result.structuredContent).toMatchObject({ exit_code: 0, stdout: `hello from ${repo}\n` });
    await client.close();
    served.child.kill("SIGTERM");
    expect(await served.exit).toBe(0);
  });

  it("starts an MCP server for a client of frames, which may read its own files and write none", async () => {
    const { base } = defaultBase();
    const { child, address } = await serve(base.writeDaemon({ listen_mode: "unix" }));
    const mcp = await McpTalk.open(address, ["-tools", "generic"]);
    const run = { operation_id: "test_op", params: { message: "through both" } };
    expect(await mcp.call(2, "cmd2host_run_operation", run)).toContain("through both");
    const [server = 0] = processesWith(`-socket ${base.directory.socket}`);
    // The executable has no such wall, and starts itself.
    expect(argumentsOf(server).join(" ")).toMatch(
      EXECUTABLE === undefined
        ? /permission .*--allow-fs-read=\S+\/dist\/ .*cmd2host-mcp\.js -socket/
        : /^\S+ mcp -socket/,
    );
    child.kill("SIGTERM");
    expect((await mcp.talk.ended).map(({ name }) => name)).not.toContain("exit");
    expect(await isGoneWithin(server, 5_000)).toBe(true);
  });
});

describe("the daemon as a process", () => {
  it("starts without a word when its output is no terminal, as older service files want it, and logs JSON lines", async () => {
    const base = slowBase();
    const served = await serve(base, []);
    expect((await list(served.address)).operations).toHaveLength(1);
    await send(served.address, [JSON.stringify({ operation: "x\u001b[31m", token: TOKEN })]);
    served.child.kill("SIGINT");
    expect(await served.exit).toBe(0);
    const lines = served.output().trimEnd().split("\n");
    for (const line of lines) expect(JSON.parse(line)).toHaveProperty("time");
    expect(served.output()).not.toContain("\u001b");
    expect(served.output()).not.toContain(TOKEN);
  });

  it("is one per base directory, and a killed one leaves nothing in the way", async () => {
    const base = slowBase();
    const first = await serve(base);
    const second = await serve(base);
    expect(await second.exit).toBe(1);
    expect(second.output()).toContain("another daemon serves");
    first.child.kill("SIGKILL");
    await first.exit;
    const third = await serve(base);
    expect((await list(third.address)).operations).toHaveLength(1);
    third.child.kill("SIGTERM");
    expect(await third.exit).toBe(0);
  });

  it("lets a running command finish when it is told to stop, and takes no more", async () => {
    const base = slowBase();
    const served = await serve(base);
    const running = run(served.address, { operation: "slow", params: { s: "1" } });
    await sleep(400);
    served.child.kill("SIGTERM");
    await sleep(200);
    await expect(list(served.address)).rejects.toThrow();
    expect(await running).toMatchObject({ exit_code: 0, outcome: "completed" });
    expect(await served.exit).toBe(0);
    expect(existsSync(join(base.root, "cmd2host.sock"))).toBe(false);
  });

  it("ends and answers what does not finish in time; a second signal does so at once", async () => {
    for (const signals of [1, 2]) {
      const served = await serve(slowBase());
      const running = run(served.address, { operation: "slow", params: { s: "30" } });
      await sleep(400);
      for (let count = 0; count < signals; count++) {
        served.child.kill("SIGTERM");
        await sleep(100);
      }
      const reply = await running;
      expect(reply).toMatchObject({ outcome: "failed", code: "shutting_down", denied_reason: null });
      const pid = Number(/pid (\d+)/.exec(reply.stdout)?.[1]);
      expect(await served.exit).toBe(0);
      expect(() => process.kill(pid, 0)).toThrow();
    }
  });

  it("reads daemon.json again on SIGHUP, and goes on when it is broken", async () => {
    const base = slowBase();
    const served = await serve(base);
    base.writeDaemon({ listen_mode: "unix", max_in_flight: 5 });
    served.child.kill("SIGHUP");
    for (let tries = 0; tries < 100 && !served.output().includes("reloaded"); tries++) await sleep(20);
    base.writeDaemon("{");
    served.child.kill("SIGHUP");
    for (let tries = 0; tries < 100 && !served.output().includes("not reloaded"); tries++) await sleep(20);
    expect(served.output()).toContain("not reloaded");
    expect((await list(served.address)).operations).toHaveLength(1);
    served.child.kill("SIGTERM");
    expect(await served.exit).toBe(0);
  });

  it.runIf(process.platform === "linux")(
    "hands no file that it inherited on to the programs that it runs [promise 8]",
    async () => {
      const secret = join(tempDirectory(), "secret");
      writeFileSync(secret, "inherited secret");
      const descriptor = openSync(secret, "r");
      const { base } = defaultBase({
        allowed_operations: ["peek"],
        operations: { peek: { command: "/bin/cat", args_template: ["/proc/self/fd/17"] } },
      });
      base.writeDaemon({ listen_mode: "unix" });
      const served = await serve(base, ["serve"], [...Array.from({ length: 14 }, () => "ignore" as const), descriptor]);
      closeSync(descriptor);
      const reply = await run(served.address, { operation: "peek" });
      expect(reply.stdout).toBe("");
      expect(reply.exit_code).not.toBe(0);
      served.child.kill("SIGTERM");
      expect(await served.exit).toBe(0);
    },
  );

  it("says what is wrong with daemon.json, and does not start", async () => {
    const base = new Base();
    base.writeDaemon('{"listen_port": "x"}');
    const served = await serve(base);
    expect(await served.exit).toBe(1);
    expect(served.output()).toMatch(
      /error: Daemon config error: .*daemon\.json:1:17: at \/listen_port: expected integer, got string "x"\nhint: /,
    );
  });
});
