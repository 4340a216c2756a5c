import { describe, expect, it } from "vitest";
import { RpcException } from "../../../capnp/rpc/exception.ts";
import { until } from "../sockets.ts";
import { both } from "./connections.ts";
import { callBack, echo, Echo, fail, INTERFACE, invoke, LIMITS, MADE, METHOD } from "./objects.ts";

const EMPTY = { questions: 0, answers: 0, running: 0, exports: 0, imports: 0 };

describe("a call", () => {
  it("returns what the object answers, and leaves nothing behind", async () => {
    const { left, right } = await both({ right: { bootstrap: new Echo() } });
    const root = left.connection.bootstrap();
    await expect(echo(root, "hi").results).resolves.toBe("echo: hi");
    await expect(echo(root, "again").results).resolves.toBe("echo: again");
    root.release();
    await until(() => right.connection.sizes.exports === 0, "the object is given back");
    expect(left.connection.sizes).toEqual(EMPTY);
    expect(right.connection.sizes).toEqual(EMPTY);
  });

  it.each(["failed", "overloaded", "disconnected", "unimplemented"] as const)(
    "is rejected with the exception of the object: %s",
    async (kind) => {
      const { left } = await both({ right: { bootstrap: new Echo() } });
      const { results } = fail(left.connection.bootstrap(), kind);
      await expect(results).rejects.toBeInstanceOf(RpcException);
      await expect(results).rejects.toMatchObject({ kind, message: "as it was asked" });
    },
  );

  it("of an object with a bug hears of an internal error only; the bug is told here", async () => {
    const { left, right } = await both({ right: { bootstrap: new Echo() } });
    await expect(invoke(left.connection.bootstrap(), METHOD.bug).results).rejects.toThrow(/^internal error$/);
    expect(right.bugs).toEqual([new TypeError("a secret")]);
  });

  it("with results that no message can hold is rejected, and the connection goes on", async () => {
    const { left, right } = await both({ right: { bootstrap: new Echo() } });
    const root = left.connection.bootstrap();
    await expect(invoke(root, METHOD.huge).results).rejects.toThrow("internal error");
    expect(right.bugs).toHaveLength(1);
    await expect(invoke(root, METHOD.crowd).results).rejects.toMatchObject({ kind: "overloaded" });
    expect(right.connection.sizes.exports).toBe(1);
    await expect(echo(root, "hi").results).resolves.toBe("echo: hi");
  });

  it("with parameters that no message can hold is rejected without being sent", async () => {
    const { left } = await both({ right: { bootstrap: new Echo() } });
    const root = left.connection.bootstrap();
    await expect(echo(root, "x".repeat(70_000_000)).results).rejects.toThrow(RangeError);
    await expect(echo(root, "hi").results).resolves.toBe("echo: hi");
    expect(left.connection.sizes.questions).toBe(0);
  });

  it("is rejected with what reading its results throws", async () => {
    const { left } = await both({ right: { bootstrap: new Echo() } });
    const { results } = left.connection.bootstrap().call({
      interfaceId: INTERFACE,
      method: METHOD.echo,
      read: () => {
        throw new SyntaxError("not what was expected");
      },
    });
    await expect(results).rejects.toThrow(SyntaxError);
  });

  it("reaches objects that come with a call, and they are given back when it is over", async () => {
    const { left, right } = await both({ right: { bootstrap: new Echo() } });
    const root = left.connection.bootstrap();
    const receiver = new Echo("mine");
    await expect(callBack(root, receiver).results).resolves.toBe("called back: mine: hello");
    await expect(
      Promise.all([callBack(root, receiver).results, callBack(root, receiver).results]),
    ).resolves.toHaveLength(2);
    await until(() => left.connection.sizes.exports === 0, "the receiver is given back");
    expect(right.connection.sizes.imports).toBe(0);
    expect(receiver.log).toHaveLength(3);
  });

  it("without an object to call back is told so", async () => {
    const { left } = await both({ right: { bootstrap: new Echo() } });
    await expect(invoke(left.connection.bootstrap(), METHOD.callBack).results).rejects.toThrow("nobody to call back");
  });

  it("to a peer that offers nothing is rejected", async () => {
    const { left, right } = await both();
    await expect(echo(left.connection.bootstrap(), "hi").results).rejects.toThrow("nothing to be called");
    await until(() => right.connection.sizes.answers === 0, "the answers are finished");
  });

  it("to a capability that was released is rejected without being sent", async () => {
    const { left } = await both({ right: { bootstrap: new Echo() } });
    const root = left.connection.bootstrap();
    await echo(root, "hi").results;
    root.release();
    root.release();
    await expect(echo(root, "hi").results).rejects.toThrow("released");
  });

  it("goes on a connection that carries many, one after the other and at the same time", async () => {
    const { left, right } = await both({ right: { bootstrap: new Echo() } });
    const root = left.connection.bootstrap();
    for (let time = 0; time < 100; time++)
      await Promise.all(Array.from({ length: 20 }, async (_, index) => echo(root, String(index)).results));
    expect(left.connection.sizes).toEqual({ ...EMPTY, imports: 1 });
    await until(() => right.connection.sizes.answers === 0, "all is finished");
  });
});

