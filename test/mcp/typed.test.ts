import { Ajv2020 } from "ajv/dist/2020.js";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import type { OperationTemplate, ProjectConfig } from "../../wire/schema.ts";
import { Base, TOKEN } from "../fixtures/base.ts";
import { startDaemon, type RunningDaemon } from "../fixtures/daemon.ts";
import { makeRepo } from "../fixtures/repo.ts";
import { atEnd, tempDirectory } from "../fixtures/temp.ts";
import { inProcess, spawned, type Connect, type Session } from "./clients.ts";
import { fakeDaemon, replies } from "./fake-daemon.ts";
import { bundle, initialization, start, type Bundle } from "./program.ts";
import { join } from "node:path";

const LIST = "cmd2host_list_operations";
const RUN = "cmd2host_run_operation";
const GENERIC = ["cmd2host_describe_operation", RUN];
const ALWAYS = [
  "cmd2host_cancel_run",
  "cmd2host_explain_operation",
  LIST,
  "cmd2host_read_output",
  "cmd2host_run_status",
];
const ALL_OWN = [...ALWAYS, ...GENERIC].sort();
const ENV = { CMD2HOST_TOKEN: TOKEN };

const echo = (more: Partial<OperationTemplate> = {}): OperationTemplate => ({
  command: "/bin/echo",
  args_template: ["hello"],
  description: "Says hello.",
  ...more,
});

const OPERATIONS: Readonly<Record<string, OperationTemplate>> = {
  greet: {
    command: "/bin/echo",
    args_template: ["hello", "{name}", "{times}"],
    title: "Greet\u0007",
    description: "Greets\u001b[2J somebody.\nTwice.",
    annotations: { read_only: true, open_world: false },
    timeout: 30,
    params: {
      name: { type: "string", pattern: "^[a-z]+$", maxLength: 9, description: "Whom." },
      times: { type: "integer", min: 1, max: 3, optional: true },
    },
    allowed_flags: [
      { flag: "--limit", type: "integer", min: 1, max: 9, description: "How many." },
      { flag: "--label", repeat: true },
      { flag: "--constructor", enum: ["1", "2"] },
      { flag: "--filters" },
      "--draft",
    ],
    bool_flags: ["--draft"],
    multi_value_flags: ["--filters"],
  },
  shout: { command: "/bin/cat", stdin: "required", description: "" },
  answer: { command: "/bin/echo", args_template: ["[1,{}]"], output: "json", annotations: { destructive: false } },
  [`long_${"x".repeat(59)}`]: echo(),
  cmd2host_run_operation: echo(),
  slow: { command: "/bin/sleep", args_template: ["20"] },
};

function project(
  repo: string,
  operations: Readonly<Record<string, OperationTemplate>> = OPERATIONS,
  allowed: readonly string[] = Object.keys(operations),
): ProjectConfig {
  return { repos: ["owner/repo"], repo_paths: [repo], operations: { ...operations }, allowed_operations: [...allowed] };
}

interface Host {
  readonly base: Base;
  readonly daemon: RunningDaemon;
  /** Writes and approves another configuration. */
  readonly configure: (operations: Readonly<Record<string, OperationTemplate>>, allowed?: readonly string[]) => void;
}

async function host(operations = OPERATIONS): Promise<Host> {
  const base = new Base();
  const repo = makeRepo(join(tempDirectory(), "repo"));
  const configure: Host["configure"] = (next, allowed) => {
    base.writeProject("owner_repo", project(repo, next, allowed));
  };
  configure(operations);
  base.writeToken(TOKEN, { repo: "owner/repo" });
  return { base, configure, daemon: await startDaemon(base) };
}

let built: Bundle;
beforeAll(async () => {
  built = await bundle();
  return async () => built.remove();
});

let sessions: Session[] = [];
afterEach(async () => {
  for (const session of sessions) await session.close();
  sessions = [];
});

async function connected(socket: string, mode?: string, connect: Connect = inProcess): Promise<Session> {
  const session = await connect(["-socket", socket, ...(mode === undefined ? [] : [`-tools=${mode}`])], ENV);
  sessions.push(session);
  return session;
}

async function names(session: Session): Promise<readonly string[]> {
  return (await session.client.listTools(undefined, { cacheMode: "refresh" })).tools.map(({ name }) => name);
}

/** The client's own error for a call. */
async function refusal(session: Session, name: string, args: Record<string, unknown> = {}): Promise<unknown> {
  return session.client.callTool({ name, arguments: args }).then(
    (result) => ({ result }),
    (error: unknown) => error,
  );
}

