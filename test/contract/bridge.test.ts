import { rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { blake3Hex } from "../../host/util/hash.ts";
import { FRAME, frameHeader, PREFACE } from "../../wire/frames.ts";
import type { OperationTemplate } from "../../wire/schema.ts";
import { argumentsOf, environmentOf, isGoneWithin, pidIn, processesWith } from "../exec/processes.ts";
import { defaultBase, TOKEN } from "../fixtures/base.ts";
import { argvBytes, mcpBytes } from "../fixtures/bridge-bytes.ts";
import { startDaemon } from "../fixtures/daemon.ts";
import { CANCEL, FrameTalk, requestBytes, STDIN_END, stdinBytes, type Got } from "../fixtures/frame-talk.ts";
import { McpTalk } from "../fixtures/mcp-talk.ts";
import { fixturePrograms, tempDirectory } from "../fixtures/temp.ts";

/** What a client that knows no JSON sends and gets: command lines, and sessions with the MCP server. */

const programs = fixturePrograms();
const text = { text: { type: "string" } };
const operations: Readonly<Record<string, OperationTemplate>> = {
  say: { command: `${programs}/say`, args_template: ["out", "{text}"], params: text },
  code: { command: `${programs}/exit-with`, args_template: ["{code}", "bye"], params: { code: { type: "integer" } } },
  upper: { command: "/usr/bin/tr", args_template: ["a-z", "A-Z"], stdin: "optional" },
  wait: { command: `${programs}/say-and-wait`, args_template: ["60", "{text}"], params: text },
  cut: { command: "/bin/echo", args_template: ["{text}"], params: text, max_stdout_bytes: 3 },
};
const { base } = defaultBase({ allowed_operations: Object.keys(operations), operations });
const daemon = await startDaemon(base);

/** The MCP servers that the daemon has started. */
function servers(): readonly number[] {
  return processesWith(`-socket ${daemon.address.path}`);
}

async function all(...parts: readonly Buffer[]): Promise<readonly Got[]> {
  const got = await (await FrameTalk.open(daemon.address, ...parts)).ended;
  return got.filter(({ name }) => name !== "hello");
}

async function typed(words: readonly (string | Buffer)[], token = TOKEN): Promise<readonly Got[]> {
  return all(argvBytes(token, words));
}

describe("a command line by frames", () => {
  it("runs, and gives a byte for the start, both streams as they are, and a byte for the end", async () => {
    const got = await typed(["say", "out", "problem"]);
    expect([got.at(0), got.at(-1)]).toEqual([
      { name: "started", payload: 0 },
      { name: "exit", payload: 0 },
    ]);
    // What may be the beginning of a secret comes behind the rest.
    const text = (stream: string): string =>
      got.flatMap(({ name, payload }) => (name === stream ? [String(payload)] : [])).join("");
    expect([text("stdout"), text("stderr")]).toEqual(["out", "problem"]);
    expect((await typed(["exit-with", "7", "bye"])).at(-1)).toEqual({ name: "exit", payload: 7 });
    expect((await typed(["exit-with", "255", "bye"])).at(-1)).toEqual({ name: "exit", payload: 255 });
  });

  it("gets a denial in words on standard error, with the exit code for it", async () => {
    const [said, exit, ...more] = await typed(["gh", "pr", "merge"]);
    expect(said?.name).toBe("stderr");
    expect(said?.payload).toMatch(/^cmd2host: no allowed operation matches command "gh"/);
    expect(said?.payload).toContain("mcp__cmd2host__cmd2host_list_operations");
    expect([exit, more]).toEqual([{ name: "exit", payload: 220 }, []]);
    expect((await typed(["say", "out", "x"], "0".repeat(64))).at(-1)).toEqual({ name: "exit", payload: 220 });
  });

  it("is told what was cut", async () => {
    const got = await typed(["echo", "abcdef"]);
    expect(got.find(({ name }) => name === "stderr")?.payload).toMatch(/^cmd2host: stdout truncated by host daemon/);
    expect(got.at(-1)).toEqual({ name: "exit", payload: 0 });
  });

  it("sends standard input when it offered some and the program reads it", async () => {
    const offered = argvBytes(TOKEN, ["tr", "a-z", "A-Z"], { options: "s" });
    expect(await all(offered, stdinBytes("hello"), STDIN_END)).toEqual([
      { name: "started", payload: 1 },
      { name: "stdout", payload: "HELLO" },
      { name: "exit", payload: 0 },
    ]);
    expect((await all(argvBytes(TOKEN, ["say", "out", "x"], { options: "s" })))[0]).toEqual({
      name: "started",
      payload: 0,
    });
    const refused = await all(argvBytes(TOKEN, ["tr", "a-z", "A-Z"]), stdinBytes("not offered"));
    expect(refused.at(-1)).toEqual({ name: "exit", payload: expect.any(Number) as number });
    expect(refused.find(({ name }) => name === "stderr")?.payload).toContain("may not come here");
  });

  it("is cancelled, with everything that it started", async () => {
    const file = join(tempDirectory(), "pids");
    const talk = await FrameTalk.open(daemon.address, argvBytes(TOKEN, ["say-and-wait", "60", file]));
    await talk.until("stdout");
    const pid = await pidIn(file);
    talk.send(CANCEL);
    const got = await talk.ended;
    expect(got.at(-1)).toEqual({ name: "exit", payload: 143 });
    const said = got.filter(({ name }) => name === "stderr").map(({ payload }) => payload);
    expect(said.join("")).toContain("cmd2host: Command cancelled");
    expect(await isGoneWithin(pid, 5_000)).toBe(true);
  });

  it("that is no command line is refused in words", async () => {
    const half = Buffer.concat([PREFACE, frameHeader(FRAME.argv, 3), Buffer.from("abc")]);
    for (const bytes of [half, argvBytes(TOKEN, []), argvBytes(TOKEN, ["say", Buffer.from([0xff]), "x"])]) {
      const got = await all(bytes);
      expect(got.map(({ name }) => name)).toEqual(["stderr", "exit"]);
      expect(got[0]?.payload).toMatch(/^cmd2host: Invalid request: /);
      expect(got[1]?.payload).toBe(220);
    }
    const tooLong = Buffer.concat([PREFACE, frameHeader(FRAME.mcp, 65_537)]);
    expect((await all(tooLong)).at(-1)).toMatchObject({ name: "outcome", payload: { code: "frame_too_large" } });
  });
});

describe("an MCP session by frames", () => {
  it("is with a server that the daemon started for it: it lists, runs, and ends when its client does", async () => {
    const mcp = await McpTalk.open(daemon.address, ["-tools", "generic"]);
    const tools = JSON.stringify(await mcp.ask({ id: 2, method: "tools/list" }));
    expect(tools).toContain("cmd2host_run_operation");
    expect(tools).not.toContain('"name":"upper"');
    const run = await mcp.call(3, "cmd2host_run_operation", { operation_id: "say", params: { text: "problem" } });
    expect(run).toContain("problem");
    mcp.talk.send(STDIN_END);
    expect((await mcp.talk.ended).at(-1)).toEqual({ name: "exit", payload: 0 });
    const logged = daemon.lines.filter(({ fields }) => fields["source"] === "mcp_session");
    expect(logged[0]?.fields).toMatchObject({ session: blake3Hex(TOKEN).slice(0, 8) });
    expect(JSON.stringify(daemon.lines)).not.toContain(TOKEN);
  });

  it("has one process, gone with its client", async () => {
    const mcp = await McpTalk.open(daemon.address);
    const pids = servers();
    expect(pids).toHaveLength(1);
    mcp.talk.socket.destroy();
    for (const pid of pids) expect(await isGoneWithin(pid, 5_000)).toBe(true);
  });

  it("has the token in its environment and nothing else of the host", async () => {
    const mcp = await McpTalk.open(daemon.address);
    const [pid = 0] = servers();
    const names = environmentOf(pid).map((line) => line.split("=")[0]);
    expect(names.sort()).toEqual(["CMD2HOST_HOSTED", "CMD2HOST_RUN", "CMD2HOST_TOKEN", "GIT_CEILING_DIRECTORIES"]);
    expect(argumentsOf(pid).join(" ")).not.toContain(TOKEN);
    mcp.talk.socket.destroy();
    await isGoneWithin(pid, 5_000);
  });

  it("is denied without a valid token, and says what is wrong with options", async () => {
    const denied = await all(mcpBytes("0".repeat(64)));
    expect(denied.at(-1)).toEqual({ name: "exit", payload: 220 });
    expect(denied[0]?.payload).toContain("Authentication failed");
    const wrong = await all(mcpBytes(TOKEN, ["-socket", "/run/x"]));
    expect(wrong[0]?.payload).toContain('cmd2host-mcp has no option "-socket" here');
    expect((await all(mcpBytes(TOKEN, ["-tools", "all"])))[0]?.payload).toContain("/mcp_session/tools");
  });

  it("ends without a word when its token does, so that its client comes again with another", async () => {
    const other = "b".repeat(64);
    base.writeToken(other, { repo: "owner/repo" });
    const mcp = await McpTalk.open(daemon.address, [], other);
    rmSync(join(base.directory.tokens, blake3Hex(other)));
    expect((await mcp.talk.ended).map(({ name }) => name)).not.toContain("exit");
  });

  it("is one of eight at most with one token", async () => {
    const other = "c".repeat(64);
    base.writeToken(other, { repo: "owner/repo" });
    const talks: FrameTalk[] = [];
    for (let count = 0; count < 8; count++) talks.push(await FrameTalk.open(daemon.address, mcpBytes(other)));
    await Promise.all(talks.map(async (talk) => talk.until("started")));
    const ninth = await all(mcpBytes(other));
    expect(ninth.at(-2)?.payload).toContain("8 MCP sessions are open with this token");
    for (const talk of talks) talk.socket.destroy();
  });

  it("goes with frames and standard input only", async () => {
    const ask = { mcp_session: {}, token: TOKEN };
    expect((await all(requestBytes(ask))).at(-1)).toMatchObject({
      name: "outcome",
      payload: { outcome: "denied", code: "request_invalid" },
    });
    const asJson = await FrameTalk.open(daemon.address, requestBytes({ ...ask, stdin: true }), STDIN_END);
    expect((await asJson.ended).map(({ name }) => name)).toEqual(["hello", "accepted", "outcome"]);
  });
});
