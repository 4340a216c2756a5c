import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import {
  bytesContent,
  COMMAND_AGENT,
  execResults,
  OUTPUT_RECEIVER,
  outputParams,
  pongResults,
} from "../../../capnp/commando/schema.ts";
import type { Capability } from "../../../capnp/rpc/capability.ts";
import { RpcException } from "../../../capnp/rpc/exception.ts";
import type { IncomingCall } from "../../../capnp/rpc/object.ts";
import { atEnd } from "../../fixtures/temp.ts";
import { agent, client, coded, command, Gate, Kept, NEVER } from "../agents.ts";
import { aborted, ended, ScriptedHost } from "../scripted-host.ts";
import { closedPort, listening, until } from "../sockets.ts";
import { strangeAgent } from "./strange-agent.ts";

async function forever(): Promise<never> {
  return new Promise(() => undefined);
}

/** What the calls of a gateway to a strange agent return when nothing else is said. */
const RESULT = execResults(ended(command("")));

function receiverOf(call: IncomingCall): Capability {
  const receiver = call.capability(1);
  if (receiver === undefined) throw new Error("no receiver came");
  return receiver;
}

/** Sends output. Resolves when it was answered, in whatever way. */
async function output(receiver: Capability, stream: number, text: string | Buffer): Promise<void> {
  const { results } = receiver.call({
    interfaceId: OUTPUT_RECEIVER.id,
    method: OUTPUT_RECEIVER.receive,
    params: outputParams(stream, Buffer.from(text)),
    read: () => undefined,
  });
  await results.catch(() => undefined);
}

/** A port of this machine where a connection is never made. */
async function fullBacklog(): Promise<number> {
  const program = fileURLToPath(new URL("full-backlog.py", import.meta.url));
  const child = spawn("python3", [program], { stdio: ["pipe", "pipe", "inherit"] });
  atEnd(() => {
    child.kill();
  });
  const [port] = (await once(child.stdout, "data")) as [Buffer];
  return Number(port);
}

