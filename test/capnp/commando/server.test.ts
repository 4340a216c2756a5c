import { createHmac } from "node:crypto";
import { createConnection } from "node:net";
import { describe, expect, it } from "vitest";
import { Attempts } from "../../../capnp/commando/attempts.ts";
import { GATEWAY } from "../../../capnp/commando/limits.ts";
import {
  AUTHENTICATOR,
  bytesContent,
  COMMAND_AGENT,
  execParams,
  readPong,
  readResult,
  type ExecRequest,
  type ExecResult,
} from "../../../capnp/commando/schema.ts";
import type { Capability, CallRequest } from "../../../capnp/rpc/capability.ts";
import { Connection } from "../../../capnp/rpc/connection.ts";
import type { HostedObject } from "../../../capnp/rpc/object.ts";
import type { OutputSink } from "../../../wire/live.ts";
import { agent, client, command, Kept, NEVER } from "../agents.ts";
import { raw, rawCall, RawPeer } from "../rpc/raw-peer.ts";
import { aborted, ended, ScriptedHost } from "../scripted-host.ts";
import { connectedPair, until } from "../sockets.ts";
import { atEnd } from "../../fixtures/temp.ts";
import { ServedGateway } from "../../../capnp/commando/server.ts";

/** A gateway that says the words of the protocol one by one. */
class HandMade {
  readonly connection: Connection;
  readonly authenticator: Capability;

  constructor(port: number) {
    const socket = createConnection({ port, host: "127.0.0.1", noDelay: true });
    atEnd(() => {
      socket.destroy();
    });
    this.connection = new Connection(socket, { limits: GATEWAY });
    this.authenticator = this.connection.bootstrap();
  }

  async challenge(): Promise<Buffer> {
    return this.authenticator.call({
      interfaceId: AUTHENTICATOR.id,
      method: AUTHENTICATOR.challenge,
      read: ({ content }) => Buffer.from(content.data(0)),
    }).results;
  }

  /** Returns the agent, or undefined when none came. */
  async authenticate(proof: Buffer): Promise<Capability | undefined> {
    return this.authenticator.call({
      interfaceId: AUTHENTICATOR.id,
      method: AUTHENTICATOR.authenticate,
      params: bytesContent(proof),
      read: (results) => results.capability(0),
    }).results;
  }

  async letIn(key = "secret"): Promise<Capability> {
    const found = await this.authenticate(proof(key, await this.challenge()));
    if (found === undefined) throw new Error("nothing came");
    return found;
  }

  async ping(of: Capability): Promise<string> {
    return of.call({
      interfaceId: COMMAND_AGENT.id,
      method: COMMAND_AGENT.ping,
      read: ({ content }) => readPong(content).hostname,
    }).results;
  }
}

function proof(key: string, nonce: Buffer): Buffer {
  return createHmac("sha256", key).update(nonce).digest();
}

function streaming(text: string, receiver: HostedObject): CallRequest<ExecResult> {
  return {
    interfaceId: COMMAND_AGENT.id,
    method: COMMAND_AGENT.execStream,
    params: execParams(command(text), receiver),
    read: ({ content }) => readResult(content),
  };
}

const REFUSED = "authentication failed: invalid HMAC";
const NOT_ASKED = "no challenge nonce";

