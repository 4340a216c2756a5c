import { once } from "node:events";
import { headers } from "@nats-io/transport-node";
import { beforeAll, expect, it } from "vitest";
import type { NatsClient } from "../../nats/client.ts";
import { dial } from "../../nats/dial.ts";
import { listen } from "../../nats/listen.ts";
import { decodeMessage, encodeCredit, encodeMessage, encodeTerms, MESSAGE, REFUSAL } from "../../nats/messages.ts";
import { Subjects } from "../../nats/subjects.ts";
import { broken, connectedPair, machine, PATIENT, patterned, pour, verifying } from "./machines.ts";
import { RawDialler } from "./raw.ts";
import { describeNats, startServer, until, type NatsServer } from "./servers.ts";

describeNats("the other end of a connection, when it does not keep to the rules", () => {
  let server: NatsServer;
  let gateway: NatsClient;
  let agent: NatsClient;

  beforeAll(async () => {
    server = await startServer();
    [gateway, agent] = [await machine(server, "gw"), await machine(server, "web1")];
  });

  const WRONG = "a message came that may not come here";
  const MUCH = "more came than was allowed";
  const cases: readonly (readonly [what: string, why: string, (raw: RawDialler) => void])[] = [
    [
      "bytes that are no message",
      "none of a connection",
      (raw) => {
        raw.sendBytes(Buffer.from("hello"));
      },
    ],
    [
      "nothing",
      "none of a connection",
      (raw) => {
        raw.sendBytes(Buffer.alloc(0));
      },
    ],
    [
      "a type that is unknown",
      WRONG,
      (raw) => {
        raw.send(0x7f, 1n);
      },
    ],
    [
      "another accept",
      WRONG,
      (raw) => {
        raw.send(MESSAGE.accept, 1n, encodeTerms({ window: 1e6, chunk: 1e4 }));
      },
    ],
    [
      "a gap",
      "message 1 is missing (2 came)",
      (raw) => {
        raw.send(MESSAGE.data, 2n, Buffer.from("x"));
      },
    ],
    [
      "a number of long ago",
      "message 0 came again",
      (raw) => {
        raw.send(MESSAGE.data, 0n, Buffer.from("x"));
      },
    ],
    [
      "the greatest number",
      "message 1 is missing",
      (raw) => {
        raw.send(MESSAGE.data, 2n ** 64n - 1n, Buffer.from("x"));
      },
    ],
    [
      "data without data",
      MUCH,
      (raw) => {
        raw.send(MESSAGE.data, 1n);
      },
    ],
    [
      "more in one message than was agreed",
      MUCH,
      (raw) => {
        raw.send(MESSAGE.data, 1n, Buffer.alloc(65_537));
      },
    ],
    [
      "a ping with something in it",
      WRONG,
      (raw) => {
        raw.send(MESSAGE.ping, 1n, Buffer.from("x"));
      },
    ],
    [
      "an end with something in it",
      WRONG,
      (raw) => {
        raw.send(MESSAGE.end, 1n, Buffer.from("x"));
      },
    ],
    [
      "a reset with something in it",
      WRONG,
      (raw) => {
        raw.send(MESSAGE.reset, 1n, Buffer.from("x"));
      },
    ],
    [
      "half a credit",
      WRONG,
      (raw) => {
        raw.send(MESSAGE.credit, 1n, Buffer.alloc(7));
      },
    ],
    [
      "a credit without bounds",
      WRONG,
      (raw) => {
        raw.send(MESSAGE.credit, 1n, Buffer.alloc(8, 0xff));
      },
    ],
    [
      "a credit that takes back",
      WRONG,
      (raw) => {
        raw.send(MESSAGE.credit, 1n, encodeCredit(1_000));
      },
    ],
  ];
  for (const [what, why, send] of cases)
    it(`is given up after ${what}`, async () => {
      const raw = await RawDialler.open(gateway, agent);
      send(raw);
      const message = await raw.givenUp();
      expect(message).toContain(`gw over NATS: `);
      expect(message).toContain(why);
    });

  it("is given up when it sends on after its end, or more than there is room for", async () => {
    const ended = await RawDialler.open(gateway, agent);
    ended.send(MESSAGE.end, 1n);
    ended.send(MESSAGE.data, 2n, Buffer.from("more"));
    expect(await ended.givenUp()).toContain(MUCH);
    const twice = await RawDialler.open(gateway, agent);
    twice.send(MESSAGE.end, 1n);
    twice.send(MESSAGE.end, 2n);
    expect(await twice.givenUp()).toContain(WRONG);
    const flood = await RawDialler.open(gateway, agent);
    for (let count = 1n; count <= 20n; count++) flood.send(MESSAGE.data, count, Buffer.alloc(65_536));
    expect(await flood.givenUp()).toContain(MUCH);
    // Tiny messages are counted as what they cost.
    const tiny = await RawDialler.open(gateway, agent);
    for (let count = 1n; count <= 5_000n; count++) tiny.send(MESSAGE.data, count, Buffer.from("x"));
    expect(await tiny.givenUp()).toContain(MUCH);
  });

  it("cannot make us keep more than a few megabytes by giving credit without end", async () => {
    const raw = await RawDialler.open(gateway, agent);
    raw.send(MESSAGE.credit, 1n, encodeCredit(Number.MAX_SAFE_INTEGER));
    let isOver = false;
    void pour(raw.far, 60_000_000).then(() => {
      isOver = true;
    });
    let most = 0;
    await until("all went to the server", () => {
      const protocol = (
        agent.connection as unknown as { protocol: { transport: { socket: { writableLength: number } } } }
      ).protocol;
      most = Math.max(most, protocol.transport.socket.writableLength);
      return isOver;
    });
    expect(most).toBeLessThan(12_000_000);
  });

  it("is not believed when its answer to a dial is none", async () => {
    const ends = { machine: "liar", dialler: "gw" };
    const terms = encodeTerms({ window: 1_000_000, chunk: 60_000 });
    const token = Buffer.from("A".repeat(22));
    const answers: readonly (readonly [string, string, Buffer])[] = [
      ["target_unreachable", "the answer is none", Buffer.from("what?")],
      ["target_unreachable", "the answer is none", encodeMessage(MESSAGE.data, 0n, Buffer.from("x"))],
      ["target_unreachable", "the answer is none", encodeMessage(MESSAGE.accept, 1n, Buffer.concat([terms, token]))],
      ["target_unreachable", "the answer is none", encodeMessage(MESSAGE.accept, 0n, terms)],
      [
        "target_unreachable",
        "the answer is none",
        encodeMessage(MESSAGE.accept, 0n, Buffer.concat([terms, Buffer.from("x.>".padEnd(22, "a"))])),
      ],
      [
        "target_unreachable",
        "the answer is none",
        encodeMessage(MESSAGE.accept, 0n, Buffer.concat([encodeTerms({ window: 10, chunk: 10 }), token])),
      ],
      [
        "target_unreachable",
        "the answer is none",
        encodeMessage(MESSAGE.accept, 0n, Buffer.concat([encodeTerms({ window: 20_000, chunk: 60_000 }), token])),
      ],
      ["link_version", "another version", encodeMessage(MESSAGE.refuse, 0n, Buffer.from([REFUSAL.version]))],
      ["target_unreachable", "no more connections", encodeMessage(MESSAGE.refuse, 0n, Buffer.from([REFUSAL.full]))],
    ];
    let answer: Buffer = Buffer.alloc(0);
    agent.subscribe(agent.subjects.dial(ends), ({ reply = "" }) => {
      agent.publish(reply, answer);
    });
    await agent.connection.flush();
    for (const [code, message, bytes] of answers) {
      answer = bytes;
      await expect(dial(gateway, "liar", AbortSignal.timeout(20_000))).rejects.toMatchObject({
        code,
        message: expect.stringContaining(message) as unknown,
      });
    }
  });

  it("is not answered where it has no business, and is told when its version is another one", async () => {
    const come: unknown[] = [];
    const listener = listen(agent, "web1", (connection) => come.push(connection), undefined, PATIENT);
    const answers: (readonly [string, Buffer])[] = [];
    gateway.subscribe(">", ({ subject, data }) => {
      if (!subject.startsWith("cmd2host.dial.")) answers.push([subject, Buffer.from(data)]);
    });
    await Promise.all([agent.connection.flush(), gateway.connection.flush()]);
    const ends = { machine: "web1", dialler: "gw" };
    const { subjects } = gateway;
    const good = encodeMessage(MESSAGE.dial, 0n, encodeTerms({ window: 1_000_000, chunk: 60_000 }));
    const reply = subjects.from(ends, "A".repeat(22));
    const say = (bytes: Buffer, to: string | undefined, on = subjects.dial(ends)): void => {
      gateway.publish(on, bytes, to);
    };
    // Nowhere, to another machine's subjects, to another dialler's, to something else altogether.
    say(good, undefined);
    say(good, subjects.presence("web1"));
    say(good, subjects.from({ machine: "web2", dialler: "gw" }, "A".repeat(22)));
    say(good, subjects.from({ machine: "web1", dialler: "gw2" }, "A".repeat(22)));
    say(good, `${reply}.more`);
    say(good, subjects.from(ends, "short"));
    say(good, "$JS.API.STREAM.DELETE.cmd2host_audit");
    // A dialler whose name is none.
    const odd = { machine: "web1", dialler: "=zz" };
    say(good, subjects.from(odd, "A".repeat(22)), subjects.dial(odd));
    // Not a dial.
    say(Buffer.from("{}"), reply);
    say(encodeMessage(MESSAGE.dial, 1n, encodeTerms({ window: 1_000_000, chunk: 60_000 })), reply);
    say(encodeMessage(MESSAGE.data, 0n, Buffer.from("x")), reply);
    await gateway.connection.flush();
    await agent.connection.flush();
    await gateway.connection.flush();
    expect(answers).toEqual([]);
    const other = encodeTerms({ window: 1_000_000, chunk: 60_000 });
    other[0] = 9;
    say(encodeMessage(MESSAGE.dial, 0n, other), reply);
    say(
      encodeMessage(MESSAGE.dial, 0n, Buffer.concat([encodeTerms({ window: 1e6, chunk: 6e4 }), Buffer.from("x")])),
      reply,
    );
    await until("both are answered", () => answers.length === 2);
    expect(answers.map(([subject, bytes]) => [subject, bytes[0], bytes[9]])).toEqual([
      [reply, MESSAGE.refuse, REFUSAL.version],
      [reply, MESSAGE.refuse, REFUSAL.version],
    ]);
    expect(come).toEqual([]);
    listener.close();
  });
});

