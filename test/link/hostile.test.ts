import { once } from "node:events";
import { createConnection } from "node:net";
import type { Duplex } from "node:stream";
import { beforeAll, describe, expect, it } from "vitest";
import { jsonMessage, MESSAGE } from "../../link/message.ts";
import { between } from "./between.ts";
import { acquaint, dialling, echo, hearing, listening, machine, until, type Machine } from "./machines.ts";
import { RawMachine } from "./raw.ts";

let gateway: Machine;
let agent: Machine;
let stranger: Machine;

beforeAll(async () => {
  [gateway, agent, stranger] = [await machine("gateway"), await machine("web1"), await machine("stranger")];
  await acquaint(gateway, agent);
});

function raw(port: number, key = gateway.identity.current): RawMachine {
  return new RawMachine({ port, key });
}

/** A known machine that has said hello, and what the agent heard of it. */
async function begun(stream: (stream: Duplex) => void = echo, more: object = {}) {
  const events = hearing(stream);
  const { port, listener } = await listening(agent, events, { streams: 8, window: 65_536, sessionWindow: 1_048_576 });
  const peer = raw(port);
  const welcome = await peer.begin(more);
  return { peer, welcome, events, listener, port };
}

describe("whoever is not known", () => {
  it("is told so and gets no session", async () => {
    const { port, listener } = await listening(agent, hearing());
    const peer = raw(port, stranger.identity.current);
    peer.hello();
    expect(await peer.goodbye()).toBe("refused: this machine is not known here");
    await peer.closed();
    expect(listener.counts).toMatchObject({ strangers: 1, accepted: 0 });
    expect(listener.peers).toEqual([]);
  });

  it("gets nothing without a key", async () => {
    const { port, listener } = await listening(agent, hearing());
    const peer = new RawMachine({ port });
    peer.hello();
    await peer.closed();
    expect(peer.messages).toEqual([]);
    expect(listener.counts).toMatchObject({ strangers: 1, accepted: 0 });
  });

  it("cannot take a session of somebody else's over", async () => {
    const other = await machine("other");
    await acquaint(agent, other);
    const { peer, welcome, events, port, listener } = await begun();
    const thief = raw(port, other.identity.current);
    const { session, received } = await thief.begin({ resume: { session: welcome["session"], received: 0 } });
    expect(session).not.toBe(welcome["session"]);
    expect(received).toBeUndefined();
    peer.number(MESSAGE.ping, 7);
    await peer.next(MESSAGE.pong);
    expect(events.heard).toEqual(["connected gateway", "connected other"]);
    expect(listener.peers.map(({ name }) => name).sort()).toEqual(["gateway", "other"]);
  });
});

describe("a hello", () => {
  it.each([
    ["that is no JSON", "{", "broken: "],
    ["with a member twice", '{"link_min":1,"link_min":1}', "broken: "],
    ["that lacks something", "{}", "broken: "],
    ["nested without end", "[".repeat(4_000), "broken: "],
    ["with a lease of nothing", JSON.stringify({ lease_ms: 0 }), "broken: "],
  ])("%s ends the connection", async (_, text, says) => {
    const { port, listener } = await listening(agent, hearing());
    const peer = raw(port);
    peer.send(MESSAGE.hello, 0, text);
    expect(await peer.goodbye()).toContain(says);
    await until(() => listener.counts.broken === 1);
    expect(listener.peers).toEqual([]);
  });

  it("that is too long is not read", async () => {
    const { port, listener } = await listening(agent, hearing());
    const peer = raw(port);
    const header = Buffer.from("01ffffff0000000000000000", "hex");
    peer.say(Buffer.concat([header, Buffer.alloc(100_000, 0x20)]));
    expect(await peer.goodbye()).toBe("broken: a message of type 1 with 16777215 bytes");
    await until(() => listener.counts.broken === 1);
  });

  it("has to come first", async () => {
    const { port, listener } = await listening(agent, hearing(echo));
    const peer = raw(port);
    peer.send(MESSAGE.open, 1);
    expect(await peer.goodbye()).toBe("broken: a message of type 16 before the hello");
    await until(() => listener.counts.broken === 1);
    expect(listener.peers).toEqual([]);
  });

  it("may not be said twice", async () => {
    const { peer, events } = await begun();
    peer.hello();
    expect(await peer.goodbye()).toBe("broken: a message of type 1 in the middle of a session");
    await until(() => events.heard.length === 2);
    expect(events.heard[1]).toContain("does not keep to the rules of the link");
  });

  it("of a version that does not fit is told which would", async () => {
    const events = hearing();
    const { port } = await listening(agent, events);
    const peer = raw(port);
    peer.hello({ link_min: 7, link_max: 9, software: "9.9.9" });
    expect(await peer.json(MESSAGE.bye)).toMatchObject({ reason: "version", link_min: 1, link_max: 1 });
    await peer.closed();
    expect(events.heard.join()).toMatch(
      /this end speaks version 1 of the link .*, gateway speaks 7 to 9 \(cmd2host 9\.9\.9\)/,
    );
  });
});

