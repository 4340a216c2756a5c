import { spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { ExecRequest, ExecResult } from "../../capnp/commando/schema.ts";
import type { OutputSink } from "../../wire/live.ts";
import { atEnd, tempDirectory } from "../fixtures/temp.ts";
import { agent, client, coded, command, Gate, Kept, NEVER } from "./agents.ts";
import { buildPeers, HAS_LIBCAPNP, needing } from "./compiler.ts";
import { ended } from "./scripted-host.ts";
import { ShellHost } from "./shell-host.ts";
import { until } from "./sockets.ts";

const KEY = "a key that is longer than one block of SHA-256, so that it is hashed first: 0123456789";
const TIMES = 5_000;

/** A program of ours in C++, with the lines that it says. */
class Peer {
  readonly lines: string[] = [];
  readonly process: ChildProcess;

  constructor(path: string, ...args: readonly string[]) {
    this.process = spawn(path, args, { stdio: ["pipe", "pipe", "inherit"] });
    if (this.process.stdout !== null) createInterface(this.process.stdout).on("line", (line) => this.lines.push(line));
    atEnd(() => {
      this.process.kill("SIGKILL");
    });
  }

  async says(line: RegExp): Promise<string> {
    const find = (): string | undefined => this.lines.find((one) => line.test(one));
    await until(() => find() !== undefined || this.process.exitCode !== null, String(line));
    return find() ?? `${String(line)} was never said, but ${this.lines.join(" / ")}`;
  }
}

/** Answers one command without a process: there are thousands of them. */
class QuickHost extends ShellHost {
  override async execStream(request: ExecRequest, output: OutputSink, signal: AbortSignal): Promise<ExecResult> {
    if (request.command !== "@echo hi") return super.execStream(request, output, signal);
    await output.write("stdout", Buffer.from("hi"));
    return ended(request);
  }
}

const NOTHING = { questions: 0, answers: 0, running: 0, exports: 0, imports: 0 };

describe.skipIf(!HAS_LIBCAPNP)(
  `libcapnp, an implementation that shares nothing with ours${needing(HAS_LIBCAPNP, "capnproto, libcapnp-dev and g++")}`,
  () => {
    let directory = "";

    beforeAll(async () => {
      directory = tempDirectory();
      await buildPeers(directory);
    });

    it("is a gateway that our agent serves", async () => {
      const host = new QuickHost({ psk: KEY });
      const { port, served, bugs } = await agent(host);
      const gateway = new Peer(join(directory, "client"), String(port), KEY, String(TIMES));
      await gateway.says(/^done$/);
      expect(gateway.lines).toEqual([
        "wrong key: remote exception: authentication failed: invalid HMAC",
        "no challenge: remote exception: no challenge nonce: call challenge first",
        "pipelined ping: sh 0.5.13",
        "version: 0.5.13",
        "exec: 3, 120012 and 100000 bytes, 110000 v499",
        "stream: 4 id-1 one|two|",
        "much: 20000000 and 1000 bytes",
        `again and again: ${2 * TIMES} bytes`,
        "after a cancelled command: sh",
        "done",
      ]);
      expect(host.aborted).toBe(1);
      await until(() => host.active === 0, "nothing runs any more");
      // What it has not let go: the authenticator, and the agent.
      await until(() => served[0]?.sizes.imports === 0, "the receivers were given back");
      expect(served[0]?.sizes).toMatchObject({ questions: 0, running: 0, exports: 2 });
      gateway.process.stdin?.end();
      await served[0]?.closed;
      expect(served[0]?.sizes).toEqual(NOTHING);
      expect(bugs).toEqual([]);
    });

    it("is an agent that our gateway uses", async () => {
      const theirs = new Peer(join(directory, "server"), KEY);
      const port = Number(await theirs.says(/^\d+$/));
      const gateway = await client(port, { psk: Buffer.from(KEY) });
      expect(await gateway.ping(NEVER)).toEqual({ hostname: "c++", uptimeSecs: 7, shell: "none", version: "0.5.13" });

      const variables = Array.from({ length: 500 }, (_, index) => [`K${index}`, "v"] as const);
      const extraEnv = new Map([["LONG", "x".repeat(110_000)], ...variables]);
      const result = await gateway.exec(command("120000 100000", { extraEnv, requestId: "r" }), NEVER);
      expect(result).toMatchObject({ exitCode: 501, durationMs: 110_500, truncated: true, requestId: "r" });
      expect(result.stdout.equals(Buffer.alloc(120_000, "o"))).toBe(true);
      expect(result.stderr.equals(Buffer.alloc(100_000, "e"))).toBe(true);

      const kept = new Kept();
      const streamed = await gateway.execStream(command("8000000 4096"), kept, NEVER);
      expect(streamed).toMatchObject({ exitCode: -1, timedOut: true, truncated: false, profilerJson: "{}" });
      expect(kept.of("stdout")).toBe("o".repeat(kept.of("stdout").length));
      expect(kept.of("stdout").length + kept.of("stderr").length).toBe(8_000_000);

      const gate = new Gate();
      const held = gateway.execStream(command("30000000 65536"), gate, NEVER);
      await until(() => gate.pieces === 2, "one piece of each stream was taken");
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(gate.pieces).toBe(2);
      gate.open();
      await held;
      expect(gate.taken).toBe(30_000_000);

      let bytes = 0;
      const counting: OutputSink = { write: (_, { length }) => void (bytes += length) };
      for (let time = 0; time < TIMES; time++) await gateway.execStream(command("2 2"), counting, NEVER);
      expect(bytes).toBe(2 * TIMES);
      await until(() => gateway.sizes.exports === 0, "all receivers were given back");
      expect(gateway.sizes).toEqual({ ...NOTHING, imports: 1 });

      await expect(gateway.exec(command("what?"), NEVER)).rejects.toEqual(coded("agent_full", /too many concurrent/));
      await expect(gateway.execStream(command("what?"), kept, NEVER)).rejects.toEqual(
        coded("rpc_failed", /what is that/),
      );
      expect(theirs.lines).toHaveLength(1);
    });

    it("is an agent that hears of a command that is not wanted any more, and of a connection that is closed", async () => {
      const theirs = new Peer(join(directory, "server"), KEY);
      const port = Number(await theirs.says(/^\d+$/));
      const gateway = await client(port, { psk: Buffer.from(KEY) });
      const cancel = new AbortController();
      const running = gateway.execStream(command("sleep"), new Kept(), cancel.signal);
      await theirs.says(/^sleeping$/);
      cancel.abort();
      await expect(running).rejects.toMatchObject({ code: "cancelled" });
      await theirs.says(/^closed$/);
      expect(theirs.lines.slice(1)).toEqual(["sleeping", "cancelled", "closed"]);
      await gateway.closed;
      await expect(client(port, { psk: Buffer.from("wrong") })).rejects.toMatchObject({ code: "target_key_mismatch" });
      await until(() => theirs.lines.length === 5, "that connection is closed as well");
    });
  },
);
