import { PassThrough } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "@modelcontextprotocol/client";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { afterEach, describe, expect, it } from "vitest";
import { createServer } from "../../mcp/server.ts";
import { LineTransport } from "../../mcp/stdio.ts";
import { tokensOf } from "../../mcp/tokens.ts";
import type { DaemonCalls } from "../../wire/daemon-calls.ts";
import { CodedError } from "../../wire/errors.ts";
import { fakeBackend, FakeCalls, type Program } from "./fake-calls.ts";

const RUN = "cmd2host_run_operation";
const READ = "cmd2host_read_output";
const STATUS = "cmd2host_run_status";
const CANCEL = "cmd2host_cancel_run";

const LINES = Array.from({ length: 20_441 }, (_, index) => `this is line ${index + 1}\n`).join("");

const PROGRAMS: Readonly<Record<string, Program>> = {
  long: ({ print }) => (print(LINES), {}),
  dense: ({ print }) => (print("\u0001\u0002\n".repeat(30_000)), {}),
  binary: ({ print }) => (print(Buffer.alloc(20_000, Buffer.from([0xff, 0, 1]))), {}),
  latin: ({ print }) => (print(Buffer.from("caf\u00e9\n".repeat(400), "latin1")), {}),
  quiet: () => ({}),
  fails: ({ print }) => (print("went wrong\n", "stderr"), { exit_code: 3 }),
  waits: async ({ print, signal }) => {
    print("waiting\n");
    await new Promise((resolve) => {
      signal.addEventListener("abort", resolve);
    });
    return { outcome: "failed", exit_code: 143, code: "cancelled", message: "Command cancelled", hint: "It was you." };
  },
  short: async ({ print }) => {
    print("first\n");
    await sleep(100);
    print("second\n");
    return {};
  },
};

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function session(calls: DaemonCalls, maxTokens = 10_000) {
  const [toServer, toClient] = [new PassThrough(), new PassThrough()];
  const backend = fakeBackend(calls, maxTokens);
  const handle = serveStdio(() => createServer(backend, "1", "generic"), {
    transport: new LineTransport(toServer, toClient),
  });
  const client = new Client({ name: "test", version: "1" });
  await client.connect(new LineTransport(toClient, toServer));
  closers.push(async () => {
    await client.close();
    await handle.close();
  });
  // The client checks the data against the schemas that it knows.
  await client.listTools();
  const call = async (name: string, args: Record<string, unknown>, onprogress?: (message: string) => void) => {
    const { content, structuredContent, isError } = await client.callTool(
      { name, arguments: args },
      onprogress === undefined
        ? undefined
        : {
            onprogress: ({ message = "" }) => {
              onprogress(message);
            },
          },
    );
    const [block] = content;
    const text = block?.type === "text" ? block.text : "";
    return { text, data: structuredContent as Record<string, unknown>, isError: isError === true, content };
  };
  return { client, call };
}

