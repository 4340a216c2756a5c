import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { Duplex } from "node:stream";
import { beforeAll, describe, expect, it } from "vitest";
import { Backoff } from "../../link/backoff.ts";
import { CLOCK_SKEW_MS } from "../../link/limits.ts";
import { MESSAGE } from "../../link/message.ts";
import { secureServer } from "../../link/tls.ts";
import { atEnd } from "../fixtures/temp.ts";
import { between } from "./between.ts";
import { acquaint, dialling, echo, hearing, listening, machine, until, type Machine } from "./machines.ts";
import { RawMachine } from "./raw.ts";

let gateway: Machine;
let agent: Machine;

beforeAll(async () => {
  [gateway, agent] = [await machine("gateway"), await machine("web1")];
  await acquaint(gateway, agent);
});

describe("a session", () => {
  it("says who is at its other end", async () => {
    const { address, listener } = await listening(agent, hearing(echo), { capabilities: ["fast"] });
    const peer = await dialling(
      gateway,
      "web1",
      address,
      {},
      { capabilities: ["slow"], name: "my gateway" },
    ).connected();
    expect(peer).toMatchObject({
      name: "web1",
      fingerprint: agent.identity.current.fingerprint,
      facts: { name: "web1", software: "dev", capabilities: ["fast"] },
      resumed: 0,
      state: "live",
      streams: 0,
      ending: undefined,
      knowsNextKey: false,
    });
    expect(listener.peer("gateway")).toMatchObject({
      name: "gateway",
      fingerprint: gateway.identity.current.fingerprint,
      facts: { name: "my gateway", capabilities: ["slow"] },
    });
    expect(Math.abs(peer.facts.clockSkewMs)).toBeLessThan(CLOCK_SKEW_MS);
    expect(peer.since).toBeLessThanOrEqual(Date.now());
  });

  it("notes a clock that is wrong, and works all the same", async () => {
    const { port, listener } = await listening(agent, hearing());
    const peer = new RawMachine({ port, key: gateway.identity.current });
    await peer.begin({ clock: 0 });
    expect(listener.peer("gateway")?.facts.clockSkewMs).toBeLessThan(-CLOCK_SKEW_MS);
  });

  it("waits for a new connection, and its streams with it", async () => {
    const events = hearing();
    const { port, listener } = await listening(agent, hearing(echo));
    const net = await between(port);
    const dialler = dialling(gateway, "web1", net.address, events);
    const stream = await dialler.open();
    stream.write("1");
    await once(stream, "data");
    net.closed = true;
    net.cut();
    await until(() => dialler.peer?.state === "stalled" && listener.peers[0]?.state === "stalled");
    stream.write("2");
    const later = await dialler.open();
    later.write("3");
    const pinged = dialler.peer?.ping();
    net.closed = false;
    expect(String(await once(stream, "data"))).toBe("2");
    expect(String(await once(later, "data"))).toBe("3");
    expect(await pinged).toBeGreaterThan(0);
    expect([dialler.peer?.resumed, dialler.trouble]).toEqual([1, undefined]);
    expect(events.heard).toEqual(["connected web1", "stalled web1", "resumed web1"]);
  });

  it("is tried for several times within the lease, whatever the waits have come to", async () => {
    const events = hearing();
    const { port } = await listening(agent, hearing(echo));
    const net = await between(port);
    const waits = { first: 60_000, longest: 60_000 };
    const dialler = dialling(gateway, "web1", net.address, events, { leaseMs: 8_000, waits });
    const stream = await dialler.open();
    stream.write("1");
    await once(stream, "data");
    net.closed = true;
    net.cut();
    await until(() => dialler.trouble !== undefined);
    stream.write("2");
    net.closed = false;
    expect(String(await once(stream, "data"))).toBe("2");
    expect(events.heard).toEqual(["connected web1", "stalled web1", "resumed web1"]);
  });

  it("is lost when none comes within the lease, on both sides", async () => {
    const [ours, theirs] = [hearing(), hearing(echo)];
    const { port } = await listening(agent, theirs);
    const net = await between(port);
    const dialler = dialling(gateway, "web1", net.address, ours, { leaseMs: 300 });
    const stream = await dialler.open();
    stream.write("1");
    await once(stream, "data");
    const ping = dialler.peer?.ping();
    await ping;
    const unanswered = expect(
      (async () => {
        await until(() => dialler.peer?.state === "stalled");
        await dialler.peer?.ping();
      })(),
    ).rejects.toMatchObject({ code: "link_lost" });
    net.closed = true;
    net.cut();
    await until(() => stream.closed && theirs.heard.length === 3);
    await unanswered;
    expect(stream.errored).toMatchObject({ code: "link_lost" });
    expect(ours.heard.at(-1)).toMatch(/^lost web1: web1: .*, and no new connection came in time$/);
    expect(theirs.heard.at(-1)).toMatch(/^lost gateway: gateway: .*, and no new connection came in time$/);
    await until(() => dialler.trouble !== undefined);
    net.closed = false;
    await dialler.connected().catch(() => undefined);
    await until(() => ours.heard.filter((line) => line === "connected web1").length === 2);
  });

  it("notices a connection that swallows everything, and goes on over another one", async () => {
    const [ours, theirs] = [hearing(), hearing(echo)];
    const { port } = await listening(agent, theirs);
    const net = await between(port);
    const stream = await dialling(gateway, "web1", net.address, ours, { leaseMs: 1_200 }).open();
    stream.write("1");
    await once(stream, "data");
    net.swallow();
    stream.write("2");
    expect(String(await once(stream, "data"))).toBe("2");
    expect(ours.heard).toEqual(["connected web1", "stalled web1", "resumed web1"]);
    // The other side found it out by itself, or by the new connection.
    expect(theirs.heard.filter((line) => line.startsWith("lost"))).toEqual([]);
    expect(theirs.heard.at(-1)).toBe("resumed gateway");
  });

  it("stays when nobody says anything", async () => {
    const events = hearing();
    const { address } = await listening(agent, hearing(echo));
    const dialler = dialling(gateway, "web1", address, events, { leaseMs: 240 });
    await dialler.connected();
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(events.heard).toEqual(["connected web1"]);
  });

  it("is replaced by a new one of a machine that was started again", async () => {
    const events = hearing(echo);
    const { address } = await listening(agent, events);
    const first = hearing();
    const stream = await dialling(gateway, "web1", address, first, {
      waits: { first: 60_000, longest: 60_000 },
    }).open();
    stream.write("1");
    await once(stream, "data");
    await dialling(gateway, "web1", address).connected();
    await until(() => stream.closed);
    expect(stream.errored).toMatchObject({
      code: "link_lost",
      message: "web1 ended the session (replaced: it has begun another session)",
    });
    expect(events.heard).toEqual([
      "connected gateway",
      "lost gateway: gateway: it has begun another session",
      "connected gateway",
    ]);
  });

  it("ends for a dialler when the other side has forgotten it", async () => {
    const events = hearing();
    const first = await listening(agent, hearing(echo));
    const net = await between(first.port);
    const dialler = dialling(gateway, "web1", net.address, events);
    const stream = await dialler.open();
    stream.write("1");
    await once(stream, "data");
    // Another process at the same address.
    const second = await listening(agent, hearing(echo));
    net.to = second.port;
    net.cut();
    await until(() => stream.closed);
    expect(stream.errored).toMatchObject({ code: "link_lost", message: "web1: the other side has forgotten it" });
    await until(() => dialler.peer?.state === "live");
    expect(events.heard).toEqual([
      "connected web1",
      "stalled web1",
      "lost web1: web1: the other side has forgotten it",
      "connected web1",
    ]);
  });

  it("can be told to go on over a new connection", async () => {
    const events = hearing();
    const { address, listener } = await listening(agent, hearing(echo));
    const dialler = dialling(gateway, "web1", address, events);
    const peer = await dialler.connected();
    dialler.reconnect();
    await until(() => peer.resumed === 1);
    listener.reconnect();
    await until(() => peer.resumed === 2);
    expect(events.heard.filter((line) => line.startsWith("lost"))).toEqual([]);
  });

  it("ends when its machine is forgotten, on whichever side", async () => {
    const [one, two] = [await machine("one"), await machine("two")];
    await acquaint(one, two);
    const [ours, theirs] = [hearing(), hearing(echo)];
    const { address, listener } = await listening(two, theirs);
    const dialler = dialling(one, "two", address, ours);
    const stream = await dialler.open();
    expect(await two.pins.remove("one")).toBe(true);
    listener.check();
    expect(theirs.heard).toEqual(["connected one", "lost one: one: not known any more"]);
    await until(() => stream.closed);
    await until(() => dialler.trouble !== undefined);
    expect(dialler.trouble).toMatchObject({
      code: "link_refused",
      message: "two: refused: this machine is not known here",
    });
    await two.pins.add({
      name: "one",
      fingerprints: [one.identity.current.fingerprint],
      enrolledAt: new Date(),
      addresses: [],
      about: {},
    });
    await until(() => dialler.peer !== undefined);
    dialler.check();
    await one.pins.remove("two");
    dialler.check();
    expect(ours.heard.at(-1)).toBe("lost two: two: not known any more");
    await until(() => dialler.trouble?.message === "two is not enrolled here");
    dialler.check();
  });

  it("wants a new connection when its machine is known by another key now", async () => {
    const [one, two] = [await machine("one"), await machine("two")];
    await acquaint(one, two);
    const { address, listener } = await listening(two, hearing(echo));
    const dialler = dialling(one, "two", address, {}, { waits: { first: 60_000, longest: 60_000 } });
    await dialler.connected();
    await two.pins.change("one", (pin) => ({ ...pin, fingerprints: [two.identity.current.fingerprint] }));
    listener.check();
    expect(listener.peer("one")?.state).toBe("stalled");
    await until(() => dialler.peer?.state === "stalled");
  });
});

