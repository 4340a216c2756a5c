import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { USAGE } from "../../mcp/options.ts";
import { spawned } from "./clients.ts";
import { fakeDaemon, replies } from "./fake-daemon.ts";
import { bundle, BUNDLE_VERSION, initialization, start, type Bundle, type Message } from "./program.ts";

const RUN = "cmd2host_run_operation";
const TOKEN = { CMD2HOST_TOKEN: "t" };

let built: Bundle;
let directory = "";
beforeAll(async () => {
  built = await bundle();
  directory = await mkdtemp(join(tmpdir(), "cmd2host-process-"));
});
afterAll(async () => {
  await built.remove();
  await rm(directory, { recursive: true });
});

/** What the program answers to these requests, sent one after the other without an initialize. */
async function answers(...requests: readonly (readonly [string, Message?])[]): Promise<Message[]> {
  const program = start(built.file, ["-tools=generic"], TOKEN);
  const got: Message[] = [];
  for (const [index, [method, params]] of requests.entries()) got.push(await program.ask(index, method, params));
  program.closeInput();
  expect((await program.exited).code).toBe(0);
  return got;
}

describe("the command line", () => {
  it.each(["-version", "--version"])("prints the version on stdout with %s and exits 0", async (flag) => {
    const exit = await start(built.file, [flag]).exited;
    expect(exit).toEqual({ code: 0, stdout: `cmd2host-mcp version ${BUNDLE_VERSION}\n`, stderr: "" });
  });

  it.each(["-h", "-help", "--help"])("prints the usage on stdout with %s and exits 0", async (flag) => {
    expect(await start(built.file, [flag]).exited).toEqual({ code: 0, stdout: USAGE, stderr: "" });
  });

  it.each([
    [["-bogus"], "Unknown option '--bogus'"],
    [["-port", "x"], '-port "x" is not a whole number from 0 to 65535'],
  ])("refuses %j on stderr with the usage and exits 2", async (args, message) => {
    const exit = await start(built.file, args, TOKEN).exited;
    expect(exit).toEqual({ code: 2, stdout: "", stderr: `cmd2host-mcp: ${message}\n\n${USAGE}` });
  });

  it("exits 1 without a token and says where one comes from and how to get it", async () => {
    const { code, stdout, stderr } = await start(built.file, []).exited;
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/token is required.*--token-file.*CMD2HOST_TOKEN.*\n.*cmd2host token mint/);
  });

  it("exits 1 when the token file cannot be read, and names it", async () => {
    const file = join(directory, "nowhere");
    const { code, stderr } = await start(built.file, ["-token-file", file], TOKEN).exited;
    expect(code).toBe(1);
    expect(stderr).toContain(`cannot read the token file "${file}": ENOENT`);
  });

  it("starts with a token file alone, and never shows the token", async () => {
    const file = join(directory, "token");
    await writeFile(file, "very-secret\n");
    const program = start(built.file, ["-token-file", file]);
    await program.ask(1, "ping");
    program.closeInput();
    const { code, stdout, stderr } = await program.exited;
    expect(code).toBe(0);
    expect(stdout + stderr).not.toContain("very-secret");
  });
});