describe("a gateway at our agent", () => {
  it("is let in by the proof of the key for the last nonce, and only by that", async () => {
    const { port, served } = await agent(new ScriptedHost());
    const gateway = new HandMade(port);
    const [first, second] = [await gateway.challenge(), await gateway.challenge()];
    expect(first).toHaveLength(32);
    expect(first).not.toEqual(second);
    await expect(gateway.authenticate(proof("secret", first))).rejects.toThrow(REFUSED);
    expect(served[0]?.isAdmitted).toBe(false);
    const nonce = await gateway.challenge();
    const let_in = await gateway.authenticate(proof("secret", nonce));
    expect(let_in).toBeDefined();
    expect(served[0]?.isAdmitted).toBe(true);
    await expect(gateway.authenticate(proof("secret", nonce))).rejects.toThrow(NOT_ASKED);
  });

  it.each([
    ["nothing", (nonce: Buffer) => nonce.subarray(0, 0)],
    ["the nonce itself", (nonce: Buffer) => nonce],
    ["the proof of another key", (nonce: Buffer) => proof("secret2", nonce)],
    ["the proof of no key", (nonce: Buffer) => proof("", nonce)],
    ["half of the proof", (nonce: Buffer) => proof("secret", nonce).subarray(0, 16)],
    ["the proof and more", (nonce: Buffer) => Buffer.concat([proof("secret", nonce), Buffer.of(0)])],
  ])("is refused with %s; the nonce is void, and the connection goes on", async (_, make) => {
    const { port } = await agent(new ScriptedHost());
    const gateway = new HandMade(port);
    const nonce = await gateway.challenge();
    await expect(gateway.authenticate(make(nonce))).rejects.toThrow(REFUSED);
    await expect(gateway.authenticate(proof("secret", nonce))).rejects.toThrow(NOT_ASKED);
    await expect(gateway.ping(await gateway.letIn())).resolves.toBe("scripted");
  });

  it("cannot use the nonce of another connection", async () => {
    const { port } = await agent(new ScriptedHost());
    const [one, other] = [new HandMade(port), new HandMade(port)];
    const nonce = await one.challenge();
    await other.challenge();
    await expect(other.authenticate(proof("secret", nonce))).rejects.toThrow(REFUSED);
  });

  it("is never let in when the agent has an empty key", async () => {
    const host = new ScriptedHost();
    Object.assign(host, { psk: Buffer.alloc(0) });
    const gateway = new HandMade((await agent(host)).port);
    await expect(gateway.letIn("")).rejects.toThrow(REFUSED);
  });

  it("cannot call anything but the authenticator before, whatever it names", async () => {
    const host = new ScriptedHost();
    const { port } = await agent(host);
    const socket = createConnection({ port, host: "127.0.0.1" });
    const peer = new RawPeer(socket);
    peer.send(raw(8, 1, 1, () => undefined));
    for (let object = 0; object < 5; object++)
      peer.send(rawCall(1 + object, { object }, COMMAND_AGENT.id, COMMAND_AGENT.exec, { text: "x" }));
    expect((await peer.following(6)).slice(1)).toEqual([
      'return 1 exception unimplemented "this is an Authenticator"',
      ...[2, 3, 4, 5].map((id) => `return ${id} exception failed "there is no such capability"`),
    ]);
    peer.send(rawCall(9, { object: 0 }, AUTHENTICATOR.id, 2));
    expect(await peer.next()).toBe('return 9 exception unimplemented "an Authenticator has no such method"');
    expect(host.requests).toEqual([]);
    socket.destroy();
  });

  it("hears what an agent is and what it has not", async () => {
    const gateway = new HandMade((await agent(new ScriptedHost())).port);
    const let_in = await gateway.letIn();
    const call = async (interfaceId: bigint, method: number): Promise<unknown> =>
      let_in.call({ interfaceId, method, read: () => "done" }).results;
    await expect(call(1n, 0)).rejects.toMatchObject({ kind: "unimplemented", message: "this is a CommandAgent" });
    await expect(call(COMMAND_AGENT.id, 3)).rejects.toMatchObject({ kind: "unimplemented" });
    await expect(call(COMMAND_AGENT.id, COMMAND_AGENT.execStream)).rejects.toThrow("no receiver for output");
  });
});

describe("wrong keys", () => {
  it("are slowed down after three, also of several connections at once, and the right one is not", async () => {
    const host = new ScriptedHost();
    Object.assign(host, { attempts: new Attempts({ delayMs: 300 }) });
    const { port } = await agent(host);
    const gateways = [new HandMade(port), new HandMade(port), new HandMade(port)];
    for (const gateway of gateways) await expect(gateway.letIn("wrong")).rejects.toThrow(REFUSED);
    const began = performance.now();
    await Promise.all(gateways.map(async (gateway) => expect(gateway.letIn("wrong")).rejects.toThrow(REFUSED)));
    expect(performance.now() - began).toBeGreaterThanOrEqual(890);
    const order: string[] = [];
    const timer = setTimeout(() => order.push("the delay"), 300);
    await new HandMade(port).letIn();
    order.push("let in");
    clearTimeout(timer);
    expect(order[0]).toBe("let in");
  });

  it("are told from too many at once, which were not looked at", async () => {
    const host = new ScriptedHost();
    Object.assign(host, { attempts: new Attempts({ delayMs: 300, free: 0, waiting: 1 }) });
    const { port } = await agent(host);
    const [one, other] = [new HandMade(port), new HandMade(port)];
    const first = one.letIn("wrong");
    const refused = expect(first).rejects.toThrow(REFUSED);
    await until(() => host.attempts.size === 1, "it is looked at");
    await expect(other.letIn()).rejects.toMatchObject({ kind: "overloaded" });
    await refused;
    await expect(other.letIn()).resolves.toBeDefined();
  });
});