describe("a dialler", () => {
  it("gives everybody who waits the same answer", async () => {
    const dialler = dialling(gateway, "web1", "127.0.0.1:1", {}, { waits: { first: 60_000, longest: 60_000 } });
    const all = await Promise.allSettled([dialler.connected(), dialler.connected(), dialler.open()]);
    expect(all.map((one) => one.status === "rejected" && (one.reason as { code: string }).code)).toEqual(
      Array(3).fill("target_unreachable"),
    );
    // The last try was a moment ago.
    await expect(dialler.connected()).rejects.toBe(dialler.trouble);
    const { address } = await listening(agent, hearing(echo));
    const good = dialling(gateway, "web1", address);
    const [one, two] = await Promise.all([good.connected(), good.connected()]);
    expect(one).toBe(two);
    expect(await good.connected()).toBe(one);
  });

  it("says once, unasked, that another machine answers, or that it is not known there", async () => {
    const [other, stranger] = [await machine("other"), await machine("stranger")];
    await acquaint(gateway, other);
    const first = await listening(other, hearing());
    const events = hearing();
    const dialler = dialling(gateway, "web1", first.address, events);
    dialler.start();
    await until(() => first.listener.counts.handshakes + first.listener.counts.broken > 2);
    await until(() => dialler.trouble?.code === "target_key_mismatch");
    expect(events.heard).toEqual([
      expect.stringMatching(/^warn web1: expected the key sha256:\S+, and was shown sha256:/),
    ]);

    await acquaint(stranger, agent);
    await agent.pins.remove("stranger");
    const { address } = await listening(agent, hearing());
    const unknown = hearing();
    const refused = dialling(stranger, "web1", address, unknown);
    refused.start();
    await until(() => refused.trouble?.code === "link_refused");
    expect(unknown.heard).toEqual(["warn web1: refused: this machine is not known here"]);
    await agent.pins.add({
      ...{ name: "stranger", fingerprints: [stranger.identity.current.fingerprint], addresses: [], about: {} },
      enrolledAt: new Date(),
    });
    await until(() => refused.peer !== undefined);
    await agent.pins.remove("stranger");
    await until(() => refused.trouble?.code === "link_refused");
    expect(unknown.heard.filter((line) => line.startsWith("warn"))).toHaveLength(2);
  });

  it("dials at once for somebody who wants a stream, when the last try is a while ago", async () => {
    let tries = 0;
    const dialler = dialling(
      gateway,
      "web1",
      "",
      {},
      {
        waits: { first: 60_000, longest: 60_000 },
        connect: async () => {
          tries++;
          return Promise.reject(new TypeError("a bug"));
        },
      },
    );
    dialler.start();
    dialler.start();
    await expect(dialler.connected()).rejects.toMatchObject({ code: "target_unreachable", message: "a bug" });
    await expect(dialler.connected()).rejects.toMatchObject({ message: "a bug" });
    expect(tries).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 1_050));
    await expect(dialler.connected()).rejects.toMatchObject({ message: "a bug" });
    expect(tries).toBe(2);
  });

  it("can be given up by whoever waits, and by its owner", async () => {
    const silent = createServer((socket) => socket.on("error", () => undefined));
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    atEnd(() => {
      silent.close();
    });
    const dialler = dialling(gateway, "web1", `127.0.0.1:${(silent.address() as AddressInfo).port}`);
    const given = new AbortController();
    const waiting = dialler.connected(given.signal);
    given.abort();
    await expect(waiting).rejects.toMatchObject({ code: "cancelled" });
    await expect(dialler.connected(given.signal)).rejects.toMatchObject({ code: "cancelled" });
    const other = dialler.connected();
    dialler.close();
    await expect(other).rejects.toMatchObject({ code: "cancelled" });
    await expect(dialler.connected()).rejects.toMatchObject({ code: "cancelled" });
  });

  it("can be closed in the middle of everything", async () => {
    const { address, listener } = await listening(agent, hearing(echo));
    const events = hearing();
    const dialler = dialling(gateway, "web1", address, events);
    const stream = await dialler.open();
    stream.write("1");
    dialler.close();
    await until(() => listener.peers.length === 0 && stream.closed);
    expect(events.heard).toEqual(["connected web1", "lost web1: web1: the other side is shut down"]);
  });

  it("goes to nobody who agrees to what was not offered", async () => {
    const { current } = agent.identity;
    const answers = [
      { link: 2, session: "A".repeat(22) },
      { link: 1, session: "A".repeat(22), received: 0 },
      { link: 1 },
    ];
    for (const answer of answers) {
      const server = createServer((socket) => {
        void secureServer(socket, current, ["cmd2host-link/1"]).then((end) => {
          if (end.kind !== "secured") return;
          const { stream } = end.secured;
          stream.on("error", () => undefined).resume();
          const text = Buffer.from(JSON.stringify({ ...FACTS, ...answer }));
          const header = Buffer.alloc(12);
          header.writeUInt32BE(text.length);
          header[0] = MESSAGE.welcome;
          stream.write(Buffer.concat([header, text]));
        });
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      atEnd(() => {
        server.close();
      });
      const dialler = dialling(gateway, "web1", `127.0.0.1:${(server.address() as AddressInfo).port}`);
      await expect(dialler.connected()).rejects.toMatchObject({
        code: "target_unreachable",
        message: expect.stringContaining("no answer to the hello") as string,
      });
      dialler.close();
    }
  });

  it("says which versions do not fit", async () => {
    const { current } = agent.identity;
    const server = createServer((socket) => {
      void secureServer(socket, current, ["cmd2host-link/1"]).then((end) => {
        if (end.kind !== "secured") return;
        const text = Buffer.from(JSON.stringify({ reason: "version", link_min: 3, link_max: 4, software: "9.0.0" }));
        const header = Buffer.alloc(12);
        header.writeUInt32BE(text.length);
        header[0] = MESSAGE.bye;
        end.secured.stream
          .on("error", () => undefined)
          .resume()
          .end(Buffer.concat([header, text]));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    atEnd(() => {
      server.close();
    });
    const dialler = dialling(gateway, "web1", `127.0.0.1:${(server.address() as AddressInfo).port}`);
    await expect(dialler.connected()).rejects.toMatchObject({
      code: "link_version",
      message: "this end speaks version 1 of the link (cmd2host dev), web1 speaks 3 to 4 (cmd2host 9.0.0)",
    });
  });
});

const FACTS = {
  software: "x",
  name: "x",
  lease_ms: 1_000,
  window: 65_536,
  streams: 1,
  capabilities: [],
  clock: 0,
};

it("waits longer from one try to the next, and any time up to a bound", () => {
  const longest = new Backoff(undefined, () => 1);
  expect(Array.from({ length: 10 }, () => longest.next())).toEqual([
    200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000,
  ]);
  longest.reset();
  expect(longest.next()).toBe(200);
  expect([longest.next(100), longest.next(100), longest.next(90_000), longest.next()]).toEqual([100, 100, 400, 800]);
  expect(new Backoff(undefined, () => 0).next()).toBe(0);
  const some = new Backoff();
  expect(some.next()).toBeLessThan(200);
});

it("a stream may be given for a connection that is closed already", async () => {
  const { listener } = await listening(agent, hearing());
  const closed = new Duplex({
    read: () => undefined,
    write: (_chunk, _encoding, done) => {
      done();
    },
  });
  closed.destroy();
  listener.take(closed);
  await until(() => listener.counts.handshakes === 1);
});
