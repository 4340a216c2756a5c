import { describe, expect, it } from "vitest";
import { ConnectionLimits, PenaltyRoom, Slots, type Limited } from "../../host/exchange/limits.ts";

describe("slots", () => {
  it("are given until none is free, and again when one is released", () => {
    const slots = new Slots(2);
    expect([slots.take(), slots.take(), slots.take()]).toEqual([true, true, false]);
    expect([slots.used, slots.full]).toEqual([2, true]);
    slots.release();
    expect([slots.full, slots.take(), slots.take()]).toEqual([false, true, false]);
  });

  it("can be without bound, and can be bounded anew while they are used", () => {
    const slots = new Slots(Number.POSITIVE_INFINITY);
    for (let count = 0; count < 1_000; count++) expect(slots.take()).toBe(true);
    slots.max = 1_000;
    expect(slots.take()).toBe(false);
    slots.max = 1;
    slots.release();
    expect(slots.full).toBe(true);
  });
});

class Fake implements Limited {
  dropped = 0;
  readonly peerId: string;

  constructor(peerId: string) {
    this.peerId = peerId;
  }

  drop(): void {
    this.dropped++;
  }
}

function fakes(count: number, peerId = "a"): readonly Fake[] {
  return Array.from({ length: count }, () => new Fake(peerId));
}

function droppedOf(connections: readonly Fake[]): readonly number[] {
  return connections.map(({ dropped }) => dropped);
}

describe("connection limits", () => {
  it("close the connection that has been idle longest for one that is too many [promise 9]", () => {
    const limits = new ConnectionLimits(3, 10);
    const connections = fakes(5);
    expect(connections.map((one) => limits.admit(one))).toEqual([true, true, true, true, true]);
    expect(droppedOf(connections)).toEqual([1, 1, 0, 0, 0]);
    expect(limits.open).toBe(3);
  });

  it("let a new client in however many idle connections somebody else holds [promise 9]", () => {
    const limits = new ConnectionLimits(100, 100);
    const flood = fakes(1_000, "attacker");
    for (const one of flood) limits.admit(one);
    const honest = new Fake("honest");
    expect(limits.admit(honest)).toBe(true);
    limits.busy(honest);
    for (const one of fakes(1_000, "attacker")) limits.admit(one);
    expect(honest.dropped).toBe(0);
    expect(limits.open).toBe(100);
  });

  it("never close a connection that is worked on, and refuse a new one when all are", () => {
    const limits = new ConnectionLimits(2, 10);
    const [first, second, third] = [new Fake("a"), new Fake("a"), new Fake("a")];
    limits.admit(first);
    limits.admit(second);
    limits.busy(first);
    expect(limits.admit(third)).toBe(true);
    expect(droppedOf([first, second, third])).toEqual([0, 1, 0]);
    limits.busy(third);
    expect(limits.admit(new Fake("a"))).toBe(false);
    limits.idle(first);
    expect(limits.admit(new Fake("a"))).toBe(true);
    expect(droppedOf([first, third])).toEqual([1, 0]);
  });

  it("take a connection whose work is done for the one that has been idle shortest", () => {
    const limits = new ConnectionLimits(2, 10);
    const [first, second, third] = [new Fake("a"), new Fake("a"), new Fake("a")];
    limits.admit(first);
    limits.admit(second);
    limits.busy(first);
    limits.idle(first);
    limits.admit(third);
    expect(droppedOf([first, second])).toEqual([0, 1]);
  });

  it("bound each peer too, and close that peer's own connection for its next", () => {
    const limits = new ConnectionLimits(100, 2);
    const other = new Fake("b");
    limits.admit(other);
    const mine = fakes(3);
    expect(mine.map((one) => limits.admit(one))).toEqual([true, true, true]);
    expect(droppedOf([other, ...mine])).toEqual([0, 1, 0, 0]);
    for (const one of mine.slice(1)) limits.busy(one);
    expect(limits.admit(new Fake("a"))).toBe(false);
    expect(limits.admit(new Fake("b"))).toBe(true);
    expect(other.dropped).toBe(0);
  });

  it("refuse a connection although its peer has room when all are worked on", () => {
    const limits = new ConnectionLimits(1, 10);
    const one = new Fake("a");
    limits.admit(one);
    limits.busy(one);
    expect(limits.admit(new Fake("b"))).toBe(false);
    limits.leave(one);
    expect(limits.admit(new Fake("b"))).toBe(true);
  });

  it("forget a connection that left, once, and pay no heed to one that is unknown", () => {
    const limits = new ConnectionLimits(10, 1);
    const one = new Fake("a");
    limits.admit(one);
    limits.leave(one);
    limits.leave(one);
    limits.busy(one);
    limits.idle(one);
    expect(limits.open).toBe(0);
    expect(limits.admit(new Fake("a"))).toBe(true);
    expect(limits.open).toBe(1);
  });

  it("can close every idle connection, and leave those that are worked on", () => {
    const limits = new ConnectionLimits(10, 10);
    const connections = fakes(3);
    for (const one of connections) limits.admit(one);
    for (const one of connections.slice(0, 1)) limits.busy(one);
    limits.dropIdle();
    expect(droppedOf(connections)).toEqual([0, 1, 1]);
  });

  it("can be changed while connections are open", () => {
    const limits = new ConnectionLimits(10, 10);
    const connections = fakes(3);
    for (const one of connections) limits.admit(one);
    limits.maxTotal = 3;
    limits.admit(new Fake("b"));
    limits.maxPerPeer = 2;
    limits.admit(new Fake("a"));
    expect(droppedOf(connections)).toEqual([1, 1, 0]);
  });
});

describe("the room where failed authentications wait", () => {
  async function finished(room: PenaltyRoom): Promise<{ readonly ms: number; readonly served: boolean }> {
    const started = performance.now();
    const served = await room.serve();
    return { ms: performance.now() - started, served };
  }

  it("lets some wait at the same time, some behind them, and turns the rest away at once [promise 9]", async () => {
    const room = new PenaltyRoom(200, 2, 3);
    const results = await Promise.all(Array.from({ length: 8 }, async () => finished(room)));
    expect(results.map(({ served }) => served)).toEqual([true, true, true, true, true, false, false, false]);
    const floors = [195, 195, 390, 390, 585];
    for (const [index, floor] of floors.entries()) expect(results[index]?.ms).toBeGreaterThanOrEqual(floor);
    for (const { ms } of results.slice(5)) expect(ms).toBeLessThan(150);
  });

  it("has its places free again afterwards", async () => {
    const room = new PenaltyRoom(20, 1, 0);
    expect(await Promise.all([room.serve(), room.serve()])).toEqual([true, false]);
    expect(await room.serve()).toBe(true);
  });
});