/** A call of a tool that may have come later than the session, whose data only the client checks. */
async function called(session: Session, name: string, args: Record<string, unknown> = {}) {
  const { content, structuredContent, isError } = await session.client.callTool({ name, arguments: args });
  return { text: JSON.stringify(content), data: structuredContent, isError: isError === true };
}

/** Settles when the client is told that the tools have changed. */
async function nextChange(session: Session): Promise<void> {
  return new Promise((resolve) => {
    session.client.setNotificationHandler("notifications/tools/list_changed", () => {
      resolve();
    });
  });
}

describe("the list of tools", () => {
  it.each([
    ["generic", ALL_OWN, false],
    ["typed", ALWAYS, true],
    ["both", ALL_OWN, true],
    [undefined, ALL_OWN, true],
  ])(
    "has, with -tools %s, our own by name, then the operations in the order of the configuration",
    async (mode, own, typed) => {
      const { daemon } = await host();
      const got = await names(await connected(daemon.address.path, mode));
      const operations = ["greet", "shout", "answer", `long_${"x".repeat(34)}`, "op_cmd2host_run_operation", "slow"];
      expect(got.map((name) => name.replace(/_[0-9a-f]{8}$/, ""))).toEqual([...own, ...(typed ? operations : [])]);
    },
  );

  it("describes an operation for a model, a client and its user", async () => {
    const { daemon } = await host();
    const session = await connected(daemon.address.path, "typed");
    const { tools } = await session.client.listTools();
    expect(tools.find(({ name }) => name === "greet")).toEqual({
      name: "greet",
      title: "Greet\\a",
      description: "Greets\\x1b[2J somebody.\nTwice.\nRuns up to 30 s.",
      inputSchema: {
        type: "object",
        properties: {
          name: { type: "string", pattern: "^[a-z]+$", maxLength: 9, description: "Whom." },
          times: { type: "integer", minimum: 1, maximum: 3 },
          flags: expect.objectContaining({ type: "object", additionalProperties: false }) as object,
          target_repo: expect.objectContaining({ type: "string" }) as object,
          timeout_seconds: expect.objectContaining({ type: "integer", minimum: 1 }) as object,
          background: expect.objectContaining({ type: "boolean" }) as object,
        },
        required: ["name"],
        additionalProperties: false,
      },
      outputSchema: expect.objectContaining({ type: "object", required: ["outcome"] }) as object,
      annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    });
    const others = new Map(tools.map((tool) => [tool.name, tool]));
    expect(others.get("shout")).toMatchObject({
      description: "Runs shout on the host.\nNeeds standard input.",
      inputSchema: { required: ["stdin"] },
      annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: true },
    });
    expect(others.get("answer")).toMatchObject({
      description: "Runs answer on the host.\nGives JSON.",
      outputSchema: { properties: { data: {} } },
      annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: true },
    });
    expect([...others.keys()].find((name) => name.startsWith("op_"))).toBeDefined();
    const renamed = tools.find(({ name }) => name.startsWith("op_cmd2host_run_operation"));
    expect(renamed?.description).toBe("Says hello.\nOperation: cmd2host_run_operation.");
  });

  it("has schemas that are right, and 500 of them when there are 500 operations", async () => {
    const ids = Array.from({ length: 500 }, (_, index) => `op_${index}`);
    const { daemon } = await host(Object.fromEntries(ids.map((id) => [id, { ...OPERATIONS["greet"] }])));
    const program = start(built.file, ["-socket", daemon.address.path, "-tools=typed"], ENV);
    const { result } = await program.ask(1, "tools/list");
    const { tools } = result as { readonly tools: readonly { readonly name: string; readonly inputSchema: object }[] };
    expect(tools.slice(ALWAYS.length).map(({ name }) => name)).toEqual(ids);
    const ajv = new Ajv2020({ strict: true, allowUnionTypes: true });
    for (const { inputSchema } of tools.slice(0, ALWAYS.length + 1)) ajv.compile(inputSchema);
    const call = { name: "op_499", arguments: { name: "you" } };
    expect(await program.ask(2, "tools/call", call)).toMatchObject({
      result: { structuredContent: { stdout: "hello you\n" } },
    });
    program.closeInput();
    await program.exited;
  });

  it("leaves out the operations that would be too much to read, unless they are asked for", async () => {
    const ids = Array.from({ length: 100 }, (_, index) => `op_${index}`);
    const { daemon, configure } = await host(Object.fromEntries(ids.map((id) => [id, { ...OPERATIONS["greet"] }])));
    const session = await connected(daemon.address.path);
    expect(await names(session)).toEqual(ALL_OWN);
    expect(await names(await connected(daemon.address.path, "both"))).toHaveLength(107);
    const changed = nextChange(session);
    configure(OPERATIONS, ["slow"]);
    await changed;
    expect(await names(session)).toEqual([...ALL_OWN, "slow"]);
  });
});