describe("a call that is cancelled", () => {
  it("is rejected at once, its object hears of it, and its id is used again when it has returned", async () => {
    const object = new Echo();
    const { left, right } = await both({ right: { bootstrap: object } });
    const root = left.connection.bootstrap();
    const call = invoke(root, METHOD.wait);
    await until(() => object.gates.length === 1, "it runs");
    call.cancel();
    call.cancel();
    await expect(call.results).rejects.toThrow("cancelled");
    await until(() => object.aborted === 1, "the object hears of it");
    await until(() => left.connection.sizes.questions === 0, "it has returned");
    expect(right.connection.sizes).toMatchObject({ answers: 0, running: 0 });
    await expect(echo(root, "hi").results).resolves.toBe("echo: hi");
    call.cancel();
  });

  it("lets calls be that were made before on what it returns", async () => {
    const object = new Echo();
    const { left, right } = await both({ right: { bootstrap: object } });
    const call = invoke(left.connection.bootstrap(), METHOD.makeLater);
    const made = call.pipelined(...MADE);
    const onIt = echo(made, "still");
    await until(() => object.gates.length === 1, "it runs");
    await until(() => right.connection.sizes.running === 2, "the other one waits");
    call.cancel();
    await expect(call.results).rejects.toThrow("cancelled");
    object.open();
    await expect(onIt.results).resolves.toBe("echo+: still");
    expect(object.aborted).toBe(0);
    await until(() => right.connection.sizes.running === 0, "all is over");
    expect(right.connection.sizes.exports).toBe(1);
  });

  it("is ended when the last call on what it returns is cancelled as well", async () => {
    const object = new Echo();
    const { left, right } = await both({ right: { bootstrap: object } });
    const call = invoke(left.connection.bootstrap(), METHOD.makeLater);
    const onIt = echo(call.pipelined(...MADE), "never");
    await until(() => right.connection.sizes.running === 2, "the other one waits");
    call.cancel();
    onIt.cancel();
    await until(() => object.aborted === 1, "the object hears of it");
    await until(() => left.connection.sizes.questions === 0, "both have returned");
    expect(right.connection.sizes.running).toBe(0);
    expect(object.log).toEqual(["echo 6"]);
  });

  it("of several that wait for the same one ends only itself", async () => {
    const object = new Echo();
    const { left, right } = await both({ right: { bootstrap: object } });
    const call = invoke(left.connection.bootstrap(), METHOD.makeLater);
    const made = call.pipelined(...MADE);
    const [one, other] = [echo(made, "one"), echo(made, "other")];
    await until(() => right.connection.sizes.running === 3, "both wait");
    one.cancel();
    await expect(one.results).rejects.toThrow("cancelled");
    await until(() => right.connection.sizes.running === 2, "it is gone");
    object.open();
    await expect(other.results).resolves.toBe("echo+: other");
    expect(object.aborted).toBe(0);
  });
});

describe("limits of ours", () => {
  it("are kept: calls without an answer", async () => {
    const object = new Echo();
    const { left } = await both({
      left: { limits: { ...LIMITS, questions: 3 } },
      right: { bootstrap: object },
    });
    const root = left.connection.bootstrap();
    await echo(root, "hi").results;
    const waiting = Array.from({ length: 3 }, () => invoke(root, METHOD.wait));
    await expect(echo(root, "one more").results).rejects.toMatchObject({ kind: "overloaded" });
    await until(() => object.gates.length === 3, "they run");
    object.open();
    await Promise.all(waiting.map(async ({ results }) => results));
    await expect(echo(root, "now").results).resolves.toBe("echo: now");
  });

  it("are kept: objects in the peer's hands", async () => {
    const object = new Echo();
    const { left } = await both({ left: { limits: { ...LIMITS, exports: 1 } }, right: { bootstrap: object } });
    const root = left.connection.bootstrap();
    await echo(root, "hi").results;
    const first = callBack(root, new Echo("one"));
    await expect(callBack(root, new Echo("other")).results).rejects.toMatchObject({ kind: "overloaded" });
    await first.results;
    left.connection.allow({ ...LIMITS, exports: 2 });
    await expect(callBack(root, new Echo("other")).results).resolves.toBe("called back: other: hello");
  });
});
