import type { Duplex } from "node:stream";
import { beforeAll, describe, expect, it } from "vitest";
import { Carrier } from "../../link/carrier.ts";
import { KeyChange } from "../../link/key-change.ts";
import type { PeerFacts } from "../../link/peer.ts";
import { Session } from "../../link/session.ts";
import { LinkStream } from "../../link/stream.ts";
import { firstWindow } from "../../link/stream-table.ts";
import { duplexes } from "./duplexes.ts";
import { machine, until, type Machine } from "./machines.ts";
import { random } from "./random.ts";

const FACTS: PeerFacts = { software: "x", name: "x", capabilities: [], clockSkewMs: 0 };
const OWN = { window: 100_000, sessionWindow: 400_000, streams: 10 };
const NOBODY = { message: () => undefined, room: () => undefined, broken: () => undefined, lost: () => undefined };

/** One end of a stream: what it sent, what it got, and how it went. */
interface End {
  readonly stream: Duplex;
  sent: number;
  got: number;
  /** The first byte that was not the expected one. */
  wrongAt: number | undefined;
  isDestroyed: boolean;
  hasEnded: boolean;
}

/** The same number at both ends. */
function idOf(stream: Duplex): number | undefined {
  return stream instanceof LinkStream ? stream.id : undefined;
}

/** The bytes of a direction are those of a row that is known, so each can be checked by its place. */
function bytesAt(place: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at++) bytes[at] = ((place + at) * 2_654_435_761) >>> 24;
  return bytes;
}

function watched(stream: Duplex): End {
  const end: End = { stream, sent: 0, got: 0, wrongAt: undefined, isDestroyed: false, hasEnded: false };
  stream.on("data", (chunk: Buffer) => {
    if (!chunk.equals(bytesAt(end.got, chunk.length))) end.wrongAt ??= end.got;
    end.got += chunk.length;
  });
  return end;
}

/** Two ends of a session, in one process, and the way between them. */
class Course {
  readonly #next: () => number;
  readonly #sessions: readonly [Session, Session];
  readonly pairs: { readonly opener: End; other: End | undefined }[] = [];
  cuts = 0;

  constructor(next: () => number, of: Machine) {
    this.#next = next;
    const make = (side: 0 | 1): Session => {
      const keys = new KeyChange(of.identity, of.pins, () => undefined);
      return new Session({
        id: "x",
        name: `side${side}`,
        fingerprint: "",
        isDialler: side === 0,
        facts: FACTS,
        leaseMs: 30_000,
        own: OWN,
        their: { window: firstWindow(OWN), streams: OWN.streams },
        keys,
        owner: {
          stalled: () => undefined,
          resumed: () => undefined,
          over: () => undefined,
          stream: (stream) => {
            const end = watched(stream);
            const pair = this.pairs.find(({ opener }) => idOf(opener.stream) === idOf(stream));
            if (pair === undefined) throw new Error("a stream that nobody opened");
            pair.other = end;
          },
        },
      });
    };
    this.#sessions = [make(0), make(1)];
    this.connect();
  }

  get sessions(): readonly Session[] {
    return this.#sessions;
  }

  get ends(): readonly End[] {
    return this.pairs.flatMap(({ opener, other }) => (other === undefined ? [opener] : [opener, other]));
  }

  /** A new connection, that will be cut somewhere. */
  connect(limit = Math.floor(this.#next() ** 2 * 300_000)): void {
    const [one, two] = this.#sessions;
    const ways = duplexes(limit);
    const received = [one.received, two.received] as const;
    one.attach(new Carrier(ways[0], NOBODY), "", received[1]);
    two.attach(new Carrier(ways[1], NOBODY), "", received[0]);
    this.cuts++;
  }

  /** Something happens. */
  step(): void {
    const dice = this.#next();
    const side = this.#next() < 0.5 ? 0 : 1;
    const ends = this.ends.filter(({ isDestroyed }) => !isDestroyed);
    const end = ends[Math.floor(this.#next() * ends.length)];
    if (this.#sessions.some(({ state }) => state === "stalled") && this.#next() < 0.3) this.connect();
    if (dice < 0.2 || end === undefined) this.#open(side);
    else if (dice < 0.7 && !end.hasEnded) {
      const bytes = bytesAt(end.sent, Math.floor(this.#next() ** 3 * 150_000));
      end.sent += bytes.length;
      end.stream.write(bytes);
    } else if (dice < 0.76) {
      end.hasEnded = true;
      end.stream.end();
    } else if (dice < 0.8) {
      end.isDestroyed = true;
      end.stream.destroy();
    } else if (dice < 0.9) end.stream.pause();
    else end.stream.resume();
  }

  #open(side: 0 | 1): void {
    let stream: Duplex;
    try {
      stream = this.#sessions[side].open();
    } catch {
      return; // there are enough
    }
    this.pairs.push({ opener: watched(stream), other: undefined });
  }
}

describe("two ends that do what they like, over connections that are cut", () => {
  let of: Machine;
  beforeAll(async () => {
    of = await machine("x");
  });

  it.each(Array.from({ length: 20 }, (_, seed) => seed + 1))("get each byte once, in order (seed %i)", async (seed) => {
    const next = random(seed);
    const course = new Course(next, of);
    for (let step = 0; step < 400; step++) {
      course.step();
      if (next() < 0.5) await new Promise((resolve) => setImmediate(resolve));
    }
    // Everybody comes to an end.
    if (course.sessions.some(({ state }) => state === "stalled")) course.connect(Number.POSITIVE_INFINITY);
    await until(() => {
      if (course.sessions.some(({ state }) => state === "stalled")) course.connect(Number.POSITIVE_INFINITY);
      for (const end of course.ends) {
        end.stream.resume();
        if (!end.hasEnded) end.stream.end();
        end.hasEnded = true;
      }
      return course.pairs.every(({ opener, other }) => opener.stream.closed && (other?.stream.closed ?? true));
    });
    expect(course.ends.filter(({ wrongAt }) => wrongAt !== undefined)).toEqual([]);
    for (const { opener, other } of course.pairs) {
      if (other === undefined) continue;
      expect(other.got).toBeLessThanOrEqual(opener.sent);
      expect(opener.got).toBeLessThanOrEqual(other.sent);
      const isWhole = [opener, other].every(({ isDestroyed, stream }) => !isDestroyed && stream.errored === null);
      if (isWhole) expect([other.got, opener.got]).toEqual([opener.sent, other.sent]);
    }
    expect(course.sessions.map(({ ending, streams }) => [ending, streams])).toEqual([
      [undefined, 0],
      [undefined, 0],
    ]);
    expect(course.cuts).toBeGreaterThan(1);
    for (const session of course.sessions) session.close();
  });
});