describe.each([
  ["in a process of its own", () => spawned(built.file)],
  ["inside this process", () => inProcess],
])("an operation's tool %s", (_way, connect) => {
  it("runs the operation with the parameters and flags that were given", async () => {
    const { daemon } = await host();
    const session = await connected(daemon.address.path, "typed", connect());
    const flags = {
      "--limit": "5",
      "--label": ["a", "b c"],
      "--constructor": 2,
      "--draft": true,
      "--filters": ["x=y", "z"],
    };
    const { data, isError } = await session.call("greet", { name: "you", times: "3", flags });
    expect(isError).toBe(false);
    expect(data).toMatchObject({
      outcome: "completed",
      exit_code: 0,
      stdout: "hello you 3 --limit=5 --label=a --label=b c --constructor=2 --draft --filters x=y z\n",
    });
    expect(await session.call("greet", { name: "you" })).toMatchObject({ data: { stdout: "hello you\n" } });
  });

  it("sends standard input, and gives JSON as data", async () => {
    const { daemon } = await host();
    const session = await connected(daemon.address.path, "typed", connect());
    expect(await session.call("shout", { stdin: "HÖR ZU" })).toMatchObject({ data: { stdout: "HÖR ZU" } });
    const { data } = await session.call("answer");
    expect(data).toMatchObject({ outcome: "completed", data: [1, {}] });
  });

  it("runs in the background, and with a shorter time limit", async () => {
    const { daemon } = await host();
    const session = await connected(daemon.address.path, "typed", connect());
    const { data } = await session.call("slow", { background: true });
    expect(data).toMatchObject({ outcome: "running" });
    const { run_id: runId } = data as { readonly run_id: string };
    expect((await session.call("cmd2host_cancel_run", { run_id: runId })).isError).toBe(false);
    expect(await session.call("slow", { timeout_seconds: 1 })).toMatchObject({
      isError: true,
      data: { outcome: "failed", code: "timed_out" },
    });
  });

  it("refuses arguments that break the schema with invalid params, and runs nothing", async () => {
    const { daemon } = await host();
    const session = await connected(daemon.address.path, "typed", connect());
    expect(await refusal(session, "greet", { times: "many", flags: { "--limit": [1, 2] }, extra: 1 })).toMatchObject({
      code: -32602,
      message: expect.stringContaining(
        'Invalid arguments for tool greet: name: is required; times: expected integer, got string, "many"; flags: --limit: expected one value, got array; unknown "extra"; the members are name, times, flags, target_repo, timeout_seconds, background',
      ) as string,
    });
    expect(await refusal(session, "shout")).toMatchObject({ code: -32602 });
  });

  it("leaves the last word to the daemon", async () => {
    const { daemon } = await host();
    const session = await connected(daemon.address.path, "typed", connect());
    expect(await session.call("greet", { name: "NOT SMALL" })).toMatchObject({
      isError: true,
      data: { outcome: "denied", code: "param_invalid" },
    });
    expect(await session.call("greet", { name: "you", target_repo: "else/where" })).toMatchObject({
      isError: true,
      data: { outcome: "denied", code: "target_not_allowed" },
    });
  });

  it("tells of operations that come and go, and says why one that is gone cannot be called", async () => {
    const { daemon, configure } = await host();
    const session = await connected(daemon.address.path, "typed", connect());
    const changed = nextChange(session);
    configure({ ...OPERATIONS, later: echo() }, ["later"]);
    await changed;
    expect(await names(session)).toEqual([...ALWAYS, "later"]);
    expect(await called(session, "later")).toMatchObject({ data: { stdout: "hello\n" } });
    const { text, data, isError } = await session.call("greet", { name: "you" });
    expect(isError).toBe(true);
    expect(text).toContain("greet is not allowed any more; list the tools again");
    expect(data).toMatchObject({ outcome: "denied", code: "operation_not_allowed" });
    expect(await refusal(session, "never")).toMatchObject({
      code: -32602,
      message: expect.stringContaining('Unknown tool "never"') as string,
    });
  });

  it("comes back when the daemon does", async () => {
    const { base, daemon } = await host();
    const session = await connected(daemon.address.path, "typed", connect());
    expect(await names(session)).toContain("greet");
    await daemon.stop();
    const { text, data } = await session.call("greet", { name: "you" });
    expect(text).toContain("daemon_unreachable");
    expect(data).toMatchObject({ outcome: "failed" });
    expect(await names(session)).toContain("greet");
    await startDaemon(base);
    expect(await session.call("greet", { name: "you" })).toMatchObject({ isError: false });
  });
});

