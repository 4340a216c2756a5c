import { describe, expect, it } from "vitest";
import { RpcException } from "../../../capnp/rpc/exception.ts";
import { Malformed } from "../../../capnp/wire/malformed.ts";
import { until } from "../sockets.ts";
import { message, structPointer } from "../words.ts";
import { facing } from "./connections.ts";
import { callBack, echo, Echo, INTERFACE, invoke, LIMITS, METHOD } from "./objects.ts";
import { raw, rawCall, rawResults, writeRows, writeTarget } from "./raw-peer.ts";

const BOOTSTRAP = 8;

function bootstrap(id: number): Buffer {
  return raw(BOOTSTRAP, 1, 1, (body) => {
    body.uint32(0, id);
  });
}

function finish(id: number, flags = 0): Buffer {
  return raw(4, 1, 0, (body) => {
    body.uint32(0, id);
    body.uint8(4, flags);
  });
}

function release(id: number, times: number): Buffer {
  return raw(6, 1, 0, (body) => {
    body.uint32(0, id);
    body.uint32(4, times);
  });
}

/** A return of some kind, without content. */
function returned(id: number, kind: number): Buffer {
  return raw(3, 2, 1, (body) => {
    body.uint32(0, id);
    body.uint8(4, 1);
    body.uint16(6, kind);
  });
}

