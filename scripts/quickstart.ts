/**
 * The main job end to end, on real input: a base directory and a git repository are made, a project is configured from a template and approved, the daemon
 * is started, and a real MCP client talks to the MCP server in a box without network. Exits 0 only if every step came out as expected; leaves nothing behind.
 */
import { execFileSync, spawn, spawnSync, type ChildProcess } from "node:child_process";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createConnection, createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { DaemonClient } from "../wire/client.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const cliFile = join(root, "dist/cmd2host.js");
const mcpFile = join(root, "dist/cmd2host-mcp.js");

const scratch = realpathSync(mkdtempSync(join(tmpdir(), "c2h-quickstart-")));
const base = join(scratch, "base");
const repo = join(scratch, "repo");
const socket = join(base, "cmd2host.sock");
const tokenFile = join(scratch, "token");
const project = "demo_hello";
const environment: Record<string, string> = {
  PATH: process.env["PATH"] ?? "",
  HOME: scratch,
  CMD2HOST_CONFIG_DIR: base,
};

// --- the transcript ---

let failures = 0;
function title(text: string): void {
  process.stdout.write(`\n== ${text}\n`);
}
function show(text: string): void {
  for (const line of text.trimEnd().split("\n")) process.stdout.write(`   ${line}\n`);
}
/** Prints a line that says whether what happened is what should have happened. */
function expect(what: string, holds: boolean): void {
  if (!holds) failures++;
  process.stdout.write(`   ${holds ? "ok  " : "FAIL"} ${what}\n`);
}

// --- the host's owner ---

function cmd2host(...args: readonly string[]): string {
  const done = spawnSync(process.execPath, [cliFile, ...args], { env: environment, encoding: "utf8" });
  if (done.status !== 0)
    throw new Error(`cmd2host ${args.join(" ")}: exit ${String(done.status)}\n${done.stdout}${done.stderr}`);
  return done.stdout;
}

function git(...args: readonly string[]): void {
  execFileSync(
    "git",
    ["-c", "user.name=Demo", "-c", "user.email=demo@example.com", "-c", "init.defaultBranch=main", ...args],
    {
      cwd: repo,
      env: { ...environment, GIT_CONFIG_NOSYSTEM: "1" },
      stdio: "ignore",
    },
  );
}