describe("without a list", () => {
  it("there are our own tools, and a call of any other says why", async () => {
    const socket = join(tempDirectory(), "none.sock");
    const session = await connected(socket, "typed");
    expect(await names(session)).toEqual(ALWAYS);
    const { text, isError } = await session.call(LIST);
    expect([isError, text]).toEqual([true, expect.stringContaining("daemon_unreachable")]);
    const { text: why, data } = await called(session, "greet", { name: "you" });
    expect(why).toContain("the operations could not be listed: failed to connect");
    expect(data).toMatchObject({ outcome: "failed", code: "daemon_unreachable" });
  });

  it("a refused token is said, with what to do", async () => {
    const { base, daemon } = await host();
    base.writeToken("0".repeat(64), { repo: "other/repo" });
    const session = await inProcess(["-socket", daemon.address.path, "-tools=typed"], {
      CMD2HOST_TOKEN: "1".repeat(64),
    });
    sessions.push(session);
    expect(await names(session)).toEqual(ALWAYS);
    expect((await called(session, "greet")).data).toMatchObject({
      code: "unauthenticated",
      hint: expect.stringContaining("CMD2HOST_TOKEN") as string,
    });
  });

  it("the operations come as soon as there is a daemon", async () => {
    const { base, daemon } = await host();
    await daemon.stop();
    const session = await connected(daemon.address.path, "typed");
    expect(await names(session)).toEqual(ALWAYS);
    const changed = nextChange(session);
    await startDaemon(base);
    await changed;
    expect(await names(session)).toContain("greet");
  });
});

describe("a daemon that cannot tell of changes", () => {
  it("is asked again at every list, and runs operations all the same", async () => {
    const daemon = await fakeDaemon();
    atEnd(async () => daemon.close());
    daemon.answer({ operations: [{ id: "greet", params: { name: { type: "string" } }, allowed_flags: ["--json"] }] });
    const session = await inProcess([...daemon.options, "-tools=typed"], ENV);
    sessions.push(session);
    expect(await names(session)).toEqual([...ALWAYS, "greet"]);
    daemon.answer({ operations: [{ id: "greet" }, { id: "other" }] });
    expect(await names(session)).toEqual([...ALWAYS, "greet", "other"]);
    expect(daemon.requests.filter((request) => "watch_operations" in request)).toEqual([]);
    daemon.answer(replies("original")("ok"));
    expect(await called(session, "other")).toMatchObject({ data: { stdout: "hello\n" } });
    expect(daemon.requests.at(-1)).toMatchObject({ operation: "other" });
  });
});

describe("the newest protocol", () => {
  it("tells those who listen of changes", async () => {
    const { daemon, configure } = await host();
    const connect = spawned(built.file, { versionNegotiation: { mode: { pin: "2026-07-28" } } });
    const session = await connected(daemon.address.path, "typed", connect);
    const changed = nextChange(session);
    await session.client.listen({ toolsListChanged: true });
    configure(OPERATIONS, ["slow"]);
    await changed;
    expect(await names(session)).toEqual([...ALWAYS, "slow"]);
  });
});

describe("the end", () => {
  it("does not wait for a watch that is open", async () => {
    const { daemon } = await host();
    const program = start(built.file, ["-socket", daemon.address.path], ENV);
    await program.ask(1, "initialize", initialization("2025-11-25"));
    await program.ask(2, "tools/list");
    const began = performance.now();
    program.closeInput();
    expect(await program.exited).toMatchObject({ code: 0, stderr: "" });
    expect(performance.now() - began).toBeLessThan(5_000);
  });

  it("closes a watch that is open, also inside a process that goes on", async () => {
    const daemon = await fakeDaemon();
    atEnd(async () => daemon.close());
    const session = inProcess([...daemon.options, "-tools=typed"], ENV);
    (await daemon.next()).reply({ operations: [], revision: "r" });
    const watch = await daemon.next();
    expect(watch.request).toMatchObject({ watch_operations: "r", wait_seconds: 290 });
    await (await session).close();
    await watch.closed;
  });
});