describeNats("a third machine with permissions that are too wide", () => {
  let server: NatsServer;
  let gateway: NatsClient;
  let agent: NatsClient;
  let third: NatsClient;

  beforeAll(async () => {
    server = await startServer();
    [gateway, agent] = [await machine(server, "gw"), await machine(server, "web1")];
    third = await machine(server, "mallory");
  });

  /** What goes to the machine, as the third one sees it. */
  async function overheard(): Promise<{ readonly subject: () => string; readonly next: () => bigint }> {
    let [subject, next] = ["", 0n];
    third.subscribe("cmd2host.to.>", (message) => {
      subject = message.subject;
      next = (decodeMessage(message.data)?.sequence ?? 0n) + 1n;
    });
    await third.connection.flush();
    return { subject: () => subject, next: () => next };
  }

  it("can end a connection, and nothing that it puts in stays unnoticed", async () => {
    const { subject, next } = await overheard();
    const forged: readonly (readonly [string, string, () => void])[] = [
      [
        "garbage",
        "none of a connection",
        () => {
          third.publish(subject(), Buffer.from("garbage"));
        },
      ],
      [
        "headers",
        "none of a connection",
        () => {
          const made = headers();
          made.set("X", "1");
          third.connection.publish(subject(), "", { headers: made });
        },
      ],
      [
        "headers that are none",
        "none of a connection",
        () => {
          const { protocol } = third.connection as unknown as {
            protocol: { transport: { send(bytes: Uint8Array): void } };
          };
          protocol.transport.send(
            Buffer.from(`HPUB ${subject()} 20 20\r\nNATS/1.0\r\na\x01b: x\r\n\r\n\r\n`, "latin1"),
          );
        },
      ],
      [
        "that nobody listens",
        "the other end is gone",
        () => {
          third.connection.publish(subject(), "", { headers: headers(503, "No Responders") });
        },
      ],
      [
        "a repeated number",
        "came again, or somebody else sent it",
        () => {
          third.publish(subject(), encodeMessage(MESSAGE.data, next() - 1n, Buffer.from("evil")));
        },
      ],
      [
        "a reset",
        "the other end closed",
        () => {
          third.publish(subject(), encodeMessage(MESSAGE.reset, next()));
        },
      ],
    ];
    for (const [what, why, forge] of forged) {
      const { near, far } = await connectedPair(gateway, agent);
      const check = verifying(far);
      near.write(patterned(0, 1_000));
      await until("it came", () => check.seen() === 1_000);
      await third.connection.flush();
      const ends = Promise.all([broken(far), broken(near)]);
      forge();
      const [error] = await ends;
      expect([what, error?.message]).toEqual([what, expect.stringContaining(why)]);
      expect([check.seen(), check.isWrong()]).toEqual([1_000, false]);
    }
  });

  it("that guesses the next number puts in bytes, which TLS above refuses, and ends the connection with the next true message", async () => {
    const { subject, next } = await overheard();
    const { near, far } = await connectedPair(gateway, agent);
    near.write("true");
    expect(String(((await once(far, "data")) as [Buffer])[0])).toBe("true");
    await third.connection.flush();
    const ends = Promise.all([broken(far), broken(near)]);
    third.publish(subject(), encodeMessage(MESSAGE.data, next(), Buffer.from("evil")));
    expect(String(((await once(far, "data")) as [Buffer])[0])).toBe("evil");
    near.write("also true");
    const [error] = await ends;
    expect(error?.message).toContain("came again, or somebody else sent it");
  });
});

