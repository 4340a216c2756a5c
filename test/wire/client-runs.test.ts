import { describe, expect, it } from "vitest";
import { DaemonClient } from "../../wire/client.ts";
import type { RunInfo } from "../../wire/schema.ts";
import { serverOf } from "./servers.ts";

const RUN: RunInfo = {
  run_id: "r1",
  operation: "say",
  state: "running",
  background: true,
  started_at: "2026-01-01T00:00:00Z",
  duration_ms: 5,
  stdout: { bytes: 0, lines: 0 },
  stderr: { bytes: 0, lines: 0 },
};
const PAGE = {
  run_id: "r1",
  stream: "stdout",
  state: "running",
  text: "x",
  offset: 0,
  next_offset: 1,
  more: true,
  total_bytes: 1,
  total_lines: 0,
} as const;

async function answering(reply: object): Promise<{ readonly client: DaemonClient; readonly requests: string[] }> {
  const requests: string[] = [];
  const address = await serverOf("unix", (socket, request) => {
    requests.push(JSON.stringify(request));
    socket.end(JSON.stringify(reply));
  });
  return { client: new DaemonClient(address, "t"), requests };
}

const PONG = { hostname: "web1", uptime_seconds: 5, shell: "sh", version: "1.0" };

const ASKING: readonly (readonly [string, (client: DaemonClient) => Promise<unknown>])[] = [
  ["ping", async (client) => client.ping()],
  ["status", async (client) => client.status("r1", 0)],
  ["read", async (client) => client.read({ runId: "r1" })],
  ["cancel", async (client) => client.cancel("r1")],
  ["runs", async (client) => client.runs()],
  ["watch", async (client) => client.watch("v", 0)],
];

describe("asking about runs", () => {
  it("writes one JSON object, and gives the reply", async () => {
    const run = await answering({ run: RUN });
    expect(await run.client.status("r1", 20)).toEqual({ run: RUN });
    expect(await run.client.cancel("r1")).toEqual({ run: RUN });
    expect(run.requests).toEqual([
      '{"protocol":2,"run_status":"r1","wait_seconds":20,"token":"t"}',
      '{"protocol":2,"cancel_run":"r1","token":"t"}',
    ]);

    const page = await answering({ page: PAGE });
    expect(await page.client.read({ runId: "r1" })).toEqual({ page: PAGE });
    await page.client.read({
      runId: "r1",
      stream: "stderr",
      line: -5,
      maxLines: 3,
      maxBytes: 100,
      grep: "a",
      contextLines: 1,
      waitSeconds: 2,
    });
    await page.client.read({ runId: "r1", offset: -9 });
    expect(page.requests).toEqual([
      '{"protocol":2,"read_output":"r1","token":"t"}',
      '{"protocol":2,"read_output":"r1","stream":"stderr","line":-5,"max_lines":3,"max_bytes":100,"grep":"a","context_lines":1,"wait_seconds":2,"token":"t"}',
      '{"protocol":2,"read_output":"r1","offset":-9,"token":"t"}',
    ]);

    const runs = await answering({ runs: [RUN] });
    expect(await runs.client.runs()).toEqual({ runs: [RUN] });
    expect(runs.requests).toEqual(['{"protocol":2,"list_runs":true,"token":"t"}']);

    const pong = await answering({ pong: PONG });
    expect(await pong.client.ping()).toEqual({ pong: PONG });
    expect(pong.requests).toEqual(['{"protocol":2,"ping":true,"token":"t"}']);

    const list = await answering({ operations: [], revision: "w" });
    expect(await list.client.watch("v", 30)).toEqual({ operations: [], revision: "w" });
    expect(list.requests).toEqual(['{"protocol":2,"watch_operations":"v","wait_seconds":30,"token":"t"}']);
  });

  it.each(ASKING)("%s says that the daemon is too old when it does not know the request", async (_name, ask) => {
    const original = await answering({
      exit_code: 1,
      stdout: "",
      stderr: "",
      denied_reason: "Unknown request type (expected list_operations, describe_operation, raw_argv, or operation)",
    });
    await expect(ask(original.client)).rejects.toMatchObject({
      code: "daemon_too_old",
      message: "the daemon does not know this kind of request",
    });
  });

  it.each(ASKING)("%s gives a refusal of the request itself as the reply's error", async (_name, ask) => {
    const refusing = await answering({
      exit_code: 1,
      stdout: "",
      stderr: "",
      denied_reason: "Request too large",
      outcome: "denied",
      code: "frame_too_large",
      hint: "Send less.",
    });
    expect(await ask(refusing.client)).toEqual({
      error: "Request too large",
      code: "frame_too_large",
      hint: "Send less.",
    });
  });

  it("waits for longer than the daemon was told to", async () => {
    const address = await serverOf("unix", (socket) => {
      setTimeout(() => socket.end(JSON.stringify({ run: RUN })), 100);
    });
    expect(await new DaemonClient(address, "t").status("r1", 0)).toEqual({ run: RUN });
    await expect(new DaemonClient(address, "t").status("r1", 300, { timeoutMs: 20 })).rejects.toMatchObject({
      code: "reply_timeout",
    });
  });
});

describe("starting in the background", () => {
  it("gives the run", async () => {
    const { client, requests } = await answering({ run: RUN });
    expect(await client.start({ operation: "say", params: { a: 1 }, timeoutSeconds: 7 })).toEqual({
      kind: "started",
      run: RUN,
    });
    expect(requests).toEqual([
      '{"protocol":2,"operation":"say","params":{"a":1},"timeout_seconds":7,"background":true,"token":"t"}',
    ]);
  });

  it("gives the reply when it was denied, or run to its end by a daemon that knows no background", async () => {
    const denial = {
      exit_code: 1,
      stdout: "",
      stderr: "",
      denied_reason: "no",
      outcome: "denied",
      code: "param_invalid",
    };
    expect(await (await answering(denial)).client.start({ operation: "x" })).toEqual({
      kind: "refused",
      reply: denial,
    });
    const ran = { exit_code: 0, stdout: "done", stderr: "", denied_reason: null };
    expect(await (await answering(ran)).client.start({ operation: "x" })).toMatchObject({
      kind: "refused",
      reply: { exit_code: 0, stdout: "done" },
    });
  });

  it.each([
    [{ run: null }, "failed to parse response: /run: is empty"],
    [{ run: {} }, "failed to parse response: /run/run_id: is missing"],
    [[], "failed to parse response: expected object, got array"],
  ])("%j is no reply", async (reply, message) => {
    const { client } = await answering(reply);
    await expect(client.start({ operation: "x" })).rejects.toMatchObject({ code: "reply_invalid", message });
  });
});