describe("a connection that has proved nothing", () => {
  it("is closed after a while", async () => {
    const { port, served } = await agent(new ScriptedHost(), { authenticationMs: 50 });
    const peer = new RawPeer(createConnection({ port, host: "127.0.0.1" }));
    expect(await peer.next()).toBe('abort disconnected "not authenticated in time"');
    await until(() => served.length === 1, "it was accepted");
    await served[0]?.closed;
    const gateway = await client(port);
    await new Promise((resolve) => setTimeout(resolve, 100));
    await expect(gateway.ping(NEVER)).resolves.toBeDefined();
  });

  it.each([
    ["large messages", () => rawCall(1, { answer: 0 }, AUTHENTICATOR.id, 1, { text: "x".repeat(65_536) }), /65536/],
    [
      "many calls",
      () =>
        Buffer.concat(
          Array.from({ length: 17 }, (_, id) =>
            raw(8, 1, 1, (body) => {
              body.uint32(0, id);
            }),
          ),
        ),
      /16 calls/,
    ],
    [
      "many capabilities",
      () => rawCall(1, { answer: 0 }, 1n, 0, { rows: Array.from({ length: 17 }, (_, id) => [1, id] as const) }),
      /16 capabilities/,
    ],
  ] as const)("is closed when it sends %s", async (_, bytes, why) => {
    const { port, served } = await agent(new ScriptedHost());
    const peer = new RawPeer(createConnection({ port, host: "127.0.0.1" }));
    peer.send(bytes());
    await until(() => peer.isClosed, "it is closed");
    expect(peer.heard.at(-1)).toMatch(why);
    expect(served[0]?.sizes).toEqual({ questions: 0, answers: 0, running: 0, exports: 0, imports: 0 });
  });
});

describe("a command of a gateway", () => {
  it("is aborted when the gateway finishes its call, or goes away", async () => {
    const host = new ScriptedHost();
    const { port, served } = await agent(host);
    const gateway = new HandMade(port);
    const let_in = await gateway.letIn();
    const call = let_in.call(streaming("sleep", { call: () => undefined }));
    await until(() => host.requests.length === 1, "it runs");
    call.cancel();
    await until(() => host.aborted === 1, "it was ended");
    await expect(gateway.ping(let_in)).resolves.toBe("scripted");
    void let_in.call(streaming("sleep", { call: () => undefined }));
    void let_in.call({ ...streaming("sleep", { call: () => undefined }), method: COMMAND_AGENT.exec });
    await until(() => host.requests.length === 3, "two run");
    served[0]?.close("the agent stops");
    await until(() => host.aborted === 3, "both were ended");
    await gateway.connection.closed;
  });

  it("that the host refuses is told why, and a bug is not", async () => {
    const { port, bugs } = await agent(new ScriptedHost());
    const gateway = await client(port);
    await expect(gateway.exec(command("full"), NEVER)).rejects.toThrow(/8 commands run already/);
    await expect(gateway.exec(command("break"), NEVER)).rejects.toThrow(/: internal error$/);
    await expect(gateway.execStream(command("break"), new Kept(), NEVER)).rejects.toThrow(/: internal error$/);
    expect(bugs).toHaveLength(2);
  });

  it.each([
    ["a NUL in the command", command("a\0b")],
    ["a NUL in the directory", command("a", { workDir: "\0" })],
    ["a NUL in a variable", command("a", { extraEnv: new Map([["A", "\0"]]) })],
    [
      "more variables than fit",
      command("a", { extraEnv: new Map(Array.from({ length: 10_001 }, (_, i) => [`K${i}`, ""])) }),
    ],
  ])("with %s is refused before the host sees it", async (_, request) => {
    const host = new ScriptedHost();
    const gateway = await client((await agent(host)).port);
    await expect(gateway.exec(request, NEVER)).rejects.toMatchObject({ code: "rpc_failed" });
    expect(host.requests).toEqual([]);
  });
});

/** Hands a command's output to the test. */
class HandedOut extends ScriptedHost {
  output: OutputSink | undefined;
  signal: AbortSignal | undefined;
  end: (result: ExecResult) => void = () => undefined;

  override async execStream(_: ExecRequest, output: OutputSink, signal: AbortSignal): Promise<ExecResult> {
    this.output = output;
    this.signal = signal;
    return new Promise((resolve, reject) => {
      this.end = resolve;
      void aborted(signal).then(() => {
        reject(new TypeError("the signal was aborted"));
      });
    });
  }
}

/** A receiver that answers when it is let. */
class Held implements HostedObject {
  calls = 0;
  bytes = 0;
  readonly gates: (() => void)[] = [];