describe("the protocol", () => {
  it.each(["2024-10-07", "2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"])(
    "is spoken in the version %s when the client asks for it",
    async (version) => {
      const [reply] = await answers(["initialize", initialization(version)]);
      expect(reply).toMatchObject({
        result: {
          protocolVersion: version,
          serverInfo: { name: "cmd2host-mcp", version: BUNDLE_VERSION },
          capabilities: { logging: {}, resources: {}, tools: { listChanged: true } },
        },
      });
    },
  );

  it("offers the newest of these versions to a client that asks for an unknown one", async () => {
    const [reply] = await answers(["initialize", initialization("1999-01-01")]);
    expect(reply).toMatchObject({ result: { protocolVersion: "2025-11-25" } });
  });

  it("is spoken in the version 2026-07-28, which has no initialize", async () => {
    const daemon = await fakeDaemon();
    daemon.answer(replies("original")("ok"));
    const connect = spawned(built.file, { versionNegotiation: { mode: { pin: "2026-07-28" } } });
    const session = await connect(daemon.options, TOKEN);
    expect(session.client.getProtocolEra()).toBe("modern");
    expect(await session.call(RUN, { operation_id: "x" })).toMatchObject({
      text: "Exit code: 0\n\n**stdout:**\n```\nhello\n```\n\n",
      isError: false,
    });
    await session.close();
    await daemon.close();
  });

  it("tells a model what the server is, how to use it and what not to trust", async () => {
    const [reply] = await answers(["initialize", initialization("2025-11-25")]);
    const text = JSON.stringify(reply);
    for (const part of [
      "cmd2host_list_operations",
      "cmd2host_describe_operation",
      RUN,
      "Trust boundary",
      "SYSTEM",
      "git_push",
    ]) {
      expect(text).toContain(part);
    }
  });

  it("answers ping and logging/setLevel, and lists no prompts", async () => {
    const got = await answers(["ping"], ["logging/setLevel", { level: "debug" }], ["prompts/list"]);
    expect(got.map((message) => message["result"])).toEqual([{}, {}, { prompts: [] }]);
  });

  it("answers unknown methods with method not found", async () => {
    const got = await answers(["nope"], ["completion/complete", {}]);
    for (const message of got) expect(message).toMatchObject({ error: { code: -32601 } });
  });

  it("answers JSON that is not JSON-RPC with invalid request and goes on", async () => {
    const program = start(built.file, [], TOKEN);
    program.write('{"id":5,"method":"ping"}\n');
    expect(await program.ask(6, "ping")).toMatchObject({ result: {} });
    program.closeInput();
    const { code, stdout } = await program.exited;
    expect(code).toBe(0);
    expect(stdout).toContain('"id":5,"error":{"code":-32600');
  });
});

interface Listed {
  readonly name: string;
  readonly title: string;
  readonly inputSchema: { readonly properties: Readonly<Record<string, { readonly description?: string }>> };
  readonly outputSchema: Message;
  readonly annotations: Message;
}

async function listed(): Promise<readonly Listed[]> {
  const [reply] = await answers(["tools/list"]);
  return (reply?.["result"] as { readonly tools: readonly Listed[] }).tools;
}

describe("tools/list", () => {
  it("has the original's three tools, a dry run and three about runs with the documented inputs, sorted by name", async () => {
    const text = { type: "string" };
    const strict = { additionalProperties: false };
    const required = { ...strict, required: ["operation_id"] };
    const aboutRun = { ...strict, required: ["run_id"] };
    const tools = await listed();
    expect(tools).toMatchObject([
      { name: "cmd2host_cancel_run", inputSchema: { ...aboutRun, properties: { run_id: text } } },
      { name: "cmd2host_describe_operation", inputSchema: { ...required, properties: { operation_id: text } } },
      {
        name: "cmd2host_explain_operation",
        inputSchema: { ...strict, properties: { operation_id: text, argv: { type: "array", items: text } } },
      },
      { name: "cmd2host_list_operations", inputSchema: { ...strict, properties: { prefix: text } } },
      { name: "cmd2host_read_output", inputSchema: { ...aboutRun, properties: { run_id: text } } },
      {
        name: RUN,
        inputSchema: {
          ...required,
          properties: {
            operation_id: text,
            params: { type: "object", additionalProperties: {} },
            flags: { anyOf: [{ type: "array", items: text }, { type: "null" }] },
            target_repo: text,
          },
        },
      },
      { name: "cmd2host_run_status", inputSchema: { ...strict, properties: { run_id: text } } },
    ]);
  });

  it("describes every tool, every property, and gives every tool a title and an output schema", async () => {
    for (const tool of await listed()) {
      expect(tool.title).not.toBe("");
      expect(tool.outputSchema).toMatchObject({ type: "object" });
      for (const [name, schema] of Object.entries(tool.inputSchema.properties)) {
        expect(schema.description ?? "", `${tool.name} ${name}`).not.toBe("");
      }
    }
  });

  it("says that only two tools change anything", async () => {
    const tools = await listed();
    const reading = { readOnlyHint: true, idempotentHint: true, openWorldHint: false };
    for (const { name, annotations } of tools) {
      if (name === RUN) expect(annotations).toMatchObject({ readOnlyHint: false, destructiveHint: true });
      else if (name === "cmd2host_cancel_run") expect(annotations).toMatchObject({ readOnlyHint: false });
      else expect(annotations, name).toMatchObject(reading);
    }
  });
});