describe("a peer", () => {
  it("gets its answers as the protocol wants them", async () => {
    const { connection, peer } = await facing({ bootstrap: new Echo() });
    peer.send(bootstrap(5));
    peer.send(rawCall(6, { answer: 5 }, INTERFACE, METHOD.echo, { text: "hi" }));
    peer.send(rawCall(7, { answer: 5 }, INTERFACE, METHOD.make));
    expect(await peer.following(3)).toEqual([
      "return 5 results with hosted 0",
      "return 6 results, no finish needed",
      "return 7 results with hosted 1",
    ]);
    peer.send(finish(6), finish(99), finish(5), finish(7, 1));
    peer.send(rawCall(5, { object: 1 }, INTERFACE, METHOD.echo, { text: "hi" }));
    expect(await peer.next()).toBe("return 5 results, no finish needed");
    expect(connection.sizes).toMatchObject({ answers: 0, exports: 1 });
    peer.send(release(1, 1), release(44, 2));
    await until(() => connection.sizes.exports === 0, "it is given back");
  });

  it("is told of calls that cannot be made, and goes on", async () => {
    const { peer } = await facing({ bootstrap: new Echo() });
    peer.send(bootstrap(0));
    peer.send(rawCall(1, { object: 44 }, INTERFACE, METHOD.echo));
    peer.send(rawCall(2, { answer: 44 }, INTERFACE, METHOD.echo));
    peer.send(rawCall(3, { object: 0 }, INTERFACE, METHOD.echo, { sendTo: 1 }));
    peer.send(rawCall(4, { answer: 0, path: [0] }, INTERFACE, METHOD.echo));
    peer.send(rawCall(5, { answer: 1 }, INTERFACE, METHOD.echo));
    expect((await peer.following(6)).slice(1)).toEqual([
      'return 1 exception failed "there is no such capability"',
      'return 2 exception failed "there is no such answer"',
      'return 3 exception unimplemented "results are sent to the caller only"',
      'return 4 exception failed "a pointer to a struct is expected"',
      'return 5 exception failed "there is no such capability"',
    ]);
  });

  it("may send promises and a third party's capabilities: they are called where they came from, and given back", async () => {
    const { connection, peer } = await facing({ bootstrap: new Echo() });
    peer.send(bootstrap(0));
    expect(await peer.next()).toBe("return 0 results with hosted 0");
    for (const [kind, id] of [
      [2, 30],
      [5, 31],
    ] as const) {
      peer.send(rawCall(1, { object: 0 }, INTERFACE, METHOD.callBack, { rows: [[kind, id]] }));
      expect(await peer.next()).toBe(`call 0 to object ${id}: abcd.0`);
      // What the promise becomes is not used, and given back.
      peer.send(
        raw(5, 1, 1, (body) => {
          body.uint32(0, id);
          body.struct(0, 1, 1).uint16(0, 1);
        }),
      );
      expect(await peer.next()).toBe("release object 0, 1 times");
      peer.send(rawResults(0, { text: "there" }));
      expect(await peer.following(3)).toEqual([
        "finish 0",
        "return 1 results, no finish needed",
        `release object ${id}, 1 times`,
      ]);
    }
    expect(connection.sizes.imports).toBe(0);
  });

  it("may break a promise", async () => {
    const { connection, peer } = await facing();
    peer.send(
      raw(5, 1, 1, (body) => {
        body.uint16(4, 1);
      }),
      raw(13, 1, 1, (body) => {
        body.uint32(0, 9);
      }),
    );
    expect(await peer.next()).toBe("disembargo 9 1");
    expect(connection.isOver).toBe(false);
  });

  it("that sends objects of ours back, or none, gives nothing that could be called", async () => {
    const { peer } = await facing({ bootstrap: new Echo() });
    peer.send(bootstrap(0));
    await peer.next();
    for (const kind of [0, 3, 4]) {
      peer.send(rawCall(1, { object: 0 }, INTERFACE, METHOD.callBack, { rows: [[kind, 0]] }));
      expect(await peer.next()).toBe('return 1 exception failed "nobody to call back"');
      peer.send(finish(1));
    }
  });

  it("that sends the same capability several times gets it back as often, when nobody holds it any more", async () => {
    const { peer } = await facing({ bootstrap: new Echo() });
    peer.send(bootstrap(0));
    await peer.next();
    const rows = [
      [1, 8],
      [1, 8],
      [1, 9],
    ] as const;
    peer.send(rawCall(1, { object: 0 }, INTERFACE, METHOD.callBack, { rows }));
    expect(await peer.next()).toBe("call 0 to object 8: abcd.0");
    peer.send(rawResults(0, { text: "there" }));
    expect(await peer.following(4)).toEqual([
      "finish 0",
      "return 1 results, no finish needed",
      "release object 8, 2 times",
      "release object 9, 1 times",
    ]);
  });

  it("gets a Disembargo back, and what nobody knows", async () => {
    const { peer } = await facing();
    peer.send(
      raw(13, 1, 1, (body) => {
        body.uint32(0, 77);
        writeTarget(body, { object: 0 });
      }),
      raw(13, 1, 1, (body) => {
        body.uint16(4, 1);
      }),
      raw(10, 1, 2, (body) => {
        body.uint32(0, 3);
      }),
    );
    expect(await peer.following(2)).toEqual(["disembargo 77 1", "unimplemented message 10"]);
  });

  it("may not need a Finish, and may release parameters with its return", async () => {
    const { connection, peer } = await facing();
    const root = connection.bootstrap();
    const [one, other] = [callBack(root, new Echo()), callBack(root, new Echo())];
    expect(connection.sizes.exports).toBe(2);
    await peer.following(3);
    peer.send(rawResults(1, { text: "one", flags: 2 }), rawResults(2, { text: "other", flags: 1 }));
    await expect(Promise.all([one.results, other.results])).resolves.toEqual(["one", "other"]);
    expect(await peer.next()).toBe("finish 2");
    expect(connection.sizes.exports).toBe(1);
    peer.send(release(1, 5));
    await until(() => connection.sizes.exports === 0, "the other one is given back");
  });

  it.each([
    [2, "the peer cancelled the call"],
    [3, "in a way that is not known here"],
    [4, "in a way that is not known here"],
  ])("that returns in another way (%i) rejects the call", async (kind, text) => {
    const { connection, peer } = await facing();
    const call = echo(connection.bootstrap(), "hi");
    await peer.following(2);
    peer.send(returned(1, kind));
    await expect(call.results).rejects.toThrow(text);
    expect(await peer.next()).toBe("finish 1");
  });

  it("that returns a cancelled call has its id used again, and what it returned is not given back twice", async () => {
    const { connection, peer } = await facing();
    const root = connection.bootstrap();
    const call = invoke(root, METHOD.make);
    await peer.following(2);
    call.cancel();
    expect(await peer.next()).toBe("finish 1, results released");
    void echo(root, "hi");
    expect(await peer.next()).toBe("call 2 to answer 0: abcd.0");
    peer.send(rawResults(1, { rows: [[1, 7]] }));
    await until(() => connection.sizes.questions === 2, "it has returned");
    expect(connection.sizes.imports).toBe(0);
    void echo(root, "hi");
    expect(await peer.next()).toBe("call 1 to answer 0: abcd.0");
  });

  it("keeps objects that came with a cancelled call until it gives them back", async () => {
    const { connection, peer } = await facing();
    const call = callBack(connection.bootstrap(), new Echo());
    call.cancel();
    expect(connection.sizes.exports).toBe(1);
    await peer.following(3);
    peer.send(rawCall(0, { object: 0 }, INTERFACE, METHOD.echo, { text: "late" }));
    expect(await peer.next()).toBe("return 0 results, no finish needed");
    peer.send(returned(1, 2), release(0, 1));
    await until(() => connection.sizes.exports === 0, "it is given back");
  });

  it("that does not know a call rejects it", async () => {
    const { connection, peer } = await facing();
    const root = connection.bootstrap();
    const call = callBack(root, new Echo());
    await peer.following(2);
    const unimplemented = (tag: number, id: number): Buffer =>
      raw(0, 1, 1, (body) => {
        body.uint16(0, tag);
        body.struct(0, 1, 0).uint32(0, id);
      });
    peer.send(unimplemented(4, 1), unimplemented(2, 9), unimplemented(2, 1), unimplemented(BOOTSTRAP, 0));
    await expect(call.results).rejects.toMatchObject({ kind: "unimplemented" });
    await expect(echo(root, "hi").results).rejects.toMatchObject({ kind: "unimplemented" });
    expect(connection.sizes).toMatchObject({ questions: 0, exports: 0 });
  });

  it("that aborts ends everything, with its own words", async () => {
    const object = new Echo();
    const { connection, over, peer } = await facing({ bootstrap: object });
    const call = echo(connection.bootstrap(), "hi");
    peer.send(bootstrap(0), rawCall(1, { answer: 0 }, INTERFACE, METHOD.wait));
    await until(() => object.gates.length === 1, "its call runs");
    peer.send(
      message([
        structPointer(0, 1, 1),
        1n,
        structPointer(0, 1, 2),
        2n << 32n,
        (((2n << 3n) | 2n) << 32n) | 5n,
        0n,
        0x78n,
      ]),
    );
    await expect(call.results).rejects.toMatchObject({ kind: "disconnected", message: "x" });
    await until(() => object.aborted === 1, "its call is aborted");
    await connection.closed;
    expect(over).toHaveLength(1);
  });
});