function makeRepository(): void {
  mkdirSync(repo);
  git("init");
  git("remote", "add", "origin", "git@github.com:demo/hello.git");
  for (const [file, message] of [
    ["hello.txt", "Say hello"],
    ["world.txt", "Say world"],
  ] as const) {
    writeFileSync(join(repo, file), `${message}\n`);
    git("add", file);
    git("commit", "-m", message);
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no free port");
  return address.port;
}

async function isListening(): Promise<boolean> {
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

async function startDaemon(): Promise<ChildProcess> {
  const daemon = spawn(process.execPath, [cliFile, "serve"], {
    env: environment,
    stdio: ["ignore", "ignore", "inherit"],
  });
  for (let tries = 0; tries < 500; tries++) {
    if (daemon.exitCode !== null) throw new Error(`the daemon ended with ${daemon.exitCode}`);
    if (await isListening()) return daemon;
    await sleep(20);
  }
  throw new Error("the daemon does not listen");
}

// --- the agent's box ---

interface Box {
  readonly name: string;
  readonly command: readonly string[];
}

/** The first way to run a program without network that this machine allows. */
function findBox(): Box | undefined {
  const boxes: readonly Box[] = [
    { name: "unshare --net", command: ["unshare", "--net", "--"] },
    { name: "unshare --user --map-root-user --net", command: ["unshare", "--user", "--map-root-user", "--net", "--"] },
    { name: "bubblewrap", command: ["bwrap", "--unshare-net", "--bind", "/", "/", "--dev-bind", "/dev", "/dev", "--"] },
  ];
  return boxes.find(
    ({ command: [program = "", ...args] }) => spawnSync(program, [...args, "true"], { stdio: "ignore" }).status === 0,
  );
}

interface ToolText {
  readonly text: string;
  readonly isError: boolean;
}

/** One MCP session of an agent: a real client, and the server in the box. */
class Agent {
  readonly #client = new Client({ name: "quickstart", version: "1.0.0" });

  async connect(box: Box | undefined): Promise<void> {
    const command = [...(box?.command ?? []), process.execPath, mcpFile, "--socket", socket, "--token-file", tokenFile];
    const [program = "", ...args] = command;
    await this.#client.connect(
      new StdioClientTransport({ command: program, args, env: { PATH: environment["PATH"] ?? "" } }),
    );
  }

  async call(name: string, args: Record<string, unknown>): Promise<ToolText> {
    const result = await this.#client.callTool({ name, arguments: args });
    const content = Array.isArray(result.content) ? result.content : [];
    const text = content.map((item) => (item.type === "text" ? item.text : "")).join("\n");
    return { text, isError: result.isError === true };
  }

  async run(operation: string, params: Record<string, unknown> = {}): Promise<ToolText> {
    return this.call("cmd2host_run_operation", { operation_id: operation, params });
  }

  async close(): Promise<void> {
    await this.#client.close();
  }
}

function mintToken(ttl: string): string {
  rmSync(tokenFile, { force: true });
  cmd2host("token", "mint", "--project", project, "--ttl", ttl, "--out", tokenFile);
  return tokenFile;
}

/** The beginning of the id of the call that waits for a person. */
async function pendingId(): Promise<string> {
  for (let tries = 0; tries < 500; tries++) {
    const { approvals } = JSON.parse(cmd2host("approvals", "--json")) as { approvals: readonly { id: string }[] };
    const [first] = approvals;
    if (first !== undefined) return first.id.slice(0, 8);
    await sleep(20);
  }
  throw new Error("nothing waits for approval");
}

// --- the story ---

async function story(agent: Agent, box: Box | undefined, port: number): Promise<void> {
  title("The agent's side: MCP server in a box");
  show(
    box === undefined
      ? "This machine allows no box without network (tried unshare and bubblewrap); running without one."
      : `box: ${box.name}; the daemon is reached through its Unix socket`,
  );
  await agent.connect(box);
  const listed = await agent.call("cmd2host_list_operations", {});
  show(listed.text);
  expect(
    "lists the allowed operations and no other",
    listed.text.includes("git_log") && !listed.text.includes("git_push_main"),
  );
  const described = await agent.call("cmd2host_describe_operation", { operation_id: "git_log" });
  expect("describes one with its parameters", !described.isError && described.text.includes('"count"'));

  title("An operation that runs real git on the host");
  const log = await agent.run("git_log", { count: 2 });
  show(log.text);
  expect("returns git's output", !log.isError && log.text.includes("Say hello") && log.text.includes("Say world"));

  title("An operation that the owner did not allow");
  const push = await agent.run("git_push_main");
  show(push.text);
  expect("is denied, with the reason", push.isError && push.text.includes("not allowed"));
  const outOfRange = await agent.run("git_log", { count: 5000 });
  show(outOfRange.text);
  expect("so is a value outside its range", outOfRange.isError && outOfRange.text.includes("exceeds maximum"));

  title("The configuration changes after it was approved");
  const config = join(base, "projects", project, "config.json");
  appendFileSync(config, "\n");
  const changed = await agent.run("git_log", { count: 1 });
  show(changed.text);
  expect("nothing runs any more", changed.isError && changed.text.includes("config not allowed"));
  show(cmd2host("config", "allow", project));
  const again = await agent.run("git_log", { count: 1 });
  expect("until the owner approves it again", !again.isError && again.text.includes("Say world"));

  title("An operation that a person approves");
  const policy = JSON.parse(readFileSync(config, "utf8")) as { operations: Record<string, Record<string, unknown>> };
  const status = policy.operations["git_status"];
  if (status === undefined) throw new Error("the template has no git_status");
  status["approval"] = { says: "Looks at the files of your checkout" };
  writeFileSync(config, JSON.stringify(policy, null, 2));
  show(cmd2host("config", "allow", project));
  const waiting = agent.run("git_status");
  const id = await pendingId();
  show(`$ cmd2host approvals show ${id}`);
  show(cmd2host("approvals", "show", id));
  show(`$ cmd2host approvals allow ${id}`);
  show(cmd2host("approvals", "allow", id));
  const approved = await waiting;
  expect("it waited, and runs once it is allowed", !approved.isError && approved.text.includes("## main"));
  const refused = agent.run("git_status");
  cmd2host("approvals", "deny", await pendingId(), "--note", "Not now");
  const denied = await refused;
  show(denied.text);
  expect(
    "the next one is asked about again; a no reaches the agent",
    denied.isError && denied.text.includes("Not now"),
  );

  title("What happened, and that nobody changed it since");
  show("$ cmd2host audit --limit=5");
  show(cmd2host("audit", "--limit", "5"));
  show("$ cmd2host audit verify");
  const verified = cmd2host("audit", "verify");
  show(verified);
  expect("the record of it is whole", verified.startsWith("good: "));

  title("The same daemon over TCP loopback");
  const reply = await new DaemonClient(
    { kind: "tcp", host: "127.0.0.1", port },
    readFileSync(tokenFile, "utf8").trim(),
  ).list("");
  expect(
    `127.0.0.1:${port} answers with the same operations`,
    (reply.operations ?? []).some(({ id }) => id === "git_log"),
  );

  title("The session token expires");
  mintToken("1s");
  const fresh = await agent.run("git_log", { count: 1 });
  expect("a token that lives one second works", !fresh.isError);
  await sleep(1_200);
  const expired = await agent.run("git_log", { count: 1 });
  show(expired.text);
  expect("and is refused afterwards", expired.isError && expired.text.includes("Authentication failed"));
}

async function main(): Promise<void> {
  title("The owner's side: repository, project, approval, daemon");
  makeRepository();
  mkdirSync(base, { mode: 0o700 });
  const port = await freePort();
  writeFileSync(
    join(base, "daemon.json"),
    JSON.stringify({ listen_mode: "both", listen_port: port, socket_path: socket }),
    { mode: 0o600 },
  );
  show(`$ cmd2host config init --repo demo/hello --repo-path … --template local_demo`);
  cmd2host("config", "init", "--repo", "demo/hello", "--repo-path", repo, "--template", "local_demo");
  show(`$ cmd2host config allow ${project}`);
  show(cmd2host("config", "allow", project));
  mintToken("1h");
  const daemon = await startDaemon();
  expect(`the daemon listens on a Unix socket and on 127.0.0.1:${port}`, existsSync(socket));
  const agent = new Agent();
  try {
    await story(agent, findBox(), port);
  } finally {
    await agent.close();
    const exit = new Promise<number | null>((resolve) => daemon.once("exit", resolve));
    daemon.kill("SIGTERM");
    title("The daemon stops");
    expect("cleanly, on SIGTERM", (await exit) === 0 && !existsSync(socket));
  }
}

try {
  await main();
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
process.stdout.write(
  failures === 0
    ? "\nEverything came out as expected.\n"
    : `\n${failures} of the above did not come out as expected.\n`,
);
process.exitCode = failures === 0 ? 0 : 1;