describe("tools/call", () => {
  it("takes missing arguments for none", async () => {
    const [reply] = await answers(["tools/call", { name: "cmd2host_describe_operation" }]);
    expect(reply).toMatchObject({
      error: { code: -32602, message: expect.stringContaining("operation_id") as string },
    });
  });

  it.each([
    [
      "an unknown tool",
      { name: "nope", arguments: {} },
      'Unknown tool "nope"; the tools are cmd2host_cancel_run, cmd2host_describe_operation',
    ],
    ["a built-in name", { name: "constructor" }, 'Unknown tool "constructor"'],
    ["no operation_id", { name: RUN, arguments: {} }, "operation_id"],
    ["a number for operation_id", { name: RUN, arguments: { operation_id: 1 } }, "operation_id"],
    ["params of null", { name: RUN, arguments: { operation_id: "x", params: null } }, "params"],
    ["a list of params", { name: RUN, arguments: { operation_id: "x", params: [] } }, "params"],
    ["a flag that is no text", { name: RUN, arguments: { operation_id: "x", flags: ["a", 1] } }, "flags.1"],
    ["an unknown property", { name: RUN, arguments: { operation_id: "x", token: "y" } }, '"token"'],
    ["an unknown property of list", { name: "cmd2host_list_operations", arguments: { all: true } }, '"all"'],
    ["arguments that are no object", { name: RUN, arguments: "x" }, "arguments"],
    ["no name", {}, "name"],
  ])("answers %s with invalid params", async (_, params, fragment) => {
    const [reply] = await answers(["tools/call", params]);
    expect(reply).toMatchObject({ error: { code: -32602, message: expect.stringContaining(fragment) as string } });
  });
});

describe("the end", () => {
  it("exits 0 when the client closes its side while nothing runs", async () => {
    const program = start(built.file, [], TOKEN);
    await program.ask(1, "initialize", initialization("2025-11-25"));
    program.closeInput();
    expect(await program.exited).toMatchObject({ code: 0, stderr: "" });
  });

  it("answers what was piped into it before the end", async () => {
    const program = start(built.file, ["-tools=generic"], TOKEN);
    program.send({ id: 1, method: "initialize", params: initialization("2025-11-25") });
    program.send({ method: "notifications/initialized" });
    program.send({ id: 2, method: "tools/list" });
    program.closeInput();
    const { code, stdout } = await program.exited;
    expect(stdout.trimEnd().split("\n")).toHaveLength(2);
    expect(code).toBe(0);
  });

  it("exits 1 when the client closes its side while a call runs, and ends the call", async () => {
    const daemon = await fakeDaemon();
    const program = start(built.file, daemon.options, TOKEN);
    program.send({ id: 1, method: "tools/call", params: { name: RUN, arguments: { operation_id: "x" } } });
    const connection = await daemon.next();
    program.closeInput();
    expect(await program.exited).toMatchObject({ code: 1, stdout: "" });
    await connection.closed;
    await daemon.close();
  });

  it("exits 1 at the first line that is not JSON", async () => {
    const program = start(built.file, [], TOKEN);
    await program.ask(1, "ping");
    program.write("POST / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    expect(await program.exited).toMatchObject({
      code: 1,
      stderr: "cmd2host-mcp: standard input: line 2 is not JSON\n",
    });
  });

  it("exits 1 when nobody reads its output any more", async () => {
    const program = start(built.file, [], TOKEN);
    await program.ask(1, "ping");
    program.closeOutput();
    for (let id = 2; id < 50; id++) program.send({ id, method: "ping" });
    expect((await program.exited).code).toBe(1);
  });

  it.each(["SIGINT", "SIGTERM"] as const)("exits 0 on %s, also while a call runs", async (signal) => {
    const daemon = await fakeDaemon();
    const program = start(built.file, daemon.options, TOKEN);
    program.send({ id: 1, method: "tools/call", params: { name: RUN, arguments: { operation_id: "x" } } });
    const connection = await daemon.next();
    program.kill(signal);
    expect(await program.exited).toMatchObject({ code: 0, stderr: "" });
    await connection.closed;
    await daemon.close();
  });
});