describe("a connection ends with a message that says why", () => {
  const wrong: readonly (readonly [what: string, why: RegExp, bytes: Buffer])[] = [
    ["bytes that are no message", /segments/, Buffer.from("GET / HTTP/1.1\r\n\r\n")],
    ["a message that is too large", /bytes; at most/, Buffer.from([0, 0, 0, 0, 0, 0, 0, 0x10])],
    ["a message without a word", /out of the message/, message([])],
    ["a pointer that leads outside", /out of the message/, message([structPointer(9, 1, 1)])],
    ["the return of a call that was not made", /not made/, returned(3, 0)],
    ["a call with the id of another one", /id of another/, Buffer.concat([bootstrap(0), bootstrap(0)])],
    [
      "a call to something unknown",
      /unknown kind/,
      raw(2, 3, 3, (body) => {
        body.struct(0, 1, 1).uint16(4, 9);
      }),
    ],
    [
      "a step of unknown kind",
      /a step of unknown kind/,
      Buffer.concat([
        bootstrap(0),
        raw(2, 3, 3, (body) => {
          body.uint32(0, 1);
          const target = body.struct(0, 1, 1);
          target.uint16(4, 1);
          for (const step of target.struct(0, 1, 1).structs(0, 1, 1, 0)) step.uint16(0, 7);
        }),
      ]),
    ],
    [
      "more steps than anybody needs",
      /17 elements; at most 16/,
      Buffer.concat([
        bootstrap(0),
        rawCall(1, { answer: 0, path: Array.from({ length: 17 }, () => 0) }, INTERFACE, METHOD.echo),
      ]),
    ],
    [
      "a capability of unknown kind",
      /a capability of unknown kind/,
      rawCall(1, { object: 0 }, INTERFACE, METHOD.echo, { rows: [[6, 0]] }),
    ],
    [
      "more capabilities in one message than are accepted",
      /65 elements; at most 64/,
      rawCall(1, { object: 0 }, INTERFACE, METHOD.echo, { rows: Array.from({ length: 65 }, () => [0, 0] as const) }),
    ],
    [
      "more capabilities than are accepted",
      /more than 16 capabilities/,
      rawCall(1, { object: 0 }, INTERFACE, METHOD.echo, {
        rows: Array.from({ length: 17 }, (_, id) => [1, id] as const),
      }),
    ],
    [
      "more calls than are accepted",
      /more than 64 calls/,
      Buffer.concat(Array.from({ length: 65 }, (_, id) => bootstrap(id))),
    ],
    [
      "more calls that run on although they were cancelled",
      /more than 64 calls/,
      Buffer.concat([
        bootstrap(0),
        ...Array.from({ length: 65 }, () => [rawCall(1, { answer: 0 }, INTERFACE, METHOD.bug + 90), finish(1)]).flat(),
      ]),
    ],
  ];

  it.each(wrong)("after %s", async (_, why, bytes) => {
    // An object that never ends, whatever happens.
    const bootstrapped = { call: async () => new Promise<undefined>(() => undefined) };
    const { connection, over, bugs, peer } = await facing({ bootstrap: bootstrapped });
    const waiting = echo(connection.bootstrap(), "hi").results;
    peer.send(bytes);
    await expect(waiting).rejects.toThrow(why);
    expect(over).toEqual([expect.any(Malformed)]);
    expect(bugs).toEqual([]);
    await until(() => peer.isClosed, "the connection is closed");
    expect(peer.heard.at(-1)).toMatch(/^abort failed/);
    expect(peer.heard.at(-1)).toMatch(why);
    expect(connection.sizes).toMatchObject({ questions: 0, answers: 0, running: 0, exports: 0, imports: 0 });
  });

  it("and when something of ours is thrown on the way, it says no more than that", async () => {
    const { connection, over, bugs, peer } = await facing({
      bootstrap: new Echo(),
      limits: {
        ...LIMITS,
        get imports(): number {
          return 16;
        },
        get runningBytes(): number {
          throw new TypeError("a secret");
        },
      },
    });
    peer.send(rawCall(1, { object: 0 }, INTERFACE, METHOD.echo));
    expect(await peer.next()).toBe('abort failed "internal error"');
    expect(bugs).toEqual([new TypeError("a secret")]);
    expect(over).toEqual([new RpcException("failed", "internal error")]);
    await connection.closed;
  });

  it("once only, whatever else comes", async () => {
    const { connection, over, peer } = await facing({ bootstrap: new Echo() });
    peer.send(returned(3, 0), returned(3, 0), bootstrap(1));
    connection.close(new RpcException("disconnected", "at the same time"));
    await until(() => peer.isClosed, "the connection is closed");
    connection.close(new RpcException("disconnected", "once more"));
    expect(over).toHaveLength(1);
    expect(peer.heard.filter((line) => line.startsWith("abort"))).toHaveLength(1);
  });
});

