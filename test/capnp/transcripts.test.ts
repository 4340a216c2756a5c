import { createHmac } from "node:crypto";
import { createConnection } from "node:net";
import { describe, expect, it } from "vitest";
import { atEnd } from "../fixtures/temp.ts";
import { agent } from "./agents.ts";
import { RawPeer } from "./rpc/raw-peer.ts";
import { ScriptedHost } from "./scripted-host.ts";
import { listening, until } from "./sockets.ts";
import { talk, type Talk } from "./talk.ts";
import { tellingAll } from "./told.ts";
import { TRANSCRIPTS, type Transcript } from "./transcripts.ts";

function proof(key: string, nonce: Buffer): Buffer {
  return createHmac("sha256", key).update(nonce).digest();
}

/** Where the nonce is in the answer of our agent to a challenge: the last 32 bytes. */
function nonceIn(message: Buffer): Buffer {
  return message.subarray(-32);
}

/** Puts another proof in the place of one. */
function replaced(message: Buffer, old: Buffer, proof: Buffer): Buffer {
  const at = message.indexOf(old);
  const copy = Buffer.from(message);
  if (at >= 0) proof.copy(copy, at);
  return copy;
}

const ofOurAgent = TRANSCRIPTS.filter(({ name }) => name.includes("gateway") || /^rust-(?!agent)/.test(name));
const ofOurGateway: readonly (readonly [name: string, what: Talk, outcome: readonly unknown[]])[] = [
  [
    "rust-agent.txt",
    "all",
    [
      { hostname: "rust", uptimeSecs: 7, shell: "sh", version: "0.5.13" },
      expect.objectContaining({ exitCode: 4, requestId: "id-1", profilerJson: '{"execute_ms":1.5}' }),
      ["stdout xxxx", "stdout xxxx", "stdout xxxx"],
      expect.objectContaining({ stdout: 9_000, stderr: 100, exitCode: 1, truncated: true, requestId: "id-1" }),
      "the agent refused the command: too many concurrent exec requests",
    ],
  ],
  [
    "cpp-agent.txt",
    "all",
    [
      { hostname: "c++", uptimeSecs: 7, shell: "none", version: "0.5.13" },
      expect.objectContaining({ exitCode: -1, timedOut: true, requestId: "id-1", profilerJson: "{}" }),
      ["stdout oooo", "stderr eeee", "stdout oooo"],
      expect.objectContaining({ stdout: 9_000, stderr: 100, exitCode: 1, durationMs: 1, truncated: true }),
      expect.stringMatching(/^the agent refused the command: .*too many concurrent exec requests$/),
    ],
  ],
  ["rust-agent-cancelled.txt", "cancel", ["cancelled by the caller"]],
  ["rust-agent-wrong-key.txt", "wrong", ["the agent does not accept the key: authentication failed: invalid HMAC"]],
];

function transcript(name: string): Transcript {
  const found = TRANSCRIPTS.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no transcript ${name}`);
  return found;
}

describe("a transcript", () => {
  it.each(TRANSCRIPTS.map((one) => [one.name, one] as const))(
    "reads as it did when it was written: %s",
    (_, { lines }) => {
      expect(lines.length).toBeGreaterThan(5);
      for (const { words, bytes } of lines) expect(tellingAll(bytes)).toEqual([words]);
    },
  );

  it("is replayed, each of them", () => {
    const names = [...ofOurAgent.map(({ name }) => name), ...ofOurGateway.map(([name]) => name)];
    expect(names.sort()).toEqual(TRANSCRIPTS.map(({ name }) => name));
  });
});

describe("our agent", () => {
  it.each(ofOurAgent.map((one) => [one.name, one] as const))("answers as it did in %s", async (_, { key, lines }) => {
    const { port, served } = await agent(new ScriptedHost());
    const socket = createConnection({ port, host: "127.0.0.1", noDelay: true });
    atEnd(() => {
      socket.destroy();
    });
    let received = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
    });
    const peer = new RawPeer(socket);
    // The nonces are others each time, so the proofs are as well.
    const proofs: (readonly [old: Buffer, now: Buffer])[] = [];
    for (const { isGateway, words, bytes } of lines) {
      if (isGateway) {
        peer.send(proofs.reduce((message, [old, now]) => replaced(message, old, now), bytes));
        continue;
      }
      expect(await peer.next()).toBe(words);
      for (const who of [key, "wrong"]) proofs.push([proof(who, nonceIn(bytes)), proof(who, nonceIn(received))]);
    }
    socket.end();
    await served[0]?.closed;
    expect(served[0]?.sizes).toEqual({ questions: 0, answers: 0, running: 0, exports: 0, imports: 0 });
  });
});

describe("our gateway", () => {
  it.each(ofOurGateway)("says and hears what it did in %s", async (name, what, outcome) => {
    const { lines } = transcript(name);
    const heard: string[] = [];
    const port = await listening((socket) => {
      const peer = new RawPeer(socket);
      void (async () => {
        for (const { isGateway, bytes } of lines) {
          if (isGateway) heard.push(await peer.next());
          else if (!socket.destroyed) peer.send(bytes);
        }
      })();
    });
    expect(await talk(what, port)).toEqual(outcome);
    const said = lines.filter(({ isGateway }) => isGateway);
    await until(() => heard.length === said.length, "everything was heard");
    expect(heard).toEqual(said.map(({ words }) => words));
  });
});
