import { PassThrough, Readable } from "node:stream";
import { finished } from "node:stream/promises";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Capture, cutPoint } from "../../host/exec/capture.ts";
import type { Captured } from "../../wire/outcome.ts";

async function captured(cap: number, chunks: readonly Buffer[]): Promise<Captured> {
  const capture = new Capture(cap);
  const stream = Readable.from(chunks, { objectMode: false });
  stream.on("data", (chunk: Buffer) => {
    capture.take(chunk);
  });
  await finished(stream);
  return capture.result();
}

const text = async (cap: number, ...parts: readonly string[]): Promise<readonly [string, number, boolean]> => {
  const { bytes, total, truncated } = await captured(
    cap,
    parts.map((part) => Buffer.from(part)),
  );
  return [bytes.toString("utf8"), total, truncated];
};

describe("captured output", () => {
  it.each<readonly [number, string, string, number, boolean]>([
    [4, "aあ", "aあ", 4, false],
    [4, "aああ", "aあ", 7, true],
    [4, "😀x", "😀", 5, true],
    [4, "abc😀", "abc", 7, true],
    [4, "あい", "あ", 6, true],
    [3, "あい", "あ", 6, true],
    [2, "あい", "", 6, true],
    [5, "helloworld\n", "hello", 11, true],
    [5, "hello", "hello", 5, false],
    [0, "", "", 0, false],
    [0, "x", "", 1, true],
    [1, "é", "", 2, true],
    [100, "", "", 0, false],
  ])("with room for %i bytes of %j is %j", async (cap, all, kept, total, truncated) => {
    expect(await text(cap, all)).toEqual([kept, total, truncated]);
    expect(await text(cap, ...Array.from(all))).toEqual([kept, total, truncated]);
  });

  it("of pure continuation bytes may be nothing", async () => {
    const { bytes, total, truncated } = await captured(4, [Buffer.alloc(10, 0x80)]);
    expect([bytes.length, total, truncated]).toEqual([0, 10, true]);
  });

  it("that is no UTF-8 is kept byte for byte", async () => {
    const all = Buffer.from([0, 255, 254, 128, 10]);
    expect((await captured(5, [all])).bytes.equals(all)).toBe(true);
    expect((await captured(3, [all])).bytes.equals(all.subarray(0, 2))).toBe(true);
  });

  it("is the beginning of what was written, however it came, and cut only between characters", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: "binary" })),
        fc.nat({ max: 40 }),
        fc.integer({ min: 1, max: 7 }),
        async (parts, cap, size) => {
          const all = Buffer.from(parts.join(""));
          const chunks = Array.from({ length: Math.ceil(all.length / size) }, (_, index) =>
            all.subarray(index * size, (index + 1) * size),
          );
          const { bytes, total, truncated } = await captured(cap, chunks);
          expect(bytes.equals(all.subarray(0, bytes.length))).toBe(true);
          expect(total).toBe(all.length);
          expect(truncated).toBe(all.length > cap);
          expect(bytes.length).toBeLessThanOrEqual(cap);
          expect(bytes.length).toBeGreaterThan(truncated ? cap - 4 : all.length - 1);
          expect(bytes.toString("utf8")).not.toContain("\ufffd");
        },
      ),
      { numRuns: 200 },
    );
  });

  it("can be asked for before the end", () => {
    const capture = new Capture(3);
    const stream = new PassThrough();
    stream.on("data", (chunk: Buffer) => {
      capture.take(chunk);
    });
    expect(capture.result()).toEqual({ bytes: Buffer.alloc(0), total: 0, truncated: false });
    stream.emit("data", Buffer.from("ab"));
    const early = capture.result();
    stream.emit("data", Buffer.from("cd"));
    expect(early.bytes.toString()).toBe("ab");
    expect(capture.result()).toEqual({ bytes: Buffer.from("abc"), total: 4, truncated: true });
  });

  it("does not hold on to the chunks that it came in", () => {
    const capture = new Capture(10);
    const stream = new PassThrough();
    stream.on("data", (chunk: Buffer) => {
      capture.take(chunk);
    });
    const chunk = Buffer.from("abc");
    stream.emit("data", chunk);
    chunk.fill("x");
    expect(capture.result().bytes.toString()).toBe("abc");
  });

  it("takes memory for what is kept, also when it comes byte by byte", () => {
    const capture = new Capture(1_000_000);
    const stream = new PassThrough();
    stream.on("data", (chunk: Buffer) => {
      capture.take(chunk);
    });
    const memory = (): number => {
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      return heapUsed + arrayBuffers;
    };
    const before = memory();
    for (let count = 0; count < 400_000; count++) stream.emit("data", Buffer.alloc(1, 0x78));
    globalThis.gc?.();
    const { bytes } = capture.result();
    expect(bytes.length).toBe(400_000);
    expect(memory() - before).toBeLessThan(60_000_000);
  });

  it("never reserves more than the cap and one byte", () => {
    const capture = new Capture(5_000);
    const stream = new PassThrough();
    stream.on("data", (chunk: Buffer) => {
      capture.take(chunk);
    });
    for (let count = 0; count < 100; count++) stream.emit("data", Buffer.alloc(1_000, 0x78));
    const { bytes, total } = capture.result();
    expect([bytes.length, total, bytes.buffer.byteLength]).toEqual([5_000, 100_000, 5_001]);
  });
});

describe("a cut", () => {
  it.each([
    ["abc", 2, 2],
    ["aé", 2, 1],
    ["aé", 1, 1],
    ["😀", 3, 0],
    ["😀", 0, 0],
    ["abc", 3, 3],
  ])("in %j at %i is at %i", (all, cap, at) => {
    expect(cutPoint(Buffer.from(all), cap)).toBe(at);
  });
});
