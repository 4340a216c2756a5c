import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Blocks } from "../../host/util/blocks.ts";
import { Jobs } from "../../host/runs/jobs.ts";
import { countBreaks, LineIndex } from "../../host/runs/line-index.ts";
import { patternCost } from "../../host/runs/pattern-cost.ts";
import { Ring } from "../../host/runs/ring.ts";

describe("blocks", () => {
  it("give back what was put in, whatever was taken out meanwhile", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 9_000 }), fc.nat({ max: 9_000 }))), (steps) => {
        const blocks = new Blocks();
        let expected = Buffer.alloc(0);
        let value = 0;
        for (const [length, drop] of steps) {
          const chunk = Buffer.allocUnsafeSlow(length).fill(++value % 256);
          const seen = Buffer.concat(blocks.views());
          const views = blocks.views();
          blocks.push(chunk);
          expect(Buffer.concat(views).equals(seen)).toBe(true);
          expected = Buffer.concat([expected, chunk]);
          const count = Math.min(drop, blocks.length);
          blocks.drop(count);
          expected = expected.subarray(count);
          expect(blocks.length).toBe(expected.length);
        }
        expect(Buffer.concat(blocks.views()).equals(expected)).toBe(true);
        expect(Buffer.concat(blocks.views(5_000, 3)).length).toBeLessThanOrEqual(5_000);
      }),
    );
  });

  it("keep large chunks as they are, and hold no large buffer for a small part of it", () => {
    const blocks = new Blocks();
    const large = Buffer.allocUnsafeSlow(65_536);
    blocks.push(large);
    blocks.push(Buffer.allocUnsafeSlow(65_536).subarray(100, 110));
    blocks.push(Buffer.allocUnsafeSlow(1_000_000).subarray(0, 10_000));
    const [first, ...others] = blocks.views();
    expect(first?.buffer).toBe(large.buffer);
    for (const other of others) expect(other.buffer.byteLength).toBeLessThanOrEqual(65_536);
    expect(others.reduce((sum, { length }) => sum + length, 0)).toBe(10_010);
  });

  it("hold few pieces when bytes come one by one", () => {
    const blocks = new Blocks();
    for (let count = 0; count < 50_000; count++) blocks.push(Buffer.from("x"));
    expect(blocks.views().length).toBeLessThan(20);
  });
});

describe("a ring", () => {
  it("holds the last bytes, however they came", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 20 }),
        fc.array(fc.uint8Array({ maxLength: 30 })),
        fc.nat({ max: 30 }),
        (capacity, chunks, count) => {
          const ring = new Ring(capacity);
          for (const chunk of chunks) ring.push(Buffer.from(chunk));
          const all = Buffer.concat(chunks);
          const kept = capacity === 0 ? Buffer.alloc(0) : all.subarray(-capacity);
          expect(ring.length).toBe(kept.length);
          expect(ring.first(count)).toEqual(kept.subarray(0, count));
          expect(ring.last(count)).toEqual(count === 0 ? Buffer.alloc(0) : kept.subarray(-count));
        },
      ),
    );
  });
});

describe("the line index", () => {
  it("counts every line break, in short lines and in long ones", () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 300 }), { maxLength: 200 }), fc.nat({ max: 400 }), (lengths, empty) => {
        const text = `${lengths.map((length) => "x".repeat(length)).join("\n")}${"\n".repeat(empty)}`;
        expect(countBreaks(Buffer.from(text))).toBe(text.split("\n").length - 1);
      }),
    );
  });

  it("notes right places, and not more than 513 of them", () => {
    const index = new LineIndex(Number.POSITIVE_INFINITY);
    const chunk = Buffer.from("x".repeat(99_999) + "\n");
    for (let count = 0; count < 5_000; count++) index.take(chunk);
    const points = index.points();
    expect(points.length).toBeGreaterThan(200);
    expect(points.length).toBeLessThanOrEqual(513);
    for (const { at, breaks } of points) expect(breaks).toBe(at / 100_000);
  });
});

describe("the cost of a pattern", () => {
  it.each([
    ["", 0],
    ["abc", 3],
    ["a{10}", 10],
    ["a{2,30}b{5,}", 35],
    ["(ab){10}", 30],
    ["((a{10}){10}){10}", 1_110],
    ["[a-z]{7}", 7],
    ["[](]{9}", 9],
    ["[^](]{9}", 9],
    ["[[:alpha:](]{9}", 9],
    ["[\\](]{9}", 9],
    ["\\({9}", 9],
    ["\\Q[(\\E(ab){100}", 303],
    ["(x[](](abcd)){100}", 800],
    ["a{x}", 4],
  ])("of %s is %i", (pattern, cost) => {
    expect(patternCost(pattern)).toBeGreaterThanOrEqual(cost);
    expect(patternCost(pattern)).toBeLessThanOrEqual(cost + 4);
  });
});

describe("jobs", () => {
  it("of one lane are done in order, one after the other, also behind one that fails", async () => {
    const done: string[] = [];
    const jobs = new Jobs(60_000, (error) => done.push(String(error)));
    await jobs.done();
    let working = 0;
    const job = (name: string) => async (): Promise<void> => {
      expect(++working).toBe(1);
      await new Promise((resolve) => setTimeout(resolve, 1));
      working--;
      if (name === "bad") throw new Error("bad");
      done.push(name);
      if (name === "first") jobs.push("lane", job("added"));
    };
    for (const name of ["first", "bad", "last"]) jobs.push("lane", job(name));
    expect(done).toEqual([]);
    await jobs.done();
    expect(done).toEqual(["first", "Error: bad", "last", "added"]);
  });

  it("of several lanes are done beside each other, a few at a time", async () => {
    const jobs = new Jobs(1, () => undefined);
    let [working, most, done] = [0, 0, 0];
    for (let lane = 0; lane < 50; lane++) {
      for (let count = 0; count < 3; count++)
        jobs.push(String(lane), async () => {
          most = Math.max(most, ++working);
          await new Promise((resolve) => setTimeout(resolve, 1));
          working--;
          done++;
        });
    }
    await jobs.done();
    expect([done, working, most]).toEqual([150, 0, 8]);
  });
});

describe("counting line breaks", () => {
  it("gives what looking at every byte gives, wherever the bytes begin", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(0x0a, 0x0b, 0x8a, 0x00, 0xff, 0x41), { maxLength: 6_000 }),
        fc.integer({ min: 0, max: 9 }),
        (bytes, skipped) => {
          const part = Buffer.from(bytes).subarray(skipped);
          expect(countBreaks(part)).toBe(part.filter((byte) => byte === 0x0a).length);
        },
      ),
    );
  });
});
