import { describe, expect, it } from "vitest";
import { Collector, type Collected } from "../../mcp/collected.ts";

function collect(limit: number, bytes: Buffer, piece: number, cut = false): Collected {
  const collector = new Collector(limit);
  for (let at = 0; at < bytes.length; at += piece) collector.push(bytes.subarray(at, at + piece));
  return collector.end(cut);
}

describe("the collector", () => {
  it("keeps everything up to twice its limit", () => {
    const bytes = Buffer.from("0123456789abcdef");
    for (const piece of [1, 3, 8, 16]) {
      const { head, tail, total } = collect(8, bytes, piece);
      expect([head.toString(), tail, total]).toEqual(["0123456789abcdef", undefined, 16]);
    }
  });

  it("keeps the first and the last bytes of more, however they come", () => {
    const bytes = Buffer.from(Array.from({ length: 1_000 }, (_, index) => index % 251));
    for (const piece of [1, 2, 7, 8, 9, 63, 500, 1_000]) {
      const { head, tail, total } = collect(8, bytes, piece);
      expect(head).toEqual(bytes.subarray(0, 8));
      expect(tail).toEqual(bytes.subarray(-8));
      expect(total).toBe(1_000);
    }
  });

  it("counts line feeds also of what it drops", () => {
    expect(collect(4, Buffer.from("a\n".repeat(300)), 7).lineFeeds).toBe(300);
  });

  it("knows text from bytes, however characters are cut", () => {
    const text = Buffer.from("aé吾😀".repeat(50));
    for (const piece of [1, 2, 3, 5, 1_000]) expect(collect(16, text, piece).isText).toBe(true);
    expect(collect(16, Buffer.concat([text, Buffer.from([0xff]), text]), 3).isText).toBe(false);
    expect(collect(16, Buffer.from([0xc3, 0x28]), 1).isText).toBe(false);
  });

  it("takes an unfinished character at the end for text only when the stream was cut", () => {
    const half = Buffer.from("é").subarray(0, 1);
    expect(collect(16, half, 1, false).isText).toBe(false);
    expect(collect(16, half, 1, true).isText).toBe(true);
  });

  it("of nothing is empty text", () => {
    expect(new Collector(8).end(false)).toEqual({
      total: 0,
      lineFeeds: 0,
      isText: true,
      head: Buffer.alloc(0),
      tail: undefined,
    });
  });
});
