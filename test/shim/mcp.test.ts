import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { toolPath } from "../fixtures/backends/present.ts";
import { TOKEN } from "../fixtures/base.ts";
import { STDIN_END } from "../fixtures/frame-talk.ts";
import { atEnd, tempDirectory } from "../fixtures/temp.ts";
import { begin, withBridges, type Bridge, type Started } from "./bridges.ts";
import { exit, HELLO, output, scripted, started, type Peer } from "./scripted.ts";

/** MCP sessions of the bridge with daemons that go wrong without closing the connection. */

interface Answer {
  readonly id?: unknown;
  readonly method?: string;
  readonly error?: { readonly code: number; readonly message: string };
}

/** A client of MCP that speaks and hears single lines. */
class Talk {
  readonly #started: Started;
  readonly #lines: AsyncIterator<string>;

  constructor(bridge: Bridge, env: Readonly<Record<string, string>>) {
    this.#started = begin(bridge.as("cmd2host-mcp"), [], { env, leavesOutput: true });
    this.#lines = createInterface({ input: this.#started.child.stdout })[Symbol.asyncIterator]();
  }

  say(message: object): void {
    this.#started.child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
  }

  async hears(): Promise<Answer> {
    const { value } = (await this.#lines.next()) as { value: string };
    return JSON.parse(value) as Answer;
  }

  /** Closes the input; the exit code and what it said. */
  async ends(): Promise<readonly [number | null, string]> {
    this.#started.child.stdin.end();
    const { code, stderr } = await this.#started.ended;
    return [code, stderr];
  }
}

const INITIALIZE = { id: 1, method: "initialize", params: {} };

function answered(id: number): Buffer {
  return output(`${JSON.stringify({ jsonrpc: "2.0", id, result: {} })}\n`);
}

/** Waits until the client has said something with this in it. */
async function said(peer: Peer, text: string): Promise<void> {
  while (!peer.afterRequest().includes(text)) await new Promise((go) => setTimeout(go, 5));
}

/** A server that answers the first request, and then this one. */
async function serveWell(peer: Peer, id: number): Promise<void> {
  await peer.asked();
  peer.send(HELLO, started(1));
  await said(peer, '"initialize"');
  peer.send(answered(1));
  await said(peer, `"id":${String(id)},`);
  peer.send(answered(id));
  while (!peer.received.subarray(-5).equals(STDIN_END)) await new Promise((go) => setTimeout(go, 5));
  peer.send(exit(0));
}

withBridges("an MCP session of the bridge", (bridge) => {
  describe.concurrent("a daemon that takes the connection again and says nothing", () => {
    it.each([
      ["from the beginning", false],
      ["once its server has started", true],
    ])("is given up after 10 s, %s, and dialled again", async (_when, starts) => {
      const daemon = await scripted("unix", async (peer) => {
        const number = daemon.peers.length;
        if (number === 3) {
          await serveWell(peer, 2);
          return;
        }
        await peer.asked();
        if (number === 1) peer.send(HELLO, started(1));
        else if (starts) peer.send(HELLO, started(1));
        if (number === 2) return;
        await said(peer, '"initialize"');
        peer.send(answered(1));
        peer.socket.end();
      });
      const talk = new Talk(bridge, daemon.env);
      talk.say(INITIALIZE);
      expect(await talk.hears()).toMatchObject({ id: 1 });
      while (daemon.peers.length < 2) await new Promise((go) => setTimeout(go, 5));
      talk.say({ id: 2, method: "tools/list" });
      const heard = [await talk.hears(), await talk.hears()];
      expect(heard).toContainEqual(expect.objectContaining({ method: "notifications/tools/list_changed" }));
      expect(heard).toContainEqual({ jsonrpc: "2.0", id: 2, result: {} });
      expect(daemon.peers).toHaveLength(3);
      await daemon.peers[1]?.closed;
      const [code, stderr] = await talk.ends();
      expect(code).toBe(0);
      expect(stderr).toMatch(/said nothing for 10 s/);
    });
  });

  it("connects again when the daemon takes nothing any more although the connection is open, and loses no request silently", async () => {
    const path = join(tempDirectory(), "s");
    const script = fileURLToPath(new URL("../fixtures/deaf-daemon.py", import.meta.url));
    const daemon = spawn(toolPath("python3"), [script, path], { stdio: ["ignore", "pipe", "inherit"] });
    atEnd(() => {
      daemon.kill("SIGKILL");
    });
    await once(daemon.stdout, "data");
    const talk = new Talk(bridge, { HOST_CMD_PROXY_SOCKET: path, CMD2HOST_TOKEN: TOKEN });
    talk.say(INITIALIZE);
    expect(await talk.hears()).toMatchObject({ id: 1 });
    talk.say({ id: 2, method: "tools/call" });
    expect((await talk.hears()).error).toMatchObject({
      code: -32001,
      message: expect.stringContaining("was lost") as string,
    });
    talk.say({ id: 3, method: "tools/call" });
    const heard = [await talk.hears(), await talk.hears()];
    expect(heard).toContainEqual(expect.objectContaining({ method: "notifications/tools/list_changed" }));
    expect(heard).toContainEqual({ jsonrpc: "2.0", id: 3, result: {} });
    daemon.kill("SIGKILL");
    const [, stderr] = await talk.ends();
    expect(stderr).toMatch(/connection to the daemon was lost/);
  });
});
