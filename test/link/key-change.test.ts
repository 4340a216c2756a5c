import { generateKeyPairSync, sign } from "node:crypto";
import { once } from "node:events";
import { beforeEach, describe, expect, it } from "vitest";
import { fingerprintOf, spkiOf } from "../../link/fingerprint.ts";
import { MESSAGE } from "../../link/message.ts";
import { acquaint, dialling, echo, hearing, listening, machine, until, type Machine } from "./machines.ts";
import { RawMachine } from "./raw.ts";

let gateway: Machine;
let agent: Machine;

beforeEach(async () => {
  [gateway, agent] = [await machine("gateway"), await machine("web1")];
  await acquaint(gateway, agent);
});

describe("a machine that changes its key", () => {
  it("is known by both, then by the new one, when it dials", async () => {
    const old = gateway.identity.current.fingerprint;
    const { address, listener } = await listening(agent, hearing(echo));
    const dialler = dialling(gateway, "web1", address);
    const stream = await dialler.open();
    const peer = dialler.peer;
    const next = await gateway.identity.rotate();
    expect(peer?.knowsNextKey).toBe(false);
    dialler.check();
    dialler.check();
    await until(() => peer?.knowsNextKey === true);
    expect(agent.pins.get("gateway")?.fingerprints).toEqual([old, next.fingerprint]);
    await gateway.identity.promote();
    expect(gateway.identity.current.fingerprint).toBe(next.fingerprint);
    expect(peer?.knowsNextKey).toBe(false);
    dialler.reconnect();
    await until(() => peer?.resumed === 1);
    await until(() => agent.pins.get("gateway")?.fingerprints.length === 1);
    expect(agent.pins.get("gateway")?.fingerprints).toEqual([next.fingerprint]);
    expect(agent.pins.find(old)).toBeUndefined();
    expect(listener.peer("gateway")?.fingerprint).toBe(next.fingerprint);
    stream.write("the same stream");
    expect(String(await once(stream, "data"))).toBe("the same stream");
  });

  it("is known by both, then by the new one, when it listens", async () => {
    const old = agent.identity.current.fingerprint;
    const { address, listener } = await listening(agent, hearing(echo));
    const dialler = dialling(gateway, "web1", address);
    const peer = await dialler.connected();
    const next = await agent.identity.rotate();
    listener.check();
    await until(() => listener.peer("gateway")?.knowsNextKey === true);
    expect(gateway.pins.get("web1")?.fingerprints).toEqual([old, next.fingerprint]);
    await agent.identity.promote();
    listener.reconnect();
    await until(() => peer.resumed === 1);
    await until(() => gateway.pins.get("web1")?.fingerprints.length === 1);
    expect(gateway.pins.get("web1")?.fingerprints).toEqual([next.fingerprint]);
    expect(peer.fingerprint).toBe(next.fingerprint);
  });

  it("tells a session that begins later", async () => {
    const next = await gateway.identity.rotate();
    const { address } = await listening(agent, hearing(echo));
    const peer = await dialling(gateway, "web1", address).connected();
    await until(() => peer.knowsNextKey);
    expect(agent.pins.get("gateway")?.fingerprints).toContain(next.fingerprint);
  });

  it("cannot take the key of another machine", async () => {
    const other = await machine("other");
    await acquaint(agent, other);
    const events = hearing(echo);
    const { port } = await listening(agent, events);
    const peer = new RawMachine({ port, key: gateway.identity.current });
    const { session } = await peer.begin();
    const { createPrivateKey, createPublicKey } = await import("node:crypto");
    const key = createPrivateKey(other.identity.current.privateKey);
    const statement = `cmd2host-link key\n${String(session)}\n${other.identity.current.fingerprint}\n`;
    peer.send(
      MESSAGE.key,
      0,
      JSON.stringify({
        public_key: spkiOf(createPublicKey(key)).toString("base64url"),
        signature: sign("sha256", Buffer.from(statement), key).toString("base64url"),
      }),
    );
    await until(() => events.heard.some((line) => line.startsWith("warn")));
    expect(events.heard.at(-1)).toBe("warn gateway: its new key is not pinned: it is the key of other");
    expect(agent.pins.get("gateway")?.fingerprints).toHaveLength(1);
  });

  it.each([
    ["of another kind", "secp384r1", true],
    ["that it does not have", "prime256v1", false],
  ])("cannot take a key %s", async (_, namedCurve, isSigned) => {
    const { port } = await listening(agent, hearing(echo));
    const peer = new RawMachine({ port, key: gateway.identity.current });
    const { session } = await peer.begin();
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve });
    const spki = spkiOf(publicKey);
    const statement = `cmd2host-link key\n${isSigned ? String(session) : "another"}\n${fingerprintOf(spki)}\n`;
    peer.send(
      MESSAGE.key,
      0,
      JSON.stringify({
        public_key: spki.toString("base64url"),
        signature: sign("sha256", Buffer.from(statement), privateKey).toString("base64url"),
      }),
    );
    expect(await peer.goodbye()).toBe("broken: a new key that it does not have");
    expect(agent.pins.get("gateway")?.fingerprints).toHaveLength(1);
  });

  it("cannot do so without end, and an answer to nothing is nothing", async () => {
    const { port } = await listening(agent, hearing(echo));
    const peer = new RawMachine({ port, key: gateway.identity.current });
    const { session } = await peer.begin();
    peer.send(MESSAGE.key_pinned, 0, JSON.stringify({ fingerprint: agent.identity.current.fingerprint }));
    for (let n = 0; n < 17; n++) {
      const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
      const spki = spkiOf(publicKey);
      const statement = `cmd2host-link key\n${String(session)}\n${fingerprintOf(spki)}\n`;
      peer.send(
        MESSAGE.key,
        0,
        JSON.stringify({
          public_key: spki.toString("base64url"),
          signature: sign("sha256", Buffer.from(statement), privateKey).toString("base64url"),
        }),
      );
    }
    expect(await peer.goodbye()).toBe("broken: more changes of its key than anybody needs");
    // At any time the one that it has proved, and one more.
    await until(() => agent.pins.get("gateway")?.fingerprints.length === 2);
    expect(agent.pins.get("gateway")?.fingerprints[0]).toBe(gateway.identity.current.fingerprint);
  });

  it("does not announce anything for a machine that was forgotten meanwhile", async () => {
    const { address, listener } = await listening(agent, hearing(echo));
    const dialler = dialling(gateway, "web1", address);
    const peer = await dialler.connected();
    await agent.pins.remove("gateway");
    await gateway.identity.rotate();
    dialler.check();
    await peer.ping();
    listener.check();
    await until(() => peer.state === "over");
    expect(agent.pins.list()).toEqual([]);
    expect(peer.knowsNextKey).toBe(false);
  });
});
