import { createHash } from "node:crypto";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { isGoneWithin, pidIn, processesWith } from "../exec/processes.ts";
import { defaultBase, TOKEN } from "../fixtures/base.ts";
import { startDaemon } from "../fixtures/daemon.ts";
import { atEnd, fixturePrograms, tempDirectory } from "../fixtures/temp.ts";
import { connectTo } from "../mcp/clients.ts";
import type { OperationTemplate } from "../../wire/schema.ts";
import { begin, runs, withBridges } from "./bridges.ts";

/** The bridge and the daemon that is shipped: command lines, and MCP sessions that outlive a daemon. */

const programs = fixturePrograms();
const text = { text: { type: "string" } };
const operations: Readonly<Record<string, OperationTemplate>> = {
  say: { command: `${programs}/say`, args_template: ["out", "{text}"], params: text },
  code: { command: `${programs}/exit-with`, args_template: ["{code}", "bye"], params: { code: { type: "integer" } } },
  upper: { command: "/usr/bin/tr", args_template: ["a-z", "A-Z"], stdin: "optional", max_stdin_bytes: 200_000_000 },
  wait: { command: `${programs}/say-and-wait`, args_template: ["60", "{text}"], params: text },
  zeros: {
    command: "/usr/bin/head",
    args_template: ["-c", "{count}", "/dev/zero"],
    params: { count: { type: "integer" } },
  },
};
const { base } = defaultBase({ allowed_operations: Object.keys(operations), operations });
const daemon = await startDaemon(base, { max_stdin_bytes: 200_000_000 });

/** The daemon's socket, reached over TCP. */
const forwarder = createServer((socket) => {
  const other = connect(daemon.address.path);
  for (const one of [socket, other]) one.on("error", () => undefined);
  socket.pipe(other).pipe(socket);
});
await new Promise<void>((resolve) => {
  forwarder.listen(0, "127.0.0.1", resolve);
});
atEnd(() => {
  forwarder.close();
});
const forwarded = forwarder.address();
const port = typeof forwarded === "object" && forwarded !== null ? String(forwarded.port) : "";
const routes = [
  ["a Unix socket", { HOST_CMD_PROXY_SOCKET: daemon.address.path }],
  ["TCP", { HOST_CMD_PROXY_HOST: "localhost", HOST_CMD_PROXY_PORT: port }],
] as const;

withBridges("the bridge and the real daemon", (bridge) => {
  describe.each(routes)("over %s", (_route, where) => {
    const env = { ...where, CMD2HOST_TOKEN: TOKEN };

    it("runs what was typed, with its streams and its code", async () => {
      expect(await runs(bridge.as("say"), ["out", "problem"], { env })).toMatchObject({
        code: 0,
        stdout: "out",
        stderr: "problem",
      });
      expect((await runs(bridge.as("exit-with"), ["255", "bye"], { env })).code).toBe(255);
      expect((await runs(bridge.as("cmd2host-proxy"), ["--", "exit-with", "9", "bye"], { env })).code).toBe(9);
    });

    it("tells of a denial with 220, and of what is refused before with 230", async () => {
      const denied = await runs(bridge.as("gh"), ["pr", "merge"], { env });
      expect(denied).toMatchObject({ code: 220, stdout: "" });
      expect(denied.stderr).toMatch(/^cmd2host: no allowed operation matches command "gh"/);
      const stranger = await runs(bridge.as("say"), ["out", "x"], { env: { ...env, CMD2HOST_TOKEN: "0".repeat(64) } });
      expect(stranger.code).toBe(220);
      expect((await runs(bridge.as("say"), ["out", "file:///etc/passwd"], { env })).code).toBe(230);
    });

    it("carries 100 MB there and back", async () => {
      const input = Buffer.alloc(100_000_000, "abcdefghij\n");
      const { child, ended } = begin(bridge.as("tr"), ["a-z", "A-Z"], { env, leavesOutput: true });
      child.stdin.end(input);
      const hash = createHash("sha256");
      for await (const chunk of child.stdout as AsyncIterable<Buffer>) hash.update(chunk);
      const wanted = createHash("sha256").update(Buffer.alloc(100_000_000, "ABCDEFGHIJ\n"));
      expect(hash.digest("hex")).toBe(wanted.digest("hex"));
      expect((await ended).code).toBe(0);
    });

    it("ends a long output when its reader goes", async () => {
      const pipe = '"$0" "$@" < /dev/null | head -c 10 > /dev/null; echo "${PIPESTATUS[0]}"';
      // Without --norc it takes us for a login over the network, whose standard input is a socket, too.
      const words = ["--norc", "-c", pipe, bridge.as("head"), "-c", "1000000000", "/dev/zero"];
      expect(await runs("/bin/bash", words, { env })).toMatchObject({ stdout: "141\n", stderr: "" });
    });

    it("ends what runs, with all that it started, on SIGINT", async () => {
      const file = join(tempDirectory(), "pid");
      const { child, ended } = begin(bridge.as("say-and-wait"), ["60", file], { env });
      const pid = await pidIn(file);
      child.kill("SIGINT");
      expect((await ended).code).toBe(130);
      expect(await isGoneWithin(pid, 5000)).toBe(true);
    });
  });

  const env = { HOST_CMD_PROXY_SOCKET: daemon.address.path, CMD2HOST_TOKEN: TOKEN };
  const say = { operation_id: "say", params: { text: "problem" } };

  it("is an MCP server, as far as a client can tell", async () => {
    const session = await connectTo(bridge.as("cmd2host-mcp"), ["-tools", "generic"], env);
    expect((await session.call("cmd2host_run_operation", say)).text).toContain("problem");
    await session.close();
    while (processesWith(`-socket ${daemon.address.path}`).length > 0) await new Promise((go) => setTimeout(go, 20));
  });

  it("stays while the daemon is stopped and started again, and answers what it lost", async () => {
    const { base: own } = defaultBase({ allowed_operations: Object.keys(operations), operations });
    const first = await startDaemon(own);
    const there = { ...env, HOST_CMD_PROXY_SOCKET: first.address.path };
    const session = await connectTo(bridge.as("cmd2host-mcp"), ["-tools", "generic"], there);
    const file = join(tempDirectory(), "pid");
    const lost = session.call("cmd2host_run_operation", { operation_id: "wait", params: { text: file } });
    const outcome = lost.then(
      () => "answered",
      (error: unknown) => String(error),
    );
    await pidIn(file);
    await first.stop();
    expect(await outcome).toMatch(/connection to the cmd2host daemon was lost/);
    await startDaemon(own);
    expect((await session.call("cmd2host_run_operation", say)).text).toContain("problem");
    expect((await session.client.listTools()).tools.length).toBeGreaterThan(0);
    await session.close();
  });
});
