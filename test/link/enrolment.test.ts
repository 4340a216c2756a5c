import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { isSigned, keyOfSecret, readEnrolmentCode, writeEnrolmentCode } from "../../link/enrolment-code.ts";
import { EnrolmentDesk, type DeskOptions } from "../../link/enrolment.ts";
import { jsonMessage, MESSAGE } from "../../link/message.ts";
import { redeem, type RedeemOptions } from "../../link/redeem.ts";
import type { Pin } from "../../link/pins.ts";
import { allOf, dialling, echo, hearing, listening, machine, until, type Machine } from "./machines.ts";
import { RawMachine } from "./raw.ts";

let gateway: Machine;
let agent: Machine;

beforeEach(async () => {
  [gateway, agent] = [await machine("gateway"), await machine("web1")];
});

/** A machine that listens, with a desk; what was decided there. */
async function desk(at: Machine, more: Partial<DeskOptions> = {}) {
  const enrolled: Pin[] = [];
  const refused: string[] = [];
  const made = new EnrolmentDesk({
    directory: join(at.directory, "codes"),
    identity: at.identity,
    pins: at.pins,
    self: () => ({ name: at.name, about: { version: "1" } }),
    enrolled: (pin) => enrolled.push(pin),
    refused: (why) => refused.push(why),
    ...more,
  });
  const { address, port, listener } = await listening(at, hearing(echo), { enrolment: made });
  return { desk: made, address, port, listener, enrolled, refused };
}

async function use(code: string, by: Machine, more: Partial<RedeemOptions> = {}): Promise<Pin> {
  return redeem(code, {
    identity: by.identity,
    pins: by.pins,
    self: { name: by.name, about: { tags: ["web"] } },
    ...more,
  });
}

describe("a code", () => {
  const whole = {
    kind: "agent",
    addresses: ["10.0.0.7:9880", "[fe80::1]:9880", "web1.example:1"],
    fingerprint: `sha256:${"a".repeat(42)}A`,
    expiresAt: 1_800_000_000_000,
    secret: Buffer.alloc(16, 7),
  } as const;

  it("says who listens, and can be pasted anyhow", () => {
    const text = writeEnrolmentCode(whole);
    expect(text).toMatch(/^c2h1\.[A-Za-z0-9_-]{60,200}$/);
    expect(readEnrolmentCode(text)).toEqual(whole);
    expect(readEnrolmentCode(`  ${text.slice(0, 40)}\r\n${text.slice(40)}\n`)).toEqual(whole);
    expect(readEnrolmentCode(writeEnrolmentCode({ ...whole, kind: "gateway" })).kind).toBe("gateway");
  });

  it("tells every single mistake in typing", () => {
    const text = writeEnrolmentCode(whole);
    for (let at = 0; at < text.length; at++) {
      const other = text[at] === "A" ? "B" : "A";
      for (const wrong of [
        text.slice(0, at) + other + text.slice(at + 1),
        text.slice(0, at) + text.slice(at + 1),
        text.slice(0, at),
      ])
        if (wrong !== text)
          expect(() => readEnrolmentCode(wrong)).toThrow(
            expect.objectContaining({
              code: "enrolment_invalid",
              message: expect.stringContaining("mistyped") as string,
            }),
          );
    }
    for (const wrong of ["c2h1.", "x".repeat(5_000), text.replace("c2h1", "c2h2"), `${text}A`, `${text}AAAA`])
      expect(() => readEnrolmentCode(wrong)).toThrow("mistyped");
  });

  it.each([
    ["no addresses", { addresses: [] }],
    ["an address that is none", { addresses: ["nonsense"] }],
    ["too many addresses", { addresses: Array.from({ length: 9 }, (_, n) => `web${n}:1`) }],
    ["an unknown kind", { kind: "printer" as "agent" }],
    ["no secret", { secret: Buffer.alloc(0), addresses: [] }],
  ])("with %s is of another version", (_, change) => {
    if ("kind" in change) {
      expect(() => writeEnrolmentCode({ ...whole, ...change })).toThrow();
      return;
    }
    expect(() => readEnrolmentCode(writeEnrolmentCode({ ...whole, ...change }))).toThrow("it is of another version");
  });
});

