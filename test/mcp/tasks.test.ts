import { PassThrough } from "node:stream";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { McpServer } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { afterEach, describe, expect, it } from "vitest";
import { callContext } from "../../mcp/context.ts";
import { LineTransport } from "../../mcp/stdio.ts";
import { Tasks, TASKS_CAPABILITY } from "../../mcp/tasks.ts";
import { runTool } from "../../mcp/tools/run.ts";
import { fakeBackend, FakeCalls } from "./fake-calls.ts";

type Message = Readonly<Record<string, unknown>>;

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

const KNOWS_TASKS = { extensions: TASKS_CAPABILITY };

/** A server with one tool, spoken to in plain messages of the version 2026-07-28. */
function talk(graceMs: number) {
  const release: { now: () => void } = { now: () => undefined };
  let cancelled = false;
  const calls = new FakeCalls({
    quick: ({ print }) => {
      print("done\n");
      return {};
    },
    slow: async ({ print, signal }) => {
      print("working on it\n");
      await new Promise<void>((resolve) => {
        release.now = resolve;
        signal.addEventListener("abort", () => {
          cancelled = true;
          resolve();
        });
      });
      return { exit_code: 7 };
    },
  });
  const tasks = new Tasks(graceMs);
  const tool = runTool(fakeBackend(calls));
  const [input, output] = [new PassThrough(), new PassThrough()];
  const handle = serveStdio(
    () => {
      const product = new McpServer(
        { name: "test", version: "1" },
        { capabilities: { tools: {}, extensions: TASKS_CAPABILITY } },
      );
      const { server } = product;
      server.setRequestHandler("tools/call", async ({ params }, context) =>
        tasks.answer(context, callContext(context, server), async (own) => tool.call(params.arguments, own)),
      );
      tasks.register(product);
      return product;
    },
    { transport: new LineTransport(input, output) },
  );
  closers.push(async () => {
    tasks.stop();
    await handle.close();
  });
  const waiting = new Map<unknown, (message: Message) => void>();
  createInterface({ input: output }).on("line", (line) => {
    const message = JSON.parse(line) as Message;
    waiting.get(message["id"])?.(message);
  });
  let id = 0;
  const ask = async (method: string, params: Message, capabilities: Message = KNOWS_TASKS): Promise<Message> =>
    new Promise((resolve) => {
      id++;
      waiting.set(id, resolve);
      const meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { name: "test", version: "1" },
        "io.modelcontextprotocol/clientCapabilities": capabilities,
      };
      input.write(`${JSON.stringify({ jsonrpc: "2.0", id, method, params: { ...params, _meta: meta } })}\n`);
    });
  const result = async (method: string, params: Message): Promise<Message> =>
    (await ask(method, params))["result"] as Message;
  const run = async (operation: string) =>
    result("tools/call", { name: "cmd2host_run_operation", arguments: { operation_id: operation } });
  return { ask, result, run, release, wasCancelled: () => cancelled };
}

describe("tasks", () => {
  it("are declared", async () => {
    const { result } = talk(50);
    expect(await result("server/discover", {})).toMatchObject({ capabilities: { extensions: TASKS_CAPABILITY } });
  });

  it("are not made for a call that ends soon", async () => {
    const { run } = talk(10_000);
    expect(await run("quick")).toMatchObject({ resultType: "complete", structuredContent: { stdout: "done\n" } });
  });

  it("are made for a call that takes long, and hold its result in the end", async () => {
    const { run, result, release } = talk(50);
    const made = await run("slow");
    expect(made).toMatchObject({ resultType: "task", status: "working", pollIntervalMs: 2_000 });
    const { taskId } = made;
    expect(await result("tasks/get", { taskId })).toMatchObject({ resultType: "complete", taskId, status: "working" });
    expect(await result("tasks/update", { taskId, inputResponses: {} })).toMatchObject({ resultType: "complete" });
    release.now();
    await sleep(50);
    expect(await result("tasks/get", { taskId })).toMatchObject({
      resultType: "complete",
      status: "completed",
      result: { isError: true, structuredContent: { exit_code: 7, stdout: "working on it\n" } },
    });
  });

  it("tell how they get on", async () => {
    const { run, result } = talk(700);
    const { taskId } = await run("slow");
    // The program's own words come first; when nothing comes for a while, that it still runs.
    const said = new Set<unknown>();
    for (let count = 0; count < 100 && ![...said].some((one) => String(one).includes("still running")); count++) {
      await sleep(100);
      said.add((await result("tasks/get", { taskId }))["statusMessage"]);
    }
    expect([...said].join("; ")).toMatch(/still running/);
  }, 15_000);

  it("are cancelled with their command", async () => {
    const { run, result, wasCancelled } = talk(50);
    const { taskId } = await run("slow");
    expect(await result("tasks/cancel", { taskId })).toMatchObject({ resultType: "complete" });
    expect(await result("tasks/get", { taskId })).toMatchObject({ status: "cancelled" });
    expect(wasCancelled()).toBe(true);
  });

  it("that nobody knows are refused", async () => {
    const { ask } = talk(50);
    for (const method of ["tasks/get", "tasks/update", "tasks/cancel"])
      expect(await ask(method, { taskId: "nope" })).toMatchObject({ error: { code: -32602 } });
  });

  it("are neither made for a client that did not declare them, nor shown to it", async () => {
    const { ask, run, release } = talk(50);
    const call = { name: "cmd2host_run_operation", arguments: { operation_id: "slow" } };
    const answer = ask("tools/call", call, {});
    await sleep(200);
    release.now();
    expect(await answer).toMatchObject({ result: { resultType: "complete", isError: true } });
    const { taskId } = await run("slow");
    expect(await ask("tasks/get", { taskId }, {})).toMatchObject({
      error: { code: -32021, data: { requiredCapabilities: { extensions: TASKS_CAPABILITY } } },
    });
  });
});
