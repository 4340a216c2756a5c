/**
 * Measures what typed and generic tools cost a client of the MCP server: for every shipped template and every `-tools`, what tools/list has, what a
 * model reads of it, and what one task takes from zero. Real daemon, real MCP server, real client; gh and aws are stand-ins. `--json` prints the
 * figures, `--quick` takes fewer samples.
 */
import { execFileSync, spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import Table from "cli-table3";
import { tokensOf } from "../mcp/tokens.ts";
import { TOOL_MODES, type ToolMode } from "../wire/names.ts";
import type { ProjectConfig } from "../wire/schema.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const SAMPLES = process.argv.includes("--quick") ? 5 : 40;
const PROJECT = "owner_repo";

const base = mkdtempSync(join(tmpdir(), "c2h-tools-"));
const repo = join(base, "repo");
const bin = join(base, "bin");
const environment = {
  PATH: `${bin}:${process.env["PATH"] ?? ""}`,
  HOME: base,
  CMD2HOST_CONFIG_DIR: join(base, "config"),
};
const fromSource = ["--import", "tsx"];

/** What a model is asked to do, as it calls the tool of the operation, and as it calls the generic one. */
interface Task {
  readonly operation: string;
  readonly typed: Readonly<Record<string, unknown>>;
  readonly generic: Readonly<Record<string, unknown>>;
}

/** The first that a template allows is measured. */
const TASKS: readonly Task[] = [
  {
    operation: "gh_pr_list",
    typed: { flags: { "--state": "open", "--limit": 5 } },
    generic: { flags: ["--state=open", "--limit=5"] },
  },
  { operation: "git_log", typed: { count: 5 }, generic: { params: { count: 5 } } },
  { operation: "aws_sts_get_caller_identity", typed: {}, generic: {} },
];

const STAND_IN = `#!/bin/sh
printf '12\\tFix the build\\tfeature/build\\tOPEN\\n11\\tSay what remains\\tdocs\\tOPEN\\n'
`;

interface Figures {
  readonly template: string;
  readonly tools: ToolMode;
  readonly count: number;
  /** Of the whole answer to tools/list. */
  readonly bytes: number;
  /** Of names, descriptions and input schemas, which is what clients give to models. */
  readonly tokensRead: number;
  /** Tool calls from zero to the result of the task, and what they add to a conversation. */
  readonly calls: number;
  readonly tokensOfCalls: number;
  /** Medians in milliseconds. */
  readonly listMs: number;
  readonly taskMs: number;
}

function cli(...args: readonly string[]): string {
  return execFileSync(process.execPath, [...fromSource, join(root, "host/main.ts"), ...args], {
    env: environment,
    cwd: root,
    encoding: "utf8",
  });
}

function prepare(): void {
  for (const directory of [repo, bin]) mkdirSync(directory);
  for (const program of ["gh", "aws"]) {
    writeFileSync(join(bin, program), STAND_IN);
    chmodSync(join(bin, program), 0o755);
  }
  const identity = ["-c", "user.name=A", "-c", "user.email=a@example.com"];
  for (const args of [
    ["init", "-q"],
    ["remote", "add", "origin", "git@github.com:owner/repo.git"],
    [...identity, "commit", "-q", "--allow-empty", "-m", "One"],
    [...identity, "commit", "-q", "--allow-empty", "-m", "Two"],
  ])
    execFileSync("git", args, { cwd: repo });
  mkdirSync(join(base, "config"), { mode: 0o700 });
  writeFileSync(join(base, "config/daemon.json"), JSON.stringify({ listen_mode: "unix" }), { mode: 0o600 });
}

function configure(template: string): ProjectConfig {
  const text = readFileSync(join(root, "templates", template), "utf8");
  const config = { ...(JSON.parse(text) as ProjectConfig), repos: ["owner/repo"], repo_paths: [repo] };
  const directory = join(base, "config/projects", PROJECT);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  writeFileSync(join(directory, "config.json"), JSON.stringify(config, null, 2), { mode: 0o600 });
  cli("config", "allow", PROJECT);
  return config;
}

async function isReachable(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = createConnection(socket);
    connection.once("connect", () => {
      connection.destroy();
      resolve(true);
    });
    connection.once("error", () => {
      resolve(false);
    });
  });
}

async function median(work: () => Promise<unknown>): Promise<number> {
  await work();
  const samples: number[] = [];
  for (let count = 0; count < SAMPLES; count++) {
    const began = performance.now();
    await work();
    samples.push(performance.now() - began);
  }
  return samples.sort((a, b) => a - b)[Math.floor(SAMPLES / 2)] ?? Number.NaN;
}