describeNats("a server that loses, doubles and swaps messages", () => {
  /** Carries everything between two prefixes, as `change` says for the messages to the machine after the first ones. */
  async function betweenTwo(change: (count: number, bytes: Buffer) => readonly Buffer[]): Promise<{
    readonly gateway: NatsClient;
    readonly agent: NatsClient;
  }> {
    const server = await startServer();
    const gateway = await machine(server, "gw", { prefix: "near" });
    const agent = await machine(server, "web1", { prefix: "far" });
    const relay = await machine(server, "relay");
    let count = 0;
    const carry = (from: string, to: string, kind: string): void => {
      relay.subscribe(`${from}.${kind}.>`, ({ subject, data, reply }) => {
        const bytes = Buffer.from(data);
        if (!relay.isConnected) return;
        const isCounted = kind === "to" && (bytes[0] === MESSAGE.data || bytes[0] === MESSAGE.data_held);
        for (const one of isCounted ? change(++count, bytes) : [bytes])
          relay.publish(subject.replace(from, to), one, kind === "dial" ? reply?.replace(from, to) : undefined);
      });
    };
    carry("near", "far", "dial");
    carry("near", "far", "to");
    carry("far", "near", "from");
    await relay.connection.flush();
    expect(new Subjects("near").presence("x")).toBe("near.presence.x");
    return { gateway, agent };
  }

  let held: Buffer = Buffer.alloc(0);
  const cases: readonly (readonly [string, string | undefined, (count: number, bytes: Buffer) => readonly Buffer[]])[] =
    [
      ["keeps to the rules", undefined, (_, bytes) => [bytes]],
      ["loses one", "is missing", (count, bytes) => (count === 5 ? [] : [bytes])],
      ["doubles one", "came again", (count, bytes) => (count === 5 ? [bytes, bytes] : [bytes])],
      [
        "swaps two",
        "is missing",
        (count, bytes) => {
          if (count === 5) {
            held = bytes;
            return [];
          }
          return count === 6 ? [bytes, held] : [bytes];
        },
      ],
      ["cuts one", "none of a connection", (count, bytes) => [count === 5 ? bytes.subarray(0, 8) : bytes]],
      [
        "joins two",
        "more came than was allowed",
        (count, bytes) => [count === 5 ? Buffer.concat([bytes, bytes]) : bytes],
      ],
    ];
  for (const [what, why, change] of cases)
    it(`${why === undefined ? "carries everything" : "ends the connection, with no wrong byte,"} when it ${what}`, async () => {
      const { gateway, agent } = await betweenTwo(change);
      const { near, far } = await connectedPair(gateway, agent, PATIENT);
      const check = verifying(far);
      const total = 3_000_000;
      const ended = why === undefined ? once(far, "end") : broken(far);
      void pour(near, total).then(() => near.end());
      const error = await ended;
      expect(check.isWrong()).toBe(false);
      if (why === undefined) expect(check.seen()).toBe(total);
      else {
        expect((error as Error).message).toContain(why);
        expect(check.seen()).toBeLessThanOrEqual(5 * 65_536);
        expect((await broken(near))?.message).toContain("the other end closed the connection");
      }
    });
});
