import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Tail } from "../../host/exec/tail.ts";

function tailOf(cap: number, chunks: readonly Buffer[]): Buffer {
  const tail = new Tail(cap);
  for (const chunk of chunks) tail.take(chunk);
  return tail.result();
}

/** The same from the whole: its last bytes, from the first whole character on. */
function expected(cap: number, all: Buffer): Buffer {
  if (all.length <= cap) return all;
  const last = all.subarray(all.length - cap);
  const start = last.findIndex((byte) => (byte & 0xc0) !== 0x80);
  return last.subarray(start < 0 || start > 3 ? Math.min(3, last.length) : start);
}

/** Cuts at these places. */
function cut(all: Buffer, places: readonly number[]): readonly Buffer[] {
  const ends = [...places.map((place) => Math.round(place * all.length)), all.length].sort((a, b) => a - b);
  return ends.map((end, index) => all.subarray(index === 0 ? 0 : ends[index - 1], end));
}

const places = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 20 });

describe("the tail of a stream", () => {
  it.each<readonly [number, string, string]>([
    [5, "hello", "hello"],
    [5, "helloworld", "world"],
    [4, "aああ", "あ"],
    [4, "x😀", "😀"],
    [3, "x😀", ""],
    [1, "é", ""],
    [4, "", ""],
  ])("with room for %i bytes of %j is %j", (cap, all, kept) => {
    expect(tailOf(cap, [Buffer.from(all)]).toString("utf8")).toBe(kept);
    expect(
      tailOf(
        cap,
        Array.from(all, (character) => Buffer.from(character)),
      ).toString("utf8"),
    ).toBe(kept);
  });

  it("is the last bytes, however they came", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.integer({ min: 1, max: 120 }), places, (bytes, cap, where) => {
        const all = Buffer.from(bytes);
        expect(tailOf(cap, cut(all, where))).toEqual(expected(cap, all));
      }),
    );
  });

  it("never splits a character, and leaves out none that fits", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.integer({ min: 1, max: 60 }), places, (text, cap, where) => {
        const all = Buffer.from(text);
        const kept = tailOf(cap, cut(all, where)).toString("utf8");
        expect(text.endsWith(kept)).toBe(true);
        const before = Array.from(text.slice(0, text.length - kept.length)).at(-1);
        if (before !== undefined) expect(Buffer.byteLength(before + kept)).toBeGreaterThan(cap);
      }),
    );
  });

  it("does not hold on to buffers that are used again", () => {
    const tail = new Tail(10);
    const buffer = Buffer.from("first");
    tail.take(buffer);
    buffer.fill("x");
    expect(tail.result().toString()).toBe("first");
  });

  it("keeps little of output without end, and goes on after a look", () => {
    const tail = new Tail(100);
    for (let count = 0; count < 20_000; count++) tail.take(Buffer.from(`${count % 10}`));
    expect(tail.result().toString()).toBe("0123456789".repeat(10));
    tail.take(Buffer.from("end"));
    expect(tail.result().toString().slice(-4)).toBe("9end");
    expect(tail.result().length).toBe(100);
  });
});