describe("reading the output of a run", () => {
  it("goes from where a result was cut, page by page, to the end", async () => {
    const { call } = await session(new FakeCalls(PROGRAMS));
    const { text } = await call(RUN, { operation_id: "long" });
    let next = Number(/line=(\d+)\*/.exec(text)?.[1]);
    let read = /```\n([^]*)\[… [\d,]+ lines left out …\]/.exec(text)?.[1] ?? "";
    for (let pages = 0; read.length < LINES.length && pages < 40; pages++) {
      const page = await call(READ, { run_id: "run-1", line: next, max_lines: 100_000 });
      expect(tokensOf(page.text)).toBeLessThanOrEqual(10_000);
      read += String(page.data["text"]);
      next = Number(page.data["next_line"]);
      if (page.data["more"] === true) expect(page.text).toContain(`; next: ${READ} run_id="run-1" line=${next}*\n`);
      else expect(page.text).toContain("; this is the end*\n");
    }
    expect(read).toBe(LINES);
  });

  it("shows the last lines, and the lines that match", async () => {
    const { call } = await session(new FakeCalls(PROGRAMS));
    await call(RUN, { operation_id: "long" });
    const end = await call(READ, { run_id: "run-1", line: -2 });
    expect(end.text).toBe(
      "```\nthis is line 20440\nthis is line 20441\n```\n*stdout: lines 20,440 to 20,441 of 20,441 lines, 439,676 bytes; this is the end*\n".replace(
        "439,676",
        LINES.length.toLocaleString("en-US"),
      ),
    );
    const found = await call(READ, { run_id: "run-1", grep: "line 2044." });
    expect(found.text).toMatch(
      /^```\n20440:this is line 20440\n20441:this is line 20441\n```\n\*stdout: 2 matches in lines 1 to 20,441/,
    );
    expect(found.data).toMatchObject({ matches: 2, more: false });
  });

  it("asks for less until a dense page fits", async () => {
    const calls = new FakeCalls(PROGRAMS);
    const { call } = await session(calls, 2_000);
    await call(RUN, { operation_id: "dense" });
    const { text, data } = await call(READ, { run_id: "run-1" });
    expect(tokensOf(text)).toBeLessThanOrEqual(2_000);
    expect(tokensOf(text)).toBeGreaterThan(800);
    expect(calls.pages.length).toBeGreaterThan(1);
    expect(calls.pages.length).toBeLessThan(5);
    expect(data["next_line"]).toBe(String(data["text"]).split("\n").length);
  });

  it("never asks for more than the caller did", async () => {
    const calls = new FakeCalls(PROGRAMS);
    const { call } = await session(calls);
    await call(RUN, { operation_id: "long" });
    const { data } = await call(READ, { run_id: "run-1", offset: 5, max_bytes: 10 });
    expect(data).toMatchObject({ text: LINES.slice(5, 15), offset: 5, next_offset: 15, more: true });
    expect(calls.pages.map(({ maxBytes }) => maxBytes)).toEqual([10]);
  });

  it("gives bytes as base64, and what is nearly text as text", async () => {
    const { call } = await session(new FakeCalls(PROGRAMS));
    await call(RUN, { operation_id: "binary" });
    const binary = await call(READ, { run_id: "run-1", offset: 0, max_bytes: 6 });
    expect(binary.text).toMatch(
      /^\*\*base64, binary:\*\*\n```\n\/wAB\/wAB\n```\n\*stdout: bytes 0 to 6 of 20,000; next: .* offset=6\*\n$/,
    );
    expect(binary.data).toMatchObject({ text: "/wAB/wAB", encoding: "base64" });
    await call(RUN, { operation_id: "latin" });
    const latin = await call(READ, { run_id: "run-2", offset: 0 });
    expect(latin.text).toContain("caf\uFFFD\n");
    expect(latin.data).not.toHaveProperty("encoding");
  });

  it("of a program that is still running says so", async () => {
    const { call } = await session(new FakeCalls(PROGRAMS));
    await call(RUN, { operation_id: "waits", background: true });
    const { text } = await call(READ, { run_id: "run-1", offset: 0 });
    expect(text).toContain("```\nwaiting\n```\n");
    expect(text).toContain(`the program is still running; go on: ${READ} run_id="run-1" offset=8 wait_seconds=30*`);
  });

  it("that nobody knows is an error", async () => {
    const { call } = await session(new FakeCalls(PROGRAMS));
    const { text, isError, data } = await call(READ, { run_id: "nope" });
    expect(text).toBe(
      "Error reading output: daemon error: no such run\nCode: run_unknown\nHint: Runs are kept for a limited time.\n",
    );
    expect([isError, data["code"]]).toEqual([true, "run_unknown"]);
  });
});

describe("the status of a run", () => {
  it("tells all about one that has ended", async () => {
    const { call } = await session(new FakeCalls(PROGRAMS));
    await call(RUN, { operation_id: "fails" });
    const { text, data, isError } = await call(STATUS, { run_id: "run-1" });
    expect(text).toBe(
      [
        "Run: run-1",
        "Operation: fails",
        "State: completed after 1.2 s",
        "Exit code: 3",
        "stdout: nothing",
        "stderr: 11 bytes, 1 lines",
        `Next: ${READ} run_id="run-1" stream="stderr" (line=-50 for the end)`,
        "",
      ].join("\n"),
    );
    expect(data).toMatchObject({ run_id: "run-1", state: "completed", exit_code: 3 });
    expect(isError).toBe(false);
  });

  it("waits for the end, and tells the last line meanwhile", async () => {
    const { call } = await session(new FakeCalls(PROGRAMS));
    await call(RUN, { operation_id: "short", background: true });
    const { data } = await call(STATUS, { run_id: "run-1", wait_seconds: 30 }, () => undefined);
    expect(data).toMatchObject({ state: "completed", exit_code: 0, last_line: "second" });
  });

  it("of one that goes on says how to wait, to look and to cancel", async () => {
    const { call } = await session(new FakeCalls(PROGRAMS));
    await call(RUN, { operation_id: "waits", background: true });
    const { text, data } = await call(STATUS, { run_id: "run-1" });
    expect(text).toContain("State: running for 1.2 s, in the background\n");
    expect(text).toContain("Last line: waiting\n");
    for (const tool of [STATUS, READ, CANCEL]) expect(text).toContain(`${tool} run_id="run-1"`);
    expect(data["next"]).toContain("wait_seconds=30");
  });

  it("tells a client that wants progress the last line while it waits", { timeout: 20_000 }, async () => {
    const { call } = await session(new FakeCalls(PROGRAMS));
    await call(RUN, { operation_id: "waits", background: true });
    const messages: string[] = [];
    const { data } = await call(STATUS, { run_id: "run-1", wait_seconds: 6 }, (message) => messages.push(message));
    expect(data).toMatchObject({ state: "running" });
    expect(messages).toContain("waiting");
  });
});

describe("cancelling a run", () => {
  it("ends it, and says so", async () => {
    const { call } = await session(new FakeCalls(PROGRAMS));
    await call(RUN, { operation_id: "waits", background: true });
    const { text, data, isError } = await call(CANCEL, { run_id: "run-1" });
    expect(text).toContain("State: failed after 1.2 s\nExit code: 143\n");
    expect(text).toContain("Reason: Command cancelled\nCode: cancelled\nHint: It was you.\n");
    expect(data).toMatchObject({ state: "failed", code: "cancelled", reason: "Command cancelled" });
    expect(isError).toBe(false);
  });

  it("that nobody knows is an error", async () => {
    const { call } = await session(new FakeCalls(PROGRAMS));
    expect(await call(CANCEL, { run_id: "nope" })).toMatchObject({ isError: true, data: { code: "run_unknown" } });
  });
});

describe("a daemon that is too old", () => {
  class Old extends FakeCalls {
    override start = this.#tooOld;
    override status = this.#tooOld;
    override read = this.#tooOld;
    override cancel = this.#tooOld;
    override runs = this.#tooOld;

    async #tooOld(): Promise<never> {
      return Promise.reject(new CodedError("daemon_too_old", "the daemon does not know this request"));
    }
  }

  it.each([
    [RUN, { operation_id: "quiet", background: true }, "running operation"],
    [READ, { run_id: "run-1" }, "reading output"],
    [STATUS, { run_id: "run-1" }, "getting the status"],
    [CANCEL, { run_id: "run-1" }, "cancelling the run"],
  ])("is an error of %s", async (tool, args, doing) => {
    const { call } = await session(new Old(PROGRAMS));
    const { text, isError, data } = await call(tool, args);
    expect(text).toBe(
      `Error ${doing}: the daemon does not know this request\nCode: daemon_too_old\nHint: The owner of the host updates cmd2host.\n`,
    );
    expect([isError, data["code"]]).toEqual([true, "daemon_too_old"]);
  });

  it("has no resources", async () => {
    const { client } = await session(new Old(PROGRAMS));
    expect((await client.listResources()).resources).toEqual([]);
    await expect(client.readResource({ uri: "cmd2host://runs/run-1/stdout" })).rejects.toThrow("does not know");
  });
});

describe("resources", () => {
  it("are the output of recent runs, and links lead to them", async () => {
    const { client, call } = await session(new FakeCalls(PROGRAMS));
    const { content } = await call(RUN, { operation_id: "long" });
    await call(RUN, { operation_id: "quiet" });
    await call(RUN, { operation_id: "fails" });
    const { resources } = await client.listResources();
    expect(resources.map(({ uri }) => uri)).toEqual(["cmd2host://runs/run-3/stderr", "cmd2host://runs/run-1/stdout"]);
    expect(content[1]).toMatchObject({ type: "resource_link", uri: resources[1]?.uri });
    const { resourceTemplates } = await client.listResourceTemplates();
    expect(resourceTemplates.map(({ uriTemplate }) => uriTemplate)).toEqual([
      "cmd2host://runs/{run_id}/stdout{?offset}",
      "cmd2host://runs/{run_id}/stderr{?offset}",
    ]);
  });

  it("are read part by part, each of which leads to the next", async () => {
    const { client, call } = await session(new FakeCalls(PROGRAMS));
    await call(RUN, { operation_id: "long" });
    let uri: string | undefined = "cmd2host://runs/run-1/stdout";
    let read = "";
    for (let parts = 0; uri !== undefined && parts < 40; parts++) {
      const { contents } = await client.readResource({ uri });
      const [part, next] = contents;
      if (part !== undefined && "text" in part) read += part.text;
      uri = next?.uri;
    }
    expect(read).toBe(LINES);
  });

  it("that are binary are blobs", async () => {
    const { client, call } = await session(new FakeCalls(PROGRAMS));
    await call(RUN, { operation_id: "binary" });
    const { contents } = await client.readResource({ uri: "cmd2host://runs/run-1/stdout?offset=19998" });
    expect(contents).toEqual([
      { uri: "cmd2host://runs/run-1/stdout?offset=19998", mimeType: "application/octet-stream", blob: "/wA=" },
    ]);
  });

  it.each([
    "cmd2host://runs/run-1/stdin",
    "cmd2host://runs/run-1/stdout?offset=-1",
    "cmd2host://runs/run-1/../stdout",
    "cmd2host://runs/%ff/stdout",
    "cmd2host://runs/none/stdout",
    "file:///etc/passwd",
  ])("that do not exist are not found: %s", async (uri) => {
    const { client, call } = await session(new FakeCalls(PROGRAMS));
    await call(RUN, { operation_id: "long" });
    await expect(client.readResource({ uri })).rejects.toMatchObject({ code: expect.any(Number) as number });
  });
});

describe("a client that goes away", () => {
  it("cancels what runs in the foreground", async () => {
    let cancelled: () => void = () => undefined;
    const over = new Promise<void>((resolve) => {
      cancelled = resolve;
    });
    const calls = new FakeCalls({
      waits: async ({ signal }) => {
        await new Promise((resolve) => {
          signal.addEventListener("abort", resolve);
        });
        cancelled();
        return { outcome: "failed", exit_code: 143 };
      },
    });
    const { call, client } = await session(calls);
    const pending = call(RUN, { operation_id: "waits" });
    pending.catch(() => undefined);
    await sleep(50);
    for (const close of closers.splice(0)) await close();
    await client.close();
    await over;
    await expect(pending).rejects.toThrow();
  });
});