describe("a peer that breaks the rules", () => {
  it.each<[string, (peer: RawMachine) => void, string]>([
    [
      "skips a number",
      (peer) => {
        peer.send(MESSAGE.open, 1, "", 2);
      },
      "a gap in the numbers of messages",
    ],
    [
      "repeats a number",
      (peer) => {
        peer.send(MESSAGE.open, 1);
        peer.send(MESSAGE.open, 3, "", 1);
      },
      "a gap in the numbers of messages",
    ],
    [
      "acknowledges what was never sent",
      (peer) => {
        peer.number(MESSAGE.acknowledge, 1_000);
      },
      "it acknowledges what was never sent",
    ],
    [
      "acknowledges nothing",
      (peer) => {
        peer.number(MESSAGE.acknowledge, 0);
      },
      "an acknowledgement of nothing new",
    ],
    [
      "acknowledges more than there are numbers",
      (peer) => {
        peer.send(MESSAGE.acknowledge, 0, Buffer.alloc(8, 0xff));
      },
      "it acknowledges what was never sent",
    ],
    [
      "opens a stream out of turn",
      (peer) => {
        peer.send(MESSAGE.open, 5);
      },
      "a stream whose number is not the next one",
    ],
    [
      "opens a stream with our numbers",
      (peer) => {
        peer.send(MESSAGE.open, 2);
      },
      "a stream whose number is not the next one",
    ],
    [
      "opens a stream twice",
      (peer) => {
        peer.send(MESSAGE.open, 1);
        peer.send(MESSAGE.open, 1);
      },
      "a stream whose number is not the next one",
    ],
    [
      "sends data on no stream",
      (peer) => {
        peer.send(MESSAGE.data, 1, "x");
      },
      "a message of type 17 about no open stream",
    ],
    [
      "ends a stream that never was",
      (peer) => {
        peer.send(MESSAGE.end, 9);
      },
      "a message of type 19 about no open stream",
    ],
    [
      "gives up a stream that never was",
      (peer) => {
        peer.send(MESSAGE.reset, 9, "\0");
      },
      "a message of type 20 about no open stream",
    ],
    [
      "gives credit to a stream that never was",
      (peer) => {
        peer.number(MESSAGE.credit, 9, 9);
      },
      "a message of type 18 about no open stream",
    ],
    [
      "sends data behind the end",
      (peer) => {
        peer.send(MESSAGE.open, 1);
        peer.send(MESSAGE.end, 1);
        peer.send(MESSAGE.data, 1, "x");
      },
      "",
    ],
    [
      "gives no credit",
      (peer) => {
        peer.send(MESSAGE.open, 1);
        peer.number(MESSAGE.credit, 0, 1);
      },
      "more credit than there is",
    ],
    [
      "gives too much credit",
      (peer) => {
        peer.send(MESSAGE.open, 1);
        peer.number(MESSAGE.credit, 0xffff_ffff, 1);
      },
      "more credit than there is",
    ],
    [
      "opens more streams than are taken",
      (peer) => {
        for (let id = 1; id <= 17; id += 2) peer.send(MESSAGE.open, id);
      },
      "more streams than are taken",
    ],
    [
      "sends a message of no type",
      (peer) => {
        peer.say(Buffer.from("7f0000000000000000000000", "hex"));
      },
      "a message of unknown type 127",
    ],
    [
      "sends data about nothing",
      (peer) => {
        peer.say(Buffer.from("110000010000000000000001aa", "hex"));
      },
      "a message of type 17 without a stream",
    ],
    [
      "pings about a stream",
      (peer) => {
        peer.say(Buffer.from("0500000800000001000000000000000000000000", "hex"));
      },
      "a message of type 5 about a stream",
    ],
    [
      "numbers what has no number",
      (peer) => {
        peer.say(Buffer.from("0500000800000000000000010000000000000000", "hex"));
      },
      "a message of type 5 with a number",
    ],
    [
      "pings without end",
      (peer) => {
        for (let n = 0; n < 1_100; n++) peer.number(MESSAGE.ping, n + 1);
      },
      "more pings than anybody needs",
    ],
    [
      "says a key that it does not have",
      (peer) => {
        peer.send(MESSAGE.key, 0, JSON.stringify({ public_key: "AAAA", signature: "AAAA" }));
      },
      "a new key that it does not have",
    ],
    [
      "asks for enrolment",
      (peer) => {
        peer.say(jsonMessage(MESSAGE.ask, {}));
      },
      "a message of type 7 in the middle of a session",
    ],
  ])("that %s is thrown out, and its streams end", async (_, act, reason) => {
    const { peer, events, listener } = await begun((stream) => stream.pause());
    act(peer);
    expect(await peer.goodbye()).toContain(`broken: ${reason}`);
    await until(() => listener.peers.length === 0);
    await peer.closed();
    expect(events.heard.at(-1)).toContain(`lost gateway: gateway does not keep to the rules of the link: ${reason}`);
  });

  it("cannot send more than a stream holds, and a stalled stream holds no other one", async () => {
    const stalled: Duplex[] = [];
    const { peer, events, listener } = await begun((stream) => {
      if (stalled.length === 0) stalled.push(stream.pause());
      else echo(stream);
    });
    peer.send(MESSAGE.open, 1);
    peer.send(MESSAGE.data, 1, Buffer.alloc(65_536));
    peer.send(MESSAGE.open, 3);
    peer.send(MESSAGE.data, 3, "still there");
    expect(String((await peer.next(MESSAGE.data)).pieces[0])).toBe("still there");
    expect(stalled[0]?.readableLength).toBeLessThanOrEqual(65_536);
    peer.send(MESSAGE.data, 1, "x");
    expect(await peer.goodbye()).toBe("broken: data beyond the credit");
    await until(() => listener.peers.length === 0);
    expect(events.heard.at(-1)).toContain("data beyond the credit");
    await until(() => stalled[0]?.closed === true);
    expect(stalled[0]?.errored).toMatchObject({ code: "link_lost" });
  });

  it("that opens 10,000 streams and gives them up holds nothing", async () => {
    let opened = 0;
    const { peer, listener } = await begun((stream) => {
      opened++;
      echo(stream);
    });
    for (let id = 1; id < 20_000; id += 2) {
      peer.send(MESSAGE.open, id);
      peer.send(MESSAGE.reset, id, "\0");
    }
    await until(() => opened === 10_000);
    await until(() => listener.peers[0]?.streams === 0);
    peer.number(MESSAGE.ping, 7);
    await peer.next(MESSAGE.pong);
  });

  it("that never acknowledges is not sent more than a bound, and nothing more is kept", async () => {
    const streams: Duplex[] = [];
    const { peer, listener } = await begun((stream) => {
      streams.push(stream);
      stream.on("error", () => undefined);
      const more = (): void => {
        while (!stream.destroyed && stream.write(Buffer.alloc(65_536)));
      };
      stream.on("drain", more);
      more();
    });
    peer.send(MESSAGE.open, 1);
    // Always enough credit, and never an acknowledgement.
    let got = 0;
    await until(() => {
      const data = peer.messages.filter(({ type }) => type === MESSAGE.data);
      peer.messages.length = 0;
      const bytes = data.reduce((sum, { length }) => sum + length, 0);
      got += bytes;
      if (bytes > 0) peer.number(MESSAGE.credit, bytes, 1);
      return got >= 15_000_000;
    });
    peer.number(MESSAGE.ping, 7);
    await peer.next(MESSAGE.pong);
    got += peer.messages.reduce((sum, { length }) => sum + length, 0);
    expect(got).toBeLessThan(18_000_000);
    expect(listener.peers[0]?.state).toBe("live");
    expect(streams[0]?.writableLength).toBeGreaterThan(0);
  });
});

describe("bytes of an earlier connection", () => {
  it("sent again are nothing", async () => {
    const events = hearing(echo);
    const { port, listener } = await listening(agent, events);
    const net = await between(port);
    const dialler = dialling(gateway, "web1", net.address);
    const stream = await dialler.open();
    stream.write("once");
    await once(stream, "data");
    dialler.close();
    await until(() => listener.peers.length === 0);
    const socket = createConnection(port, "127.0.0.1");
    for (const chunk of net.recorded[0] ?? []) socket.write(chunk);
    await new Promise((resolve) =>
      socket
        .on("error", () => undefined)
        .once("close", resolve)
        .resume(),
    );
    await until(() => listener.counts.handshakes === 1);
    expect(listener.counts).toMatchObject({ accepted: 1, handshakes: 1 });
    expect(events.heard).toHaveLength(2);
  });
});
