import { randomBytes } from "node:crypto";
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { Carrier } from "../../link/carrier.ts";
import { LinkFault } from "../../link/fault.ts";
import { greet, hear } from "../../link/greeting.ts";
import { KeyChange } from "../../link/key-change.ts";
import { messageRoom, messageIn, MESSAGE, ROOM_BYTES } from "../../link/message.ts";
import { Session } from "../../link/session.ts";
import type { Secured } from "../../link/tls.ts";
import { cancelled } from "../../wire/client-connect.ts";
import { duplexes } from "./duplexes.ts";
import { acquaint, allOf, dialling, echo, hearing, listening, machine, until, type Machine } from "./machines.ts";

let gateway: Machine;
let agent: Machine;

beforeAll(async () => {
  [gateway, agent] = [await machine("gateway"), await machine("web1")];
  await acquaint(gateway, agent);
});

it("carries bytes on many streams at the same time", async () => {
  const { address, listener } = await listening(agent, hearing(echo));
  const peer = await dialling(gateway, "web1", address).connected();
  const sent = Array.from({ length: 20 }, (_, index) => randomBytes(index * 10_007));
  const got = await Promise.all(
    sent.map(async (bytes) => {
      const stream = peer.open();
      stream.end(bytes);
      return allOf(stream);
    }),
  );
  got.forEach((bytes, index) => {
    expect(bytes.equals(sent[index] ?? Buffer.alloc(0))).toBe(true);
  });
  expect(listener.peers).toHaveLength(1);
});

it("answers pings, as long as somebody waits for them", async () => {
  const { address } = await listening(agent, hearing(echo));
  const peer = await dialling(gateway, "web1", address).connected();
  expect(await peer.ping()).toBeGreaterThan(0);
  await expect(peer.ping(AbortSignal.abort())).rejects.toMatchObject({ code: "cancelled" });
  const given = new AbortController();
  const ping = peer.ping(given.signal);
  given.abort();
  await expect(ping).rejects.toMatchObject({ code: "cancelled" });
  // The answer to what nobody waits for any more is nothing.
  expect(await peer.ping()).toBeGreaterThan(0);
});

const NOBODY = { message: () => undefined, room: () => undefined, broken: () => undefined, lost: () => undefined };

function session(): { readonly session: Session; readonly heard: string[] } {
  const heard: string[] = [];
  return {
    heard,
    session: new Session({
      id: "x",
      name: "peer",
      fingerprint: "",
      isDialler: true,
      facts: { software: "x", name: "x", capabilities: [], clockSkewMs: 0 },
      leaseMs: 30_000,
      own: { window: 65_536, sessionWindow: 1_048_576, streams: 8 },
      their: { window: 65_536, streams: 8 },
      keys: new KeyChange(gateway.identity, gateway.pins, () => undefined),
      owner: {
        stalled: (why) => heard.push(`stalled ${why}`),
        resumed: () => heard.push("resumed"),
        over: () => heard.push("over"),
        stream: undefined,
      },
    }),
  };
}

it("ends when what was said is never acknowledged", () => {
  const { session: own, heard } = session();
  own.attach(new Carrier(duplexes()[0], NOBODY), "");
  for (let n = 0; n < 1_000 && own.state === "live"; n++)
    own.post(messageIn(new ArrayBuffer(ROOM_BYTES), MESSAGE.data, 65_000, 1));
  expect(own.ending?.message).toBe("peer does not keep to the rules of the link: it acknowledges nothing");
  own.close();
  own.broken(new LinkFault("again"));
  own.lost("again");
  own.message({ type: MESSAGE.end, stream: 1, sequence: 1, length: 0, pieces: [] });
  own.announceKey();
  own.reconnect();
  expect(heard).toEqual(["over"]);
});

it("is stalled at once on a connection that is gone already", async () => {
  const { session: own, heard } = session();
  const [one] = duplexes();
  const carrier = new Carrier(one, NOBODY);
  carrier.drop("gone");
  own.attach(carrier, "");
  expect([own.state, heard]).toEqual(["stalled", ["stalled gone"]]);
  const [closed] = duplexes();
  closed.destroy();
  own.attach(new Carrier(closed, NOBODY), "");
  await until(() => heard.length === 3);
  expect(heard.slice(1)).toEqual(["resumed", "stalled the connection was closed"]);
  const [good, other] = duplexes();
  own.attach(new Carrier(good, NOBODY), "");
  // A connection takes the place of the one before.
  const [better] = duplexes();
  own.attach(new Carrier(better, NOBODY), "");
  await until(() => good.destroyed && other.destroyed);
  expect(own.state).toBe("live");
  own.close();
});

function secured(stream: Secured["stream"]): Secured {
  return { stream, fingerprint: "", protocol: "cmd2host-link/1", binding: Buffer.alloc(32) };
}

it("is not waited for without end", async () => {
  const given = new AbortController();
  const [one, two] = duplexes();
  const heard = hear(secured(one), given.signal, () => undefined);
  const greeted = greet(secured(two), "web1", messageRoom(MESSAGE.ping, 8), given.signal, () => undefined);
  given.abort();
  await expect(heard).rejects.toThrow(/no hello in time|closed/);
  await expect(greeted).rejects.toMatchObject({ code: "cancelled" });
  await expect(hear(secured(duplexes()[0]), given.signal, () => undefined)).rejects.toThrow("no hello in time");
});

it("is tried again by a dialler whose way there takes too long", async () => {
  let tries = 0;
  const dialler = dialling(
    gateway,
    "web1",
    "",
    {},
    {
      connect: async () => {
        tries++;
        return Promise.reject(cancelled());
      },
    },
  );
  await expect(dialler.connected()).rejects.toMatchObject({
    code: "target_unreachable",
    message: "web1: no connection in time",
  });
  await until(() => tries > 2);
});

it("goes on when keys cannot be read, and says so", async () => {
  const [one, two] = [await machine("one"), await machine("two")];
  await acquaint(one, two);
  const [ours, theirs] = [hearing(), hearing(echo)];
  const { address, listener } = await listening(two, theirs);
  const dialler = dialling(one, "two", address, ours);
  await dialler.connected();
  for (const { identity, directory } of [one, two]) {
    await identity.rotate();
    chmodSync(join(directory, "identity", "link-next.pem"), 0o644);
    chmodSync(join(directory, "identity", "link.pem"), 0o644);
  }
  dialler.check();
  listener.check();
  for (const { heard } of [ours, theirs]) expect(heard.at(-1)).toMatch(/^warn .*a private key that others can read/);
  expect(listener.peers[0]?.state).toBe("live");
  // Nobody is let in without a key of our own.
  const [left, right] = duplexes();
  left.unshift(Buffer.from([0x16]));
  listener.take(left);
  await until(() => right.destroyed);
  expect(theirs.heard.at(-1)).toMatch(/a private key that others can read/);
});
