import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { OperationReply } from "../../wire/schema.ts";
import { defaultBase, TOKEN } from "../fixtures/base.ts";
import { startDaemon } from "../fixtures/daemon.ts";
import { connect, list, run, send } from "../fixtures/exchange.ts";
import { fixturePrograms, tempDirectory } from "../fixtures/temp.ts";

const programs = fixturePrograms();
const directory = tempDirectory();
const pidFile = { file: { type: "string" } };
const { base } = defaultBase({
  allowed_operations: ["stubborn", "detached", "grandchild", "flood", "pattern"],
  operations: {
    stubborn: { command: `${programs}/ignore-term`, args_template: ["60", "{file}"], params: pidFile, timeout: 1 },
    detached: { command: `${programs}/detach`, args_template: ["60", "{file}"], params: pidFile, timeout: 1 },
    grandchild: { command: `${programs}/leave-grandchild`, args_template: ["60", "{file}"], params: pidFile },
    flood: { command: `${programs}/write-bytes`, args_template: ["300000000"], max_stdout_bytes: 1_000 },
    pattern: {
      command: "/bin/true",
      args_template: ["{p}"],
      params: { p: { type: "string", pattern: "^([a-zA-Z0-9._-]+/?)+$" } },
    },
  },
});
const { address } = await startDaemon(base);

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A zombie is not alive, it only waits to be read.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

async function pidFrom(file: string): Promise<number> {
  for (let tries = 0; tries < 200; tries++) {
    const text = existsSync(file) ? readFileSync(file, "utf8").trim() : "";
    if (text !== "") return Number(text);
    await sleep(20);
  }
  throw new Error("no pid was written");
}

async function isGoneSoon(pid: number): Promise<boolean> {
  for (let tries = 0; tries < 200 && isAlive(pid); tries++) await sleep(25);
  return !isAlive(pid);
}

describe.runIf(process.platform === "linux")("the process tree of a command", () => {
  it("is gone after a time limit, also when it ignores TERM [promise 10]", async () => {
    const file = join(directory, "stubborn");
    const reply = await run(address, { operation: "stubborn", params: { file } });
    expect(reply).toMatchObject({ exit_code: 124, code: "timed_out" });
    expect(await isGoneSoon(await pidFrom(file))).toBe(true);
  });

  it("is gone also where it left the process group [promise 10]", async () => {
    const file = join(directory, "detached");
    const reply = await run(address, { operation: "detached", params: { file } });
    expect(reply.code).toBe("timed_out");
    expect(await isGoneSoon(await pidFrom(file))).toBe(true);
  });

  it("does not hold the reply of a command that has ended, and does not outlive it [promise 10]", async () => {
    const file = join(directory, "grandchild");
    const started = performance.now();
    const reply = await run(address, { operation: "grandchild", params: { file } });
    expect(performance.now() - started).toBeLessThan(10_000);
    expect(reply).toMatchObject({ exit_code: 0, stdout: "started\n" });
    expect(await isGoneSoon(await pidFrom(file))).toBe(true);
  });

  it("is gone when the client goes away, half-closed or not [promise 10]", async () => {
    for (const halfClose of [false, true]) {
      const file = join(directory, `client-${String(halfClose)}`);
      const socket = await connect(address);
      socket.write(JSON.stringify({ operation: "grandchild_missing", token: TOKEN }));
      socket.destroy();
      const other = await connect(address);
      other.on("error", () => undefined);
      other.write(JSON.stringify({ operation: "detached", params: { file }, token: TOKEN }));
      if (halfClose) other.end();
      const pid = await pidFrom(file);
      other.destroy();
      expect(await isGoneSoon(pid)).toBe(true);
    }
  });
});

describe("a flood", () => {
  it("of output is counted and not kept [promise 9]", async () => {
    const before = process.memoryUsage().rss;
    const reply = await run(address, { operation: "flood" });
    expect(reply).toMatchObject({ stdout_truncated: true, stdout_original_bytes: 300_000_000 });
    expect(reply.stdout).toHaveLength(1_000);
    expect((process.memoryUsage().rss - before) / 1e6).toBeLessThan(150);
  });

  it("of idle and slow connections keeps nobody out [promise 9]", async () => {
    const idle = await Promise.all(Array.from({ length: 400 }, async () => connect(address)));
    for (const [index, socket] of idle.entries()) {
      socket.on("error", () => undefined);
      if (index % 2 === 0) socket.write('{"operation":');
    }
    for (let index = 0; index < 10; index++) expect((await list(address)).operations).toHaveLength(5);
    for (const socket of idle) socket.destroy();
  });

  it("of guessed tokens keeps nobody out [promise 9]", async () => {
    const guesses = Array.from({ length: 150 }, async (_, index) =>
      send(address, [JSON.stringify({ list_operations: true, token: index.toString(16).padStart(64, "0") })]).catch(
        () => undefined,
      ),
    );
    await sleep(100);
    expect((await list(address)).operations).toHaveLength(5);
    const answers = (await Promise.all(guesses)).filter(
      (answer) => answer?.text.includes("Authentication failed") === true,
    );
    expect(answers.length).toBeGreaterThan(0);
    expect(answers.length).toBeLessThan(150);
  });

  it("of backtracking costs nothing: patterns are matched in linear time [promise 9]", async () => {
    const p = `${"a".repeat(20_000)}!`;
    const reply = await run(address, { operation: "pattern", params: { p } });
    expect(reply.code).toBe("param_invalid");
  });

  it("of nesting, members and long names is refused [promise 9]", async () => {
    const hostile = [
      "[".repeat(60_000),
      `{"operation":"a","params":${'{"a":'.repeat(5_000)}`,
      `{"${"k".repeat(5_000)}":1}`,
    ];
    for (const text of hostile) {
      const reply = JSON.parse((await send(address, [text])).text) as OperationReply;
      expect(reply.denied_reason).toContain("Invalid JSON:");
    }
  });
});
