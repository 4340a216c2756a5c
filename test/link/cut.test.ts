import { createHash, randomBytes } from "node:crypto";
import type { Duplex } from "node:stream";
import { beforeAll, describe, expect, it } from "vitest";
import { between } from "./between.ts";
import { acquaint, allOf, dialling, hearing, listening, machine, until, type Machine } from "./machines.ts";
import { random } from "./random.ts";

function digest(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Sends the digest of what came, and as many bytes back, in pieces of any size. */
function answering(next: () => number): (stream: Duplex) => void {
  return (stream) => {
    void allOf(stream).then(
      (bytes) => {
        for (let at = 0; at < bytes.length;) {
          const end = at + 1 + Math.floor(next() * 50_000);
          stream.write(bytes.subarray(at, end));
          at = end;
        }
        stream.end();
      },
      () => undefined,
    );
  };
}

describe("connections that are cut", () => {
  let gateway: Machine;
  let agent: Machine;
  beforeAll(async () => {
    [gateway, agent] = [await machine("gateway"), await machine("web1")];
    await acquaint(gateway, agent);
  });

  it.each(Array.from({ length: 16 }, (_, seed) => seed + 1))(
    "lose no byte and bring none twice, wherever they are cut (seed %i)",
    async (seed) => {
      const next = random(seed);
      const { port } = await listening(agent, hearing(answering(next)));
      // The handshake takes about 1,500 bytes each way; most are cut behind it.
      const net = await between(port, (index) =>
        index > 12 ? {} : { [next() < 0.5 ? "cutTo" : "cutFrom"]: Math.floor(next() ** 2 * 400_000) },
      );
      const events = hearing();
      const dialler = dialling(gateway, "web1", net.address, events);
      dialler.start();
      await until(() => dialler.peer !== undefined);
      const streams = Array.from({ length: 5 }, () => randomBytes(Math.floor(next() * 600_000)));
      const ends = await Promise.allSettled(
        streams.map(async (bytes) => {
          const stream = await dialler.open();
          const got = allOf(stream);
          for (let at = 0; at < bytes.length;) {
            const end = at + 1 + Math.floor(next() * 100_000);
            stream.write(bytes.subarray(at, end));
            at = end;
          }
          stream.end();
          return got;
        }),
      );
      expect(ends.map((end) => (end.status === "fulfilled" ? digest(end.value) : String(end.reason)))).toEqual(
        streams.map(digest),
      );
      expect(events.heard.filter((line) => line.startsWith("resumed")).length).toBeGreaterThan(0);
      expect(events.heard.filter((line) => line.startsWith("lost"))).toEqual([]);
    },
  );
});