/** What a call adds to a conversation: its arguments, and the text of its result. */
async function tokensOfCall(client: Client, name: string, args: Readonly<Record<string, unknown>>): Promise<number> {
  const { content, isError } = await client.callTool({ name, arguments: args });
  if (isError === true) throw new Error(`${name}: ${JSON.stringify(content)}`);
  const texts = content.map((block) => (block.type === "text" ? block.text : JSON.stringify(block)));
  return tokensOf(JSON.stringify({ name, args })) + tokensOf(texts.join("\n"));
}

async function measure(template: string, config: ProjectConfig, tools: ToolMode, token: string): Promise<Figures> {
  const client = new Client({ name: "measure", version: "1" });
  const socket = join(base, "config/cmd2host.sock");
  await client.connect(
    new StdioClientTransport({
      command: process.execPath,
      args: [...fromSource, join(root, "mcp/main.ts"), "-socket", socket, `-tools=${tools}`],
      cwd: root,
      env: { PATH: environment.PATH, CMD2HOST_TOKEN: token },
    }),
  );
  try {
    const list = async () => client.listTools(undefined, { cacheMode: "bypass" });
    const answer = await list();
    const read = answer.tools.map(({ name, description, inputSchema }) => ({ name, description, inputSchema }));
    const task = TASKS.find(({ operation }) => config.allowed_operations?.includes(operation) === true);
    if (task === undefined) throw new Error(`no task for ${template}`);
    const isTyped = answer.tools.some(({ name }) => name === task.operation);
    const name = isTyped ? task.operation : "cmd2host_run_operation";
    const args = isTyped ? task.typed : { operation_id: task.operation, ...task.generic };
    const ask = isTyped ? 0 : await tokensOfCall(client, "cmd2host_list_operations", {});
    const run = async () => client.callTool({ name, arguments: { ...args } });
    return {
      template: template.replace(".json", ""),
      tools,
      count: answer.tools.length,
      bytes: Buffer.byteLength(JSON.stringify(answer)),
      tokensRead: Math.round(tokensOf(JSON.stringify(read))),
      calls: isTyped ? 1 : 2,
      tokensOfCalls: Math.round(ask + (await tokensOfCall(client, name, args))),
      listMs: await median(list),
      taskMs: await median(async () => {
        if (!isTyped) await client.callTool({ name: "cmd2host_list_operations", arguments: {} });
        await run();
      }),
    };
  } finally {
    await client.close();
  }
}

async function measureAll(): Promise<readonly Figures[]> {
  prepare();
  const templates = readdirSync(join(root, "templates")).filter((name) => /^[^.]+\.json$/.test(name));
  const figures: Figures[] = [];
  const daemon = spawn(process.execPath, [...fromSource, join(root, "host/main.ts"), "serve"], {
    env: environment,
    cwd: root,
    stdio: ["ignore", "ignore", "ignore"],
  });
  try {
    while (!(await isReachable(join(base, "config/cmd2host.sock")))) await sleep(20);
    let token: string | undefined;
    for (const template of templates) {
      const config = configure(template);
      token ??= cli("token", "mint", "--project", PROJECT).trim();
      for (const mode of TOOL_MODES) figures.push(await measure(template, config, mode, token));
    }
  } finally {
    const exit = new Promise((resolve) => daemon.once("exit", resolve));
    daemon.kill("SIGTERM");
    await exit;
  }
  return figures;
}

try {
  const figures = await measureAll();
  if (process.argv.includes("--json")) {
    process.stdout.write(
      `${JSON.stringify({ node: process.version, platform: process.platform, figures }, null, 2)}\n`,
    );
  } else {
    const head = [
      "template",
      "-tools",
      "tools",
      "list, bytes",
      "read, tokens",
      "calls",
      "calls, tokens",
      "sum",
      "list",
      "task",
    ];
    const table = new Table({ head, style: { head: [], border: [] } });
    for (const row of figures) {
      const { tokensRead, tokensOfCalls, listMs, taskMs } = row;
      const times = [listMs, taskMs].map((ms) => `${ms.toFixed(1)} ms`);
      const sum = tokensRead + tokensOfCalls;
      table.push([row.template, row.tools, row.count, row.bytes, tokensRead, row.calls, tokensOfCalls, sum, ...times]);
    }
    process.stdout.write(`${table.toString()}\n`);
  }
} finally {
  rmSync(base, { recursive: true, force: true });
}