describe("a gateway that connects", () => {
  it("is let in with the right key, and can ask and run", async () => {
    const host = new ScriptedHost();
    const { port, served } = await agent(host);
    const gateway = await client(port);
    expect(gateway.agentVersion).toBe("0.5.13");
    expect(await gateway.ping(NEVER)).toEqual(host.ping());
    const result = await gateway.exec(command("x", { requestId: "r1" }), NEVER);
    expect(result).toMatchObject({ exitCode: 3, durationMs: 12, truncated: true, timedOut: false, requestId: "r1" });
    expect([String(result.stdout), String(result.stderr)]).toEqual(["out\n", "err\n"]);
    const kept = new Kept();
    await expect(gateway.execStream(command("x"), kept, NEVER)).resolves.toMatchObject({
      exitCode: 3,
      profilerJson: '{"execute_ms":1.5}',
    });
    expect([kept.of("stdout"), kept.of("stderr")]).toEqual(["out\n", "err\n"]);
    expect(gateway.sizes).toEqual({ questions: 0, answers: 0, running: 0, exports: 0, imports: 1 });
    gateway.close();
    await gateway.closed;
    await served[0]?.closed;
  });

  it("hears target_key_mismatch with a wrong one, and leaves no connection behind", async () => {
    const { port, served } = await agent(new ScriptedHost());
    await expect(client(port, { psk: Buffer.from("wrong") })).rejects.toMatchObject({ code: "target_key_mismatch" });
    await served[0]?.closed;
  });

  it("hears target_unreachable when nobody is there", async () => {
    const port = await closedPort();
    await expect(client(port)).rejects.toEqual(coded("target_unreachable", /127\.0\.0\.1.*ECONNREFUSED/));
    await expect(client(port, { host: "::1" })).rejects.toEqual(coded("target_unreachable", /\[::1\]/));
  });

  it("hears target_unreachable of an agent to which no connection is made in time", async () => {
    const port = await fullBacklog();
    await expect(client(port, { connectTimeoutMs: 50 })).rejects.toEqual(
      coded("target_unreachable", /^no connection to 127\.0\.0\.1:\d+ within 50 ms$/),
    );
    const cancel = new AbortController();
    const connecting = client(port, { signal: cancel.signal });
    await new Promise((resolve) => setTimeout(resolve, 50));
    cancel.abort();
    await expect(connecting).rejects.toMatchObject({ code: "cancelled" });
  });

  it("hears target_unreachable of an agent that does not answer in time", async () => {
    let closed = 0;
    const port = await listening((socket) => {
      socket.resume();
      socket.once("close", () => closed++);
    });
    await expect(client(port, { replyTimeoutMs: 50 })).rejects.toEqual(
      coded("target_unreachable", /did not answer within 50 ms/),
    );
    await until(() => closed === 1, "the connection is closed");
  });

  it("hears target_unreachable when the agent goes away", async () => {
    const port = await listening((socket) => {
      socket.destroy();
    });
    await expect(client(port)).rejects.toMatchObject({ code: "target_unreachable" });
  });

  it("hears rpc_failed of something that is no agent", async () => {
    const port = await listening((socket) => {
      socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    await expect(client(port)).rejects.toEqual(coded("rpc_failed", /does not keep to the protocol/));
  });

  it("stops when it is not wanted any more, at every step", async () => {
    const { port } = await agent(new ScriptedHost());
    await expect(client(port, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "cancelled" });
    for (const behaviour of [{ challenge: forever }, { authenticate: forever }]) {
      const strange = await strangeAgent(behaviour);
      const cancel = new AbortController();
      const dialling = client(strange.port, { signal: cancel.signal });
      await until(() => strange.connections[0]?.sizes.running === 1, "it was asked");
      cancel.abort();
      await expect(dialling).rejects.toMatchObject({ code: "cancelled" });
      await strange.connections[0]?.closed;
    }
  });

  it("proves its key for nonces only: a challenge of any other length is refused", async () => {
    const { port, connections } = await strangeAgent({ challenge: () => bytesContent(Buffer.from("GET /secret")) });
    await expect(client(port)).rejects.toEqual(coded("rpc_failed", /11 bytes instead of 32/));
    await connections[0]?.closed;
  });

  it.each([
    ["nothing to call", (): undefined => undefined, "rpc_failed"],
    [
      "an exception",
      (): never => {
        throw new RpcException("overloaded", "not now");
      },
      "rpc_failed",
    ],
    [
      "a refusal",
      (): never => {
        throw new RpcException("failed", "no");
      },
      "target_key_mismatch",
    ],
    [
      "a goodbye",
      (): never => {
        throw new RpcException("disconnected", "bye");
      },
      "target_unreachable",
    ],
  ] as const)("and is answered with %s", async (_, authenticate, code) => {
    const { port } = await strangeAgent({ authenticate });
    await expect(client(port)).rejects.toMatchObject({ code });
  });
});

describe("what an agent says", () => {
  it("is made printable and short", async () => {
    const { port } = await strangeAgent({
      call: ({ method }) => {
        if (method === COMMAND_AGENT.ping)
          return pongResults({ hostname: "a\u001b[2J", uptimeSecs: 2 ** 60, shell: "s\n", version: "\u202ev" });
        throw new RpcException("failed", `\u001b]0;x\u0007${"y".repeat(100_000)}`);
      },
    });
    const gateway = await client(port);
    expect(gateway.agentVersion).toBe("0.0\\x1b[31m");
    expect(await gateway.ping(NEVER)).toEqual({
      hostname: "a\\x1b[2J",
      uptimeSecs: Number.MAX_SAFE_INTEGER,
      shell: "s\\n",
      version: "\\u202ev",
    });
    const failed = await gateway.exec(command("x"), NEVER).catch((error: unknown) => error);
    expect(failed).toMatchObject({ code: "rpc_failed" });
    expect((failed as Error).message).toMatch(/\\x1b\]0;x\\ay+… \(\d+ more bytes\)$/);
    expect((failed as Error).message.length).toBeLessThan(700);
  });

  it("may be that it is full", async () => {
    const { port } = await agent(new ScriptedHost());
    const gateway = await client(port);
    await expect(gateway.exec(command("full"), NEVER)).rejects.toMatchObject({ code: "agent_full" });
    await expect(gateway.execStream(command("full"), new Kept(), NEVER)).rejects.toMatchObject({ code: "agent_full" });
  });

  it("may not be readable: the call fails, and the connection goes on", async () => {
    const { port } = await strangeAgent({
      call: ({ method }) => (method === COMMAND_AGENT.ping ? bytesContent(Buffer.from("no struct")) : RESULT),
    });
    const gateway = await client(port);
    await expect(gateway.ping(NEVER)).rejects.toEqual(coded("rpc_failed", /struct is expected/));
    await expect(gateway.exec(command("x"), NEVER)).resolves.toMatchObject({ exitCode: 0 });
  });

  it("may come too late, or never", async () => {
    const { port, connections } = await strangeAgent({ call: forever });
    const gateway = await client(port, { replyTimeoutMs: 100 });
    await expect(gateway.ping(NEVER)).rejects.toMatchObject({ code: "target_unreachable" });
    await gateway.closed;
    await connections[0]?.closed;
    await expect(gateway.ping(NEVER)).rejects.toMatchObject({ code: "target_unreachable" });
  });
});

describe("a request", () => {
  it("reaches the host as it was made", async () => {
    const host = new ScriptedHost();
    const gateway = await client((await agent(host)).port);
    const request = command("printf 'ä\n' \"$X\" \\; #", {
      workDir: "/tmp/ö",
      timeoutSecs: 4_294_967_295,
      extraEnv: new Map([
        ["X", "1 2"],
        ["EMPTY", ""],
      ]),
      requestId: "r",
    });
    await gateway.exec(request, NEVER);
    await gateway.execStream(command(""), new Kept(), NEVER);
    await gateway.exec(command("x", { timeoutSecs: -1 }), NEVER);
    expect(host.requests).toEqual([request, command(""), command("x", { timeoutSecs: 0 })]);
  });

  it("that is too large is not sent", async () => {
    const gateway = await client((await agent(new ScriptedHost())).port);
    await expect(gateway.exec(command("x".repeat(70_000_000)), NEVER)).rejects.toMatchObject({ code: "rpc_failed" });
    await expect(gateway.ping(NEVER)).resolves.toBeDefined();
  });
});

describe("a command that is not wanted any more", () => {
  it.each(["exec", "execStream"] as const)(
    "is finished at the agent, and the connection closed: %s",
    async (method) => {
      const host = new ScriptedHost();
      const { port, served } = await agent(host);
      const gateway = await client(port);
      const cancel = new AbortController();
      const running =
        method === "exec"
          ? gateway.exec(command("sleep"), cancel.signal)
          : gateway.execStream(command("sleep"), new Kept(), cancel.signal);
      await until(() => host.requests.length === 1, "it runs");
      cancel.abort();
      await expect(running).rejects.toMatchObject({ code: "cancelled" });
      await until(() => host.aborted === 1, "the agent ends it");
      await gateway.closed;
      await served[0]?.closed;
    },
  );

  it("leaves the others alone that run on the same connection", async () => {
    const host = new ScriptedHost();
    const { port } = await agent(host);
    const gateway = await client(port);
    const [one, other] = [new AbortController(), new AbortController()];
    const first = gateway.exec(command("sleep"), one.signal);
    const second = gateway.exec(command("sleep"), other.signal);
    await until(() => host.requests.length === 2, "both run");
    one.abort();
    await expect(first).rejects.toMatchObject({ code: "cancelled" });
    await until(() => host.aborted === 1, "the agent ends it");
    await expect(gateway.ping(NEVER)).resolves.toBeDefined();
    other.abort();
    await expect(second).rejects.toMatchObject({ code: "cancelled" });
    await gateway.closed;
  });

  it("closes the connection also when all that run there are given up at once", async () => {
    const host = new ScriptedHost();
    const { port, served } = await agent(host);
    const gateway = await client(port);
    const cancel = new AbortController();
    const running = [gateway.exec(command("sleep"), cancel.signal), gateway.exec(command("sleep"), cancel.signal)];
    await until(() => host.requests.length === 2, "both run");
    cancel.abort();
    for (const one of running) await expect(one).rejects.toMatchObject({ code: "cancelled" });
    await served[0]?.closed;
    expect(host.aborted).toBe(2);
  });

  it("is not begun when it was not wanted from the start", async () => {
    const host = new ScriptedHost();
    const gateway = await client((await agent(host)).port);
    await expect(gateway.exec(command("sleep"), AbortSignal.abort())).rejects.toMatchObject({ code: "cancelled" });
    await expect(gateway.ping(AbortSignal.abort())).rejects.toMatchObject({ code: "cancelled" });
    await expect(gateway.ping(NEVER)).resolves.toBeDefined();
    expect(host.requests).toEqual([]);
  });

  it("ends as well when its gateway closes the connection", async () => {
    const host = new ScriptedHost();
    const gateway = await client((await agent(host)).port);
    const running = gateway.execStream(command("sleep"), new Kept(), NEVER);
    await until(() => host.requests.length === 1, "it runs");
    gateway.close();
    await expect(running).rejects.toMatchObject({ code: "target_unreachable" });
    await until(() => host.aborted === 1, "the agent ends it");
  });
});

describe("an agent that falls silent while a command runs", () => {
  it("is pinged, and given up when it does not answer", async () => {
    const pings: number[] = [];
    const { port } = await strangeAgent({
      call: async (call) => {
        if (call.method === COMMAND_AGENT.ping) pings.push(1);
        return forever();
      },
    });
    const gateway = await client(port, { replyTimeoutMs: 60 });
    await expect(gateway.execStream(command("x"), new Kept(), NEVER)).rejects.toEqual(
      coded("target_unreachable", /nothing came for 120 ms/),
    );
    expect(pings).toEqual([1]);
  });

  it("is left alone as long as it answers, however long the command takes", async () => {
    let pings = 0;
    const { port } = await strangeAgent({
      call: async (call) => {
        if (call.method === COMMAND_AGENT.ping) {
          pings++;
          return pongResults(new ScriptedHost().ping());
        }
        await until(() => pings >= 3, "it was pinged three times");
        return RESULT;
      },
    });
    const gateway = await client(port, { replyTimeoutMs: 60 });
    await expect(gateway.exec(command("x"), NEVER)).resolves.toMatchObject({ exitCode: 0 });
  });

  it("is left alone while it is us who do not read", async () => {
    const { port } = await strangeAgent({
      call: async (call) => {
        const receiver = receiverOf(call);
        await Promise.all(Array.from({ length: 40 }, async () => output(receiver, 0, Buffer.alloc(65_536))));
        return RESULT;
      },
    });
    const gateway = await client(port, { replyTimeoutMs: 60 });
    const gate = new Gate();
    const running = gateway.execStream(command("x"), gate, NEVER);
    await new Promise((resolve) => setTimeout(resolve, 400));
    gate.open();
    await expect(running).resolves.toMatchObject({ exitCode: 0 });
  });
});

describe("output", () => {
  /** A sink that takes one piece, and then another whenever it is let. */
  function slow() {
    const taken: string[] = [];
    const gates: (() => void)[] = [];
    return {
      taken,
      let: () => gates.shift()?.(),
      letAll: () => {
        for (const gate of gates.splice(0)) gate();
      },
      sink: {
        write: async (stream: string, bytes: Buffer): Promise<void> => {
          taken.push(`${stream} ${bytes.length > 20 ? bytes.length : bytes.toString()}`);
          return new Promise<void>((resolve) => gates.push(resolve));
        },
      },
    };
  }

  it("is answered when it was taken, each stream in its order and for itself", async () => {
    const answered: string[] = [];
    const { port } = await strangeAgent({
      call: async (call) => {
        const receiver = receiverOf(call);
        const pieces = [
          [0, "a"],
          [0, "b"],
          [1, "c"],
          [0, "d"],
          [2, "of no stream"],
          [0, ""],
          [1, "e"],
        ] as const;
        await Promise.all(
          pieces.map(async ([stream, text]) => output(receiver, stream, text).then(() => answered.push(text))),
        );
        return RESULT;
      },
    });
    const gateway = await client(port);
    const { taken, let: letOne, letAll, sink } = slow();
    const running = gateway.execStream(command("x"), sink, NEVER);
    await until(() => answered.length === 2, "what is nothing was answered");
    expect(taken).toEqual(["stdout a", "stderr c"]);
    expect(answered.sort()).toEqual(["", "of no stream"]);
    letOne();
    await until(() => taken.length === 3, "the next one was taken");
    expect(taken[2]).toBe("stdout b");
    const timer = setInterval(letAll, 1);
    await running;
    clearInterval(timer);
    expect(taken.filter((piece) => piece.startsWith("stdout"))).toEqual(["stdout a", "stdout b", "stdout d"]);
    expect(taken.filter((piece) => piece.startsWith("stderr"))).toEqual(["stderr c", "stderr e"]);
    expect(answered).toHaveLength(7);
  });

  it("of an agent that never waits holds the connection, and does not fill memory", async () => {
    const pieces = 1_500;
    const { port, sockets } = await strangeAgent({
      call: async (call) => {
        const receiver = receiverOf(call);
        await Promise.all(Array.from({ length: pieces }, async () => output(receiver, 0, Buffer.alloc(65_536, 1))));
        return RESULT;
      },
    });
    const gateway = await client(port);
    const gate = new Gate();
    const running = gateway.execStream(command("x"), gate, NEVER);
    await until(() => (sockets[0]?.writableLength ?? 0) > 50_000_000, "the agent cannot get rid of its output");
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(sockets[0]?.writableLength).toBeGreaterThan(50_000_000);
    expect(gateway.sizes.answers).toBeLessThan(40);
    expect(gate.taken).toBe(65_536);
    gate.open();
    await expect(running).resolves.toMatchObject({ exitCode: 0 });
    expect(gate.taken).toBe(pieces * 65_536);
  });

  it("in very many small pieces holds the connection as well", async () => {
    const { port } = await strangeAgent({
      call: async (call) => {
        const receiver = receiverOf(call);
        await Promise.all(Array.from({ length: 20_000 }, async () => output(receiver, 0, "x")));
        return RESULT;
      },
    });
    const gateway = await client(port);
    const gate = new Gate();
    const running = gateway.execStream(command("x"), gate, NEVER);
    await until(() => gateway.sizes.answers > 256, "much has come");
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(gateway.sizes.answers).toBeLessThan(2_000);
    gate.open();
    await running;
    expect(gate.pieces).toBe(20_000);
  });

  it("that came before a failure is delivered before the failure is told", async () => {
    const { port } = await strangeAgent({
      call: async (call) => {
        const receiver = receiverOf(call);
        void output(receiver, 0, "a");
        void output(receiver, 0, "b");
        return Promise.reject(new RpcException("failed", "it broke"));
      },
    });
    const gateway = await client(port);
    const { taken, letAll, sink } = slow();
    const timer = setInterval(letAll, 5);
    await expect(gateway.execStream(command("x"), sink, NEVER)).rejects.toMatchObject({ code: "rpc_failed" });
    clearInterval(timer);
    expect(taken).toEqual(["stdout a", "stdout b"]);
  });

  it("that comes before the end of a command is delivered before the end is told, also when the agent does not wait", async () => {
    const { port } = await strangeAgent({
      call: (call) => {
        const receiver = receiverOf(call);
        void output(receiver, 0, "a");
        void output(receiver, 0, "b");
        return RESULT;
      },
    });
    const gateway = await client(port);
    const { taken, letAll, sink } = slow();
    const timer = setInterval(letAll, 5);
    await gateway.execStream(command("x"), sink, NEVER);
    clearInterval(timer);
    expect(taken).toEqual(["stdout a", "stdout b"]);
    await until(() => gateway.sizes.exports === 0, "the receiver is given back");
  });

  it("is dropped when the command is not wanted any more, and nobody waits for a sink that takes nothing", async () => {
    const { port } = await strangeAgent({
      call: async (call) => {
        const receiver = receiverOf(call);
        await Promise.all(Array.from({ length: 100 }, async () => output(receiver, 0, Buffer.alloc(65_536))));
        return RESULT;
      },
    });
    const gateway = await client(port);
    const cancel = new AbortController();
    const { taken, sink } = slow();
    const running = gateway.execStream(command("x"), sink, cancel.signal);
    await until(() => taken.length === 1, "output comes");
    cancel.abort();
    await expect(running).rejects.toMatchObject({ code: "cancelled" });
    await gateway.closed;
    expect(taken).toHaveLength(1);
  });

  it("can go nowhere else: what is called at a receiver is told that it is one", async () => {
    const { port } = await strangeAgent({
      call: async (call) => {
        const receiver = receiverOf(call);
        const other = receiver.call({ interfaceId: OUTPUT_RECEIVER.id, method: 1, read: () => undefined });
        await expect(other.results).rejects.toMatchObject({ kind: "unimplemented" });
        const another = receiver.call({ interfaceId: 1n, method: 0, read: () => undefined });
        await expect(another.results).rejects.toMatchObject({ kind: "unimplemented" });
        return RESULT;
      },
    });
    const gateway = await client(port);
    await expect(gateway.execStream(command("x"), new Kept(), NEVER)).resolves.toMatchObject({ exitCode: 0 });
  });
});

describe("messages of an agent", () => {
  it("may be large only while a result is expected that holds all output", async () => {
    const large = execResults({ ...ended(command("")), stdout: Buffer.alloc(2_000_000) });
    const { port } = await strangeAgent({ call: () => large });
    const gateway = await client(port);
    await expect(gateway.exec(command("x"), NEVER)).resolves.toMatchObject({ exitCode: 0 });
    await expect(gateway.execStream(command("x"), new Kept(), NEVER)).rejects.toEqual(
      coded("rpc_failed", /at most 1048576 are accepted/),
    );
    await gateway.closed;
  });

  it("may not call anything else of ours", async () => {
    const { port, connections } = await strangeAgent({
      call: async ({ signal }) => aborted(signal).then(() => undefined),
    });
    const gateway = await client(port);
    const asked = connections[0]?.bootstrap().call({ interfaceId: 1n, method: 0, read: () => undefined });
    await expect(asked?.results).rejects.toThrow("nothing to be called");
    await expect(gateway.ping(AbortSignal.timeout(50))).rejects.toMatchObject({ code: "cancelled" });
  });
});