describe("a return that cannot be read", () => {
  it.each([
    ["results with a wrong table", rawResults(1, { rows: [[6, 0]] }), /a capability of unknown kind/],
    [
      "an exception that is no struct",
      raw(3, 2, 1, (body) => {
        body.uint32(0, 1);
        body.uint16(6, 1);
        body.data(0, Buffer.from("x"));
      }),
      /a pointer to a struct is expected/,
    ],
  ])("rejects its call, and ends the connection: %s", async (_, bytes, why) => {
    const { connection, over, peer } = await facing();
    const root = connection.bootstrap();
    const making = invoke(root, METHOD.make);
    const onIt = echo(making.pipelined(0), "hi");
    await peer.following(3);
    peer.send(bytes);
    await expect(making.results).rejects.toThrow(why);
    await expect(onIt.results).rejects.toThrow(why);
    expect(over).toEqual([expect.any(Malformed)]);
  });
});

describe("what a call may hold", () => {
  it("is bounded: a call that brings too much is refused, and the ones that run go on", async () => {
    const object = new Echo();
    const { connection, peer } = await facing({ bootstrap: object, limits: { ...LIMITS, runningBytes: 1_000 } });
    peer.send(bootstrap(0));
    peer.send(rawCall(1, { answer: 0 }, INTERFACE, METHOD.wait, { text: "x".repeat(500) }));
    peer.send(rawCall(2, { answer: 0 }, INTERFACE, METHOD.wait, { text: "x".repeat(500) }));
    expect((await peer.following(2))[1]).toMatch(/^return 2 exception overloaded/);
    object.open();
    expect(await peer.next()).toBe("return 1 results, no finish needed");
    expect(connection.sizes.running).toBe(0);
    peer.send(rawCall(3, { answer: 0 }, INTERFACE, METHOD.echo, { text: "x".repeat(500) }));
    expect(await peer.next()).toBe("return 3 results, no finish needed");
  });

  it("includes its capabilities only for as long as it runs", async () => {
    const { connection, peer } = await facing({ bootstrap: new Echo() });
    peer.send(bootstrap(0));
    await peer.next();
    for (let time = 0; time < 20; time++) {
      const rows = Array.from({ length: 10 }, (_, id) => [1, 100 * time + id] as const);
      peer.send(rawCall(1, { object: 0 }, INTERFACE, METHOD.echo, { rows }));
      expect(await peer.next()).toMatch(/^return 1 exception/);
      expect(await peer.following(10)).toHaveLength(10);
      peer.send(finish(1));
    }
    expect(connection.sizes.imports).toBe(0);
    expect(connection.isOver).toBe(false);
  });
});

describe("results with a table of capabilities", () => {
  it("that is not read are given back", async () => {
    const { connection, peer } = await facing();
    const call = echo(connection.bootstrap(), "hi");
    await peer.following(2);
    peer.send(
      raw(3, 2, 1, (body) => {
        body.uint32(0, 1);
        const payload = body.struct(0, 0, 2);
        payload.struct(0, 0, 1).text(0, "text");
        writeRows(payload, [
          [1, 4],
          [3, 0],
        ]);
      }),
    );
    await expect(call.results).resolves.toBe("text");
    expect(await peer.following(2)).toEqual(["release object 4, 1 times", "finish 1"]);
  });

  it("of a Bootstrap are one capability, and anything else breaks it", async () => {
    const { connection, peer } = await facing();
    const [good, bad] = [connection.bootstrap(), connection.bootstrap()];
    await peer.following(2);
    peer.send(rawResults(0, { rows: [[1, 4]], isBare: true }), rawResults(1, { text: "no capability" }));
    expect(await peer.following(2)).toEqual(["finish 0", "finish 1"]);
    void echo(good, "hi");
    expect(await peer.next()).toBe("call 1 to object 4: abcd.0");
    await expect(echo(bad, "hi").results).rejects.toThrow("a capability is expected");
  });
});