describe("enrolment", () => {
  it("makes a gateway and an agent that listens known to each other", async () => {
    const { desk: at, address, enrolled, listener } = await desk(agent);
    const { code, expiresAt } = await at.make({ kind: "agent", addresses: ["127.0.0.1:1", address] });
    expect(expiresAt.getTime() - Date.now()).toBeGreaterThan(14 * 60_000);
    expect(at.isOpen).toBe(true);
    const pin = await use(code, gateway, { about: { project: "p" } });
    expect(pin).toMatchObject({
      name: "web1",
      fingerprints: [agent.identity.current.fingerprint],
      addresses: ["127.0.0.1:1", address],
      about: { version: "1", project: "p" },
    });
    expect(gateway.pins.get("web1")).toEqual(pin);
    expect(enrolled).toHaveLength(1);
    expect(agent.pins.list()).toMatchObject([
      {
        name: "gateway",
        fingerprints: [gateway.identity.current.fingerprint],
        addresses: [],
        about: { tags: ["web"] },
      },
    ]);
    const stream = await dialling(gateway, "web1", address).open();
    stream.end("known");
    expect(String(await allOf(stream))).toBe("known");
    expect(listener.counts.strangers).toBe(0);
  });

  it("makes an agent known to a gateway that invites it, under the name that the gateway gives", async () => {
    const { desk: at, address } = await desk(gateway);
    const { code } = await at.make({
      kind: "gateway",
      addresses: [address],
      name: "pve1/101",
      about: { tags: ["db"] },
    });
    expect(readEnrolmentCode(code).kind).toBe("gateway");
    await use(code, agent, { as: "home" });
    expect(gateway.pins.list()).toMatchObject([{ name: "pve1/101", about: { tags: ["db"] } }]);
    expect(agent.pins.list()).toMatchObject([{ name: "home", addresses: [address] }]);
    expect((await dialling(agent, "home", address).connected()).name).toBe("home");
  });

  it("keeps nothing that a code could be made from, and knows its codes after a restart", async () => {
    const first = await desk(agent);
    const { code } = await first.desk.make({ kind: "agent", addresses: [first.address] });
    const { secret } = readEnrolmentCode(code);
    const [file = ""] = readdirSync(join(agent.directory, "codes"));
    const kept = readFileSync(join(agent.directory, "codes", file), "utf8") + file;
    for (const form of ["hex", "base64", "base64url"] as const) expect(kept).not.toContain(secret.toString(form));
    const { port } = await desk(agent);
    await use(code, gateway, {
      connect: async (signal) => (await import("../../link/tcp.ts")).tcpConnect([`127.0.0.1:${port}`])(signal),
    });
    expect(agent.pins.get("gateway")).toBeDefined();
  });

  it("takes a code once, also from two machines at the same time, and says so to the second", async () => {
    const others = await Promise.all(["one", "two", "three", "four"].map(machine));
    const { desk: at, address, enrolled, refused } = await desk(agent);
    const { code } = await at.make({ kind: "agent", addresses: [address] });
    const ends = await Promise.allSettled(others.map(async (other) => use(code, other)));
    expect(ends.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    const reasons = ends.flatMap((end) => (end.status === "rejected" ? [end.reason as unknown] : []));
    for (const reason of reasons)
      expect(reason).toMatchObject({ code: "enrolment_invalid", message: "the code was used already" });
    expect(enrolled).toHaveLength(1);
    expect(agent.pins.list()).toHaveLength(1);
    expect(refused).toHaveLength(3);
    await expect(use(code, gateway)).rejects.toMatchObject({ message: "the code was used already" });
  });

  it("can be tried again by the machine that was cut off", async () => {
    const { desk: at, address, enrolled } = await desk(agent);
    const { code } = await at.make({ kind: "agent", addresses: [address] });
    await use(code, gateway);
    await gateway.pins.remove("web1");
    await use(code, gateway);
    expect(gateway.pins.get("web1")).toBeDefined();
    expect(enrolled).toHaveLength(2);
    expect(agent.pins.list()).toHaveLength(1);
  });

  it("ends with the time", async () => {
    const { desk: at, address } = await desk(agent);
    const { code } = await at.make({ kind: "agent", addresses: [address], lifetimeMs: -2_000 });
    await expect(use(code, gateway)).rejects.toMatchObject({
      code: "enrolment_invalid",
      message: "the code has expired",
    });
    expect(agent.pins.list()).toEqual([]);
    // An hour later nobody is listened to any more, and a new code has removed the old one.
    const old = await at.make({ kind: "agent", addresses: [address], lifetimeMs: -3_700_000 });
    await at.burn();
    expect(at.isOpen).toBe(false);
    await at.make({ kind: "agent", addresses: [address], lifetimeMs: -3_700_000 });
    expect(at.isOpen).toBe(false);
    await expect(use(old.code, gateway)).rejects.toMatchObject({
      message: expect.stringContaining("no enrolment code is open there") as string,
    });
    await at.make({ kind: "agent", addresses: [address] });
    expect(readdirSync(join(agent.directory, "codes"))).toHaveLength(1);
    await expect(use(old.code, gateway)).rejects.toMatchObject({ message: "the code is not known there any more" });
  });

  it("can be taken back", async () => {
    const { desk: at, address } = await desk(agent);
    const { code } = await at.make({ kind: "agent", addresses: [address] });
    await at.make({ kind: "agent", addresses: [address] });
    expect(await at.burn()).toBe(2);
    expect(at.isOpen).toBe(false);
    await expect(use(code, gateway)).rejects.toMatchObject({ code: "enrolment_invalid" });
  });

  it("goes to nobody but the one who made the code", async () => {
    const { desk: at } = await desk(agent);
    const { address } = await desk(gateway);
    const { code } = await at.make({ kind: "agent", addresses: [address] });
    await expect(use(code, await machine("other"))).rejects.toMatchObject({
      code: expect.stringMatching(/target_key_mismatch|enrolment_invalid/) as string,
    });
    expect(gateway.pins.list()).toEqual([]);
  });

  it("does not take a name or a key that somebody has, and the code can still be used then", async () => {
    const { desk: at, address, refused } = await desk(agent);
    await use((await at.make({ kind: "agent", addresses: [address] })).code, gateway);
    const other = await machine("gateway");
    const { code } = await at.make({ kind: "agent", addresses: [address] });
    await expect(use(code, other)).rejects.toMatchObject({
      code: "enrolment_invalid",
      message: "its name or its key is enrolled there already",
    });
    expect(refused.at(-1)).toContain("a machine called gateway is enrolled already, with another key");
    await use(code, other, { self: { name: "gateway2", about: {} } });
    expect(agent.pins.list().map(({ name }) => name)).toEqual(["gateway", "gateway2"]);
    // Here the name is taken; tried again under another one it works, and the code is not spent.
    const third = await machine("third");
    await third.pins.add({
      name: "web1",
      fingerprints: [`sha256:${"x".repeat(43)}`],
      enrolledAt: new Date(),
      addresses: [],
      about: {},
    });
    const again = await at.make({ kind: "agent", addresses: [address] });
    await expect(use(again.code, third)).rejects.toMatchObject({
      message: "a machine called web1 is enrolled already, with another key",
    });
    expect((await use(again.code, third, { as: "web1b" })).name).toBe("web1b");
  });

  it("asks for addresses that are some", async () => {
    const { desk: at } = await desk(agent);
    for (const addresses of [[], ["web1"], Array.from({ length: 9 }, () => "web1:1"), [`${"a".repeat(255)}:1`]])
      await expect(at.make({ kind: "agent", addresses })).rejects.toMatchObject({ code: "enrolment_invalid" });
  });

  it("listens to no stranger without a code, nor for a minute after five wrong ones", async () => {
    const { desk: at, address, port, refused } = await desk(agent);
    const key = gateway.identity.current;
    const early = new RawMachine({ port, key, protocol: "cmd2host-enrol/1" });
    await early.closed();
    const { code } = await at.make({ kind: "agent", addresses: [address] });
    const real = keyOfSecret(readEnrolmentCode(code).secret).publicText;
    const wrong = ["A".repeat(43), real, real, "!", real];
    const answers: unknown[] = [];
    for (const guess of wrong) {
      const peer = new RawMachine({ port, key, protocol: "cmd2host-enrol/1" });
      peer.say(jsonMessage(MESSAGE.ask, { code: guess.replace("!", "_"), signature: "AAAA", name: "thief" }));
      answers.push(await peer.json(MESSAGE.answer));
      await peer.closed();
    }
    expect(answers).toEqual(Array(5).fill({ refused: "unknown" }));
    expect(refused).toHaveLength(5);
    expect(at.isOpen).toBe(false);
    await expect(use(code, gateway)).rejects.toMatchObject({
      message: expect.stringContaining("too many wrong ones came within the last minute") as string,
    });
    expect(agent.pins.list()).toEqual([]);
    // Another process, or the same after a minute: the code is as good as before.
    const later = await desk(agent);
    await use(code, gateway, {
      connect: async (signal) => (await import("../../link/tcp.ts")).tcpConnect([later.address])(signal),
    });
    expect(agent.pins.list()).toHaveLength(1);
  });

  it("does not take a proof for another connection", async () => {
    const { desk: at, address, port } = await desk(agent);
    const { code } = await at.make({ kind: "agent", addresses: [address] });
    const { secret, fingerprint } = readEnrolmentCode(code);
    const { publicText } = keyOfSecret(secret);
    const statement = {
      binding: Buffer.alloc(32),
      redeemer: gateway.identity.current.fingerprint,
      listener: fingerprint,
    };
    const { signStatement } = await import("../../link/enrolment-code.ts");
    const signature = signStatement(keyOfSecret(secret).privateKey, statement);
    expect(isSigned(publicText, statement, signature)).toBe(true);
    expect(isSigned("A", statement, signature)).toBe(false);
    const peer = new RawMachine({ port, key: gateway.identity.current, protocol: "cmd2host-enrol/1" });
    peer.say(jsonMessage(MESSAGE.ask, { code: publicText, signature, name: "thief" }));
    expect(await peer.json(MESSAGE.answer)).toEqual({ refused: "unknown" });
  });

  it("is not held up, nor ended, by strangers who do not speak as they should", async () => {
    const { desk: at, address, port, refused } = await desk(agent);
    const { code } = await at.make({ kind: "agent", addresses: [address] });
    const key = gateway.identity.current;
    const acts: ((peer: RawMachine) => void)[] = [
      (peer) => {
        peer.send(MESSAGE.ask, 0, "{}");
      },
      (peer) => {
        peer.send(MESSAGE.ask, 0, "[".repeat(8_000));
      },
      (peer) => {
        peer.hello();
      },
      (peer) => {
        peer.send(MESSAGE.bye, 0, "{}");
      },
      (peer) => {
        peer.say(Buffer.alloc(10_000, 0xff));
      },
      (peer) => {
        peer.socket.once("secureConnect", () => peer.socket.end());
      },
    ];
    for (const act of acts) {
      const peer = new RawMachine({ port, key, protocol: "cmd2host-enrol/1" });
      act(peer);
      await peer.closed();
    }
    await until(() => refused.length === acts.length);
    await use(code, gateway);
    expect(agent.pins.list()).toHaveLength(1);
  });

  it("says when the other side cannot, and can be given up", async () => {
    const {
      desk: at,
      address,
      refused,
    } = await desk(agent, {
      self: () => {
        throw new Error("no name");
      },
    });
    const { code } = await at.make({ kind: "agent", addresses: [address] });
    await expect(use(code, gateway)).rejects.toMatchObject({
      message: "the machine that made the code could not use it now",
    });
    expect(refused).toEqual(["gateway: no name"]);
    const given = AbortSignal.abort();
    await expect(use(code, gateway, { signal: given })).rejects.toMatchObject({ code: "cancelled" });
    await expect(use(code, gateway, { connect: async () => Promise.reject(new Error("broken")) })).rejects.toThrow(
      "broken",
    );
  });

  it("does not read codes that were damaged", async () => {
    const { desk: at, address } = await desk(agent);
    const { code } = await at.make({ kind: "agent", addresses: [address] });
    await at.make({ kind: "agent", addresses: [address] });
    const directory = join(agent.directory, "codes");
    for (const name of readdirSync(directory)) if (name.endsWith(".json")) writeFileSync(join(directory, name), "{}");
    await expect(use(code, gateway)).rejects.toMatchObject({ code: "enrolment_invalid" });
    writeFileSync(join(agent.directory, "file"), "");
    const refused: string[] = [];
    const broken = new EnrolmentDesk({
      directory: join(agent.directory, "file"),
      identity: agent.identity,
      pins: agent.pins,
      self: () => ({ name: "x", about: {} }),
      refused: (why) => refused.push(why),
    });
    expect(broken.isOpen).toBe(false);
    expect(refused[0]).toContain("ENOTDIR");
  });
});