  async call(call: Parameters<HostedObject["call"]>[0]): Promise<undefined> {
    this.calls++;
    this.bytes += call.params.data(0).length;
    await new Promise<void>((resolve) => this.gates.push(resolve));
    return undefined;
  }
}

/** What a sink says to so many pieces. */
function written(output: OutputSink, times: number, bytes: Buffer): readonly (Promise<void> | undefined)[] {
  const rooms: (Promise<void> | undefined)[] = [];
  while (rooms.length < times) rooms.push(output.write("stdout", bytes));
  return rooms;
}

describe("output of a command", () => {
  async function begun(receiver: HostedObject) {
    const host = new HandedOut();
    const { port, bugs, served } = await agent(host);
    const gateway = new HandMade(port);
    const call = (await gateway.letIn()).call(streaming("x", receiver));
    await until(() => host.output !== undefined, "it runs");
    const { output } = host;
    if (output === undefined) throw new Error("it does not run");
    return { host, call, output, bugs, served, gateway };
  }

  it("is sent in pieces of 64 KiB, up to a mebibyte that was not taken, and then has to wait", async () => {
    const held = new Held();
    const { host, call, output } = await begun(held);
    const room = output.write("stdout", Buffer.alloc(3_000_000));
    expect(room).toBeInstanceOf(Promise);
    await until(() => held.calls === 16, "the window is full");
    let isOver = false;
    void room?.then(() => {
      isOver = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect([held.calls, held.bytes, isOver]).toEqual([16, 1_048_576, false]);
    host.end(ended(command("x")));
    while (held.bytes < 3_000_000) {
      held.gates.shift()?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
    held.gates.shift()?.();
    await until(() => isOver, "there is room again");
    let isDone = false;
    void call.results.then(() => {
      isDone = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(isDone).toBe(false);
    for (const gate of held.gates.splice(0)) gate();
    await expect(call.results).resolves.toMatchObject({ exitCode: 0 });
  });

  it("does not wait while there is room, and keeps small pieces to sixteen", async () => {
    const held = new Held();
    const { call, output, host } = await begun(held);
    const rooms = written(output, 17, Buffer.from("x"));
    expect(rooms.slice(0, 15)).toEqual(Array.from({ length: 15 }, () => undefined));
    expect(rooms[16]).toBeInstanceOf(Promise);
    await until(() => held.calls === 16, "sixteen are sent");
    for (const gate of held.gates.splice(0)) gate();
    for (const room of rooms) await room;
    await until(() => held.calls === 17, "the last one is sent");
    for (const gate of held.gates.splice(0)) gate();
    host.end(ended(command("x")));
    await call.results;
    expect(output.write("stdout", Buffer.alloc(0))).toBeUndefined();
  });

  it("that the receiver does not take ends the command", async () => {
    let calls = 0;
    const { host, call, output, bugs } = await begun({
      call: () => {
        if (calls++ > 0) throw new Error("full");
        return undefined;
      },
    });
    for (const room of written(output, 40, Buffer.alloc(65_536))) await room;
    await expect(call.results).rejects.toThrow("internal error");
    expect(host.signal?.aborted).toBe(true);
    expect(bugs).toEqual([new TypeError("the signal was aborted")]);
    expect(output.write("stdout", Buffer.alloc(10_000_000))).toBeUndefined();
  });

  it("that the receiver does not take fails a command also when its host did not notice", async () => {
    const { host, call, output } = await begun({
      call: () => {
        throw new Error("full");
      },
    });
    await output.write("stdout", Buffer.alloc(10_000_000));
    host.end(ended(command("x")));
    await expect(call.results).rejects.toThrow();
  });

  it("is dropped, and nobody waits for the receiver, when the gateway finishes its call", async () => {
    const held = new Held();
    const { host, call, output, served } = await begun(held);
    const room = output.write("stdout", Buffer.alloc(3_000_000));
    await until(() => held.calls === 16, "the window is full");
    call.cancel();
    await room;
    expect(host.signal?.aborted).toBe(true);
    expect(output.write("stdout", Buffer.alloc(3_000_000))).toBeUndefined();
    await until(() => served[0]?.sizes.running === 0, "it is over");
  });
});

describe("any stream", () => {
  it("can be served, and is closed when it is to be closed", async () => {
    const [one, other] = await connectedPair();
    const served = new ServedGateway(one, new ScriptedHost(), { address: "10.0.0.1" });
    const peer = new RawPeer(other);
    served.close("the agent stops");
    expect(await peer.next()).toBe('abort disconnected "the agent stops"');
    await served.closed;
    expect(served.isAdmitted).toBe(false);
  });
});
