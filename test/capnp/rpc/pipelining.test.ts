import { describe, expect, it } from "vitest";
import { until } from "../sockets.ts";
import { both, facing } from "./connections.ts";
import { echo, Echo, fail, INTERFACE, invoke, LIMITS, MADE, METHOD } from "./objects.ts";
import { rawResults } from "./raw-peer.ts";

describe("a call to what another call will return", () => {
  it("is sent at once, and runs when the other one has returned, in the order of the calls", async () => {
    const object = new Echo();
    const { left, right } = await both({ right: { bootstrap: object } });
    const making = invoke(left.connection.bootstrap(), METHOD.makeLater);
    const made = making.pipelined(...MADE);
    const calls = ["one", "two", "three"].map((value) => echo(made, value));
    await until(() => right.connection.sizes.running === 4, "all have arrived");
    object.open();
    await making.results;
    calls.push(echo(made, "four"));
    await expect(Promise.all(calls.map(async ({ results }) => results))).resolves.toEqual([
      "echo+: one",
      "echo+: two",
      "echo+: three",
      "echo+: four",
    ]);
    expect(object.log).toEqual(["echo 6", "echo+ 0 one", "echo+ 0 two", "echo+ 0 three", "echo+ 0 four"]);
    made.release();
    await until(() => right.connection.sizes.exports === 1, "the made object is given back");
  });

  it("may be the last of a chain of them", async () => {
    const { left } = await both({ right: { bootstrap: new Echo() } });
    let object = left.connection.bootstrap();
    for (let depth = 0; depth < 10; depth++) object = invoke(object, METHOD.make).pipelined(...MADE);
    await expect(echo(object, "deep").results).resolves.toBe(`echo${"+".repeat(10)}: deep`);
  });

  it("may be the last of a thousand that all wait for the first one", async () => {
    const limits = { ...LIMITS, answers: 1_100, questions: 1_100, exports: 1_100, imports: 1_100 };
    const object = new Echo();
    const { left, right } = await both({ left: { limits }, right: { limits, bootstrap: object } });
    let last = invoke(left.connection.bootstrap(), METHOD.makeLater).pipelined(...MADE);
    for (let depth = 0; depth < 1_000; depth++) last = invoke(last, METHOD.make).pipelined(...MADE);
    const result = echo(last, "deep").results;
    await until(() => right.connection.sizes.running === 1_002, "all have arrived");
    object.open();
    await expect(result).resolves.toMatch(/: deep$/);
  });

  it("fails as the other one fails", async () => {
    const { left } = await both({ right: { bootstrap: new Echo() } });
    const failing = fail(left.connection.bootstrap(), "overloaded");
    const onIt = echo(failing.pipelined(0), "hi");
    await expect(failing.results).rejects.toMatchObject({ kind: "overloaded" });
    await expect(onIt.results).rejects.toMatchObject({ kind: "overloaded", message: "as it was asked" });
  });

  it("fails as the other one fails, also when it comes after that", async () => {
    const object = new Echo();
    const { left, right } = await both({ right: { bootstrap: object } });
    const waiting = invoke(left.connection.bootstrap(), METHOD.wait);
    const onIt = echo(waiting.pipelined(0), "hi");
    await until(() => right.connection.sizes.running === 2, "both have arrived");
    object.open();
    await waiting.results;
    await expect(onIt.results).rejects.toThrow("no capability in the answer");
  });

  it("fails where there is no capability, or something else", async () => {
    const { left } = await both({ right: { bootstrap: new Echo() } });
    const making = invoke(left.connection.bootstrap(), METHOD.make);
    const calls = [[0], [1], [1, 1], [], [5, 0]].map((path) => echo(making.pipelined(...path), "hi"));
    const outcomes = await Promise.all(calls.map(async ({ results }) => results.catch(String)));
    expect(outcomes).toEqual([
      "RpcException: there is no capability in the answer",
      "RpcException: a capability is expected",
      "RpcException: there is no capability in the answer",
      "RpcException: a capability is expected",
      "RpcException: there is no capability in the answer",
    ]);
  });

  it("is rejected without being sent when the other one is over, or was never sent", async () => {
    const { left } = await both({ right: { bootstrap: new Echo() } });
    const root = left.connection.bootstrap();
    const making = invoke(root, METHOD.make);
    await making.results;
    await expect(echo(making.pipelined(...MADE), "hi").results).rejects.toThrow("the call is over");
    root.release();
    await expect(echo(invoke(root, METHOD.make).pipelined(...MADE), "hi").results).rejects.toThrow("released");
  });

  it("cannot be made any more when the other one was cancelled", async () => {
    const { left } = await both({ right: { bootstrap: new Echo() } });
    const waiting = invoke(left.connection.bootstrap(), METHOD.makeLater);
    const made = waiting.pipelined(...MADE);
    waiting.cancel();
    await expect(echo(made, "hi").results).rejects.toThrow("cancelled");
  });

  it("goes to the object itself as soon as it is known, before anything else is sent", async () => {
    const { connection, peer } = await facing();
    const making = invoke(connection.bootstrap(), METHOD.make);
    const made = making.pipelined(0);
    expect(await peer.following(2)).toEqual(["bootstrap 0", "call 1 to answer 0: abcd.1"]);
    peer.send(rawResults(1, { rows: [[1, 7]] }));
    expect(await peer.next()).toBe("finish 1");
    void echo(made, "hi");
    expect(await peer.next()).toBe("call 1 to object 7: abcd.0");
  });

  it("is given back when it was released before it was there", async () => {
    const { connection, peer } = await facing();
    const making = invoke(connection.bootstrap(), METHOD.make);
    making.pipelined(0).release();
    await peer.following(2);
    peer.send(rawResults(1, { rows: [[1, 7]] }));
    expect(await peer.following(2)).toEqual(["release object 7, 1 times", "finish 1"]);
  });
});

describe("results with capabilities", () => {
  it("are kept if they are taken, and given back if not", async () => {
    const { left, right } = await both({ right: { bootstrap: new Echo() } });
    const root = left.connection.bootstrap();
    const made = await root.call({
      interfaceId: INTERFACE,
      method: METHOD.make,
      read: (results) => [results.content.struct(1).capability(0), results.capability(0), results.capability(1)],
    }).results;
    expect(made).toEqual([0, undefined, undefined]);
    await until(() => right.connection.sizes.exports === 1, "the made one is given back");
    expect(left.connection.sizes.imports).toBe(1);
  });
});
