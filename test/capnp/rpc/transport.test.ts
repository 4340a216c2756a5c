import { Duplex } from "node:stream";
import { describe, expect, it } from "vitest";
import { Connection } from "../../../capnp/rpc/connection.ts";
import { RpcException } from "../../../capnp/rpc/exception.ts";
import { until } from "../sockets.ts";
import { both, facing } from "./connections.ts";
import { echo, Echo, INTERFACE, invoke, LIMITS, METHOD } from "./objects.ts";
import { raw, rawCall } from "./raw-peer.ts";

describe("a connection that is lost", () => {
  it.each([
    ["closed", (socket: { end(): unknown }) => socket.end()],
    ["reset", (socket: { resetAndDestroy(): unknown }) => socket.resetAndDestroy()],
  ] as const)("because it was %s rejects all calls and aborts those of the peer", async (_, lose) => {
    const object = new Echo();
    const { connection, over, peer } = await facing({ bootstrap: object });
    const calls = [echo(connection.bootstrap(), "one"), echo(connection.bootstrap(), "two")];
    peer.send(
      raw(8, 1, 1, () => undefined),
      rawCall(1, { answer: 0 }, INTERFACE, METHOD.wait),
      rawCall(2, { answer: 0 }, INTERFACE, METHOD.wait),
    );
    await until(() => object.gates.length === 2, "its calls run");
    lose(peer.socket);
    for (const { results } of calls) await expect(results).rejects.toMatchObject({ kind: "disconnected" });
    await until(() => object.aborted === 2, "its calls are aborted");
    await connection.closed;
    expect(over).toHaveLength(1);
    await expect(echo(connection.bootstrap(), "late").results).rejects.toMatchObject({ kind: "disconnected" });
    expect(connection.sizes).toEqual({ questions: 0, answers: 0, running: 0, exports: 0, imports: 0 });
  });

  it("before it began is told", async () => {
    const stream = new Duplex({
      read: () => undefined,
      write: (_chunk, _encoding, done) => {
        done();
      },
    });
    stream.destroy();
    const over: Error[] = [];
    const connection = new Connection(stream, { limits: LIMITS, onOver: (why) => over.push(why) });
    await connection.closed;
    await until(() => over.length === 1, "it is told");
    expect(over[0]).toMatchObject({ kind: "disconnected" });
  });

  it("says the error of its stream", async () => {
    const stream = new Duplex({
      read: () => undefined,
      write: (_chunk, _encoding, done) => {
        done();
      },
    });
    const connection = new Connection(stream, { limits: LIMITS });
    const call = echo(connection.bootstrap(), "hi");
    stream.destroy(new Error("the cable is cut"));
    await expect(call.results).rejects.toThrow("the cable is cut");
    await connection.closed;
  });
});

describe("a connection that is closed here", () => {
  it("says why and is closed at the other end as well", async () => {
    const object = new Echo();
    const { left, right } = await both({ right: { bootstrap: object } });
    const call = invoke(left.connection.bootstrap(), METHOD.wait);
    await until(() => object.gates.length === 1, "it runs");
    left.connection.close(new RpcException("disconnected", "that will do"));
    await expect(call.results).rejects.toThrow("that will do");
    await until(() => right.over.length === 1, "the other end hears of it");
    expect(right.over[0]).toMatchObject({ kind: "disconnected", message: "that will do" });
    await left.connection.closed;
    await right.connection.closed;
    expect(object.aborted).toBe(1);
  });

  it("is gone soon, also when the peer neither reads nor closes", async () => {
    const { connection, peer } = await facing({ bootstrap: new Echo() });
    peer.socket.pause();
    connection.close(new RpcException("disconnected", "that will do"));
    await connection.closed;
    expect(connection.isOver).toBe(true);
  });
});

describe("reading", () => {
  it("stops for as long as it is held, by whoever holds it", async () => {
    const object = new Echo();
    const { left, right } = await both({ right: { bootstrap: object } });
    const root = left.connection.bootstrap();
    await echo(root, "one").results;
    const [release, releaseOther] = [right.connection.hold(), right.connection.hold()];
    const { results } = echo(root, "two");
    release();
    release();
    expect(right.connection.isHeld).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(object.log).toEqual(["echo 0 one"]);
    releaseOther();
    expect(right.connection.isHeld).toBe(false);
    await expect(results).resolves.toBe("echo: two");
  });

  it("stops while a peer lets answers pile up, and goes on when it has read them", async () => {
    const object = new Echo();
    const { connection, peer } = await facing({
      bootstrap: object,
      limits: { ...LIMITS, answers: 4_096, messageBytes: 1 << 20 },
    });
    peer.send(raw(8, 1, 1, () => undefined));
    await peer.next();
    peer.socket.pause();
    const calls = 400;
    for (let id = 1; id <= calls; id++)
      peer.send(rawCall(id, { object: 0 }, INTERFACE, METHOD.echo, { text: "x".repeat(100_000) }));
    await until(() => connection.isHeld, "it is held");
    await new Promise((resolve) => setTimeout(resolve, 50));
    const taken = object.log.length;
    expect(taken).toBeLessThan(calls);
    peer.socket.resume();
    await until(() => peer.heard.length === calls + 1, "all answers came");
    await until(() => !connection.isHeld, "nothing holds it");
    expect(object.log).toHaveLength(calls);
  });

  it("notes when something was heard", async () => {
    const { connection, peer } = await facing();
    const before = connection.heardAt;
    await new Promise((resolve) => setTimeout(resolve, 5));
    peer.send(raw(13, 1, 1, () => undefined));
    await peer.next();
    expect(connection.heardAt).toBeGreaterThan(before);
  });
});
