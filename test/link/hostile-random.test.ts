import { beforeAll, describe, expect, it } from "vitest";
import { Carrier } from "../../link/carrier.ts";
import { KeyChange } from "../../link/key-change.ts";
import { MESSAGE, messageRoom, HEADER_BYTES } from "../../link/message.ts";
import { Session } from "../../link/session.ts";
import { duplexes } from "./duplexes.ts";
import { echo, machine, until, type Machine } from "./machines.ts";
import { random } from "./random.ts";

const NOBODY = { message: () => undefined, room: () => undefined, broken: () => undefined, lost: () => undefined };
const OWN = { window: 65_536, sessionWindow: 262_144, streams: 4 };

describe("a peer that says messages of the right form at random", () => {
  let of: Machine;
  beforeAll(async () => {
    of = await machine("x");
  });

  it.each(Array.from({ length: 25 }, (_, seed) => seed + 1))(
    "is served or thrown out, and holds no more than it may (seed %i)",
    async (seed) => {
      const next = random(seed);
      const session = new Session({
        id: "x",
        name: "peer",
        fingerprint: "",
        isDialler: false,
        facts: { software: "x", name: "x", capabilities: [], clockSkewMs: 0 },
        leaseMs: 30_000,
        own: OWN,
        their: { window: 1_000, streams: 4 },
        keys: new KeyChange(of.identity, of.pins, () => undefined),
        owner: {
          stalled: () => undefined,
          resumed: () => undefined,
          over: () => undefined,
          stream: (stream) => {
            if (next() < 0.3) echo(stream);
            else if (next() < 0.5) stream.pause();
            else stream.resume().end("x");
          },
        },
      });
      const [ours, theirs] = duplexes();
      session.attach(new Carrier(ours, NOBODY), "");
      theirs.resume();
      let sequence = 0;
      let opened = 1;
      const pick = <T>(of: readonly T[]): T => of[Math.floor(next() * of.length)] as T;
      for (let n = 0; n < 300 && session.state === "live"; n++) {
        const type = pick([
          MESSAGE.open,
          MESSAGE.data,
          MESSAGE.data,
          MESSAGE.data,
          MESSAGE.credit,
          MESSAGE.end,
          MESSAGE.reset,
          MESSAGE.ping,
        ]);
        // Nearly always what is right, or the next stream would be the end of it.
        const stream =
          type === MESSAGE.ping ? 0 : type === MESSAGE.open ? opened : 1 + 2 * Math.floor((next() ** 2 * opened) / 2);
        if (type === MESSAGE.open) opened += 2;
        const length =
          type === MESSAGE.data
            ? 1 + Math.floor(next() ** 4 * 60_000)
            : type === MESSAGE.credit
              ? 4
              : type === MESSAGE.reset
                ? 1
                : type === MESSAGE.ping
                  ? 8
                  : 0;
        const message = messageRoom(type, length, stream);
        message.fill(0, HEADER_BYTES);
        if (type === MESSAGE.credit) message.writeUInt32BE(1 + Math.floor(next() * 1_000), HEADER_BYTES);
        if (type !== MESSAGE.ping) message.writeUInt32BE(next() < 0.002 ? 99 : ++sequence, 8);
        theirs.write(message);
        if (next() < 0.2) await new Promise((resolve) => setImmediate(resolve));
        expect(session.streams).toBeLessThanOrEqual(OWN.streams);
      }
      if (session.state === "over") expect(session.ending?.message).toMatch(/does not keep to the rules of the link/);
      session.close();
      await until(() => session.streams === 0);
    },
  );
});
