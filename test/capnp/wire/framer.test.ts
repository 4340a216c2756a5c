import { describe, expect, it } from "vitest";
import { Framer } from "../../../capnp/wire/framer.ts";
import { Malformed } from "../../../capnp/wire/malformed.ts";
import { rootOf } from "../../../capnp/wire/reader.ts";
import { message, structPointer } from "../words.ts";

/** A message of so many words, whose first number is given. */
function numbered(value: number, words = 2): Buffer {
  return message([structPointer(0, 1, 0), BigInt(value), ...Array.from({ length: words - 2 }, () => 0n)]);
}

/** The numbers of the messages in a stream that comes in pieces of so many bytes. */
function cut(bytes: Buffer, step: number, maxBytes = 1 << 26): readonly number[] {
  const numbers: number[] = [];
  const framer = new Framer(maxBytes, (segments) => numbers.push(rootOf(segments).uint32(0)));
  for (let at = 0; at < bytes.length; at += step) framer.push(bytes.subarray(at, at + step));
  return numbers;
}

/** The table of a message whose segments have these lengths in words, and nothing behind it. */
function table(...words: readonly number[]): Buffer {
  const bytes = Buffer.alloc(Math.ceil((4 + words.length * 4) / 8) * 8);
  bytes.writeUInt32LE(words.length - 1, 0);
  for (const [index, count] of words.entries()) bytes.writeUInt32LE(count, 4 + index * 4);
  return bytes;
}

describe("a stream of messages", () => {
  it("gives the same messages for every cut", () => {
    const parts = [numbered(1), numbered(2, 30), message([structPointer(0, 1, 0), 9n], [], [1n]), numbered(3)];
    const bytes = Buffer.concat(parts);
    for (let step = 1; step <= bytes.length; step++) expect(cut(bytes, step)).toEqual([1, 2, 9, 3]);
  });

  it("hands on nothing of a message that is not complete", () => {
    const bytes = numbered(1, 1_000);
    expect(cut(bytes.subarray(0, -1), 7)).toEqual([]);
    expect(cut(Buffer.of(), 1)).toEqual([]);
  });

  it("takes a large message in many pieces", () => {
    const large = numbered(7, 200_000);
    expect(cut(Buffer.concat([numbered(6), large, numbered(8)]), 10_000)).toEqual([6, 7, 8]);
  });

  it("is refused at the table of a message that is too large, before the message came", () => {
    const framer = new Framer(1_024, () => undefined);
    expect(() => {
      framer.push(table(127));
    }).not.toThrow();
    const header = table(128);
    for (const step of [header.length, 1]) expect(() => cut(header, step, 1_024)).toThrow(/1032 bytes; at most 1024/);
    expect(() => cut(table(1, 126, 1), 24, 1_024)).toThrow(/at most 1024/);
    expect(() => cut(table(0xffff_ffff, 0xffff_ffff, 0xffff_ffff), 24, 1 << 26)).toThrow(Malformed);
  });

  it("is refused with more than 512 segments, before their table came", () => {
    const numbers = cut(message([structPointer(0, 1, 0), 4n], ...Array.from({ length: 511 }, () => [])), 100);
    expect(numbers).toEqual([4]);
    expect(() => cut(table(...Array.from({ length: 513 }, () => 0)).subarray(0, 8), 8)).toThrow(/513 segments/);
    expect(() => cut(Buffer.from("HTTP/1.1 400 Bad"), 16)).toThrow(/segments/);
  });

  it("does not make room for what is only announced", () => {
    const before = process.memoryUsage().rss + process.memoryUsage().external;
    const framers = Array.from({ length: 200 }, () => new Framer(1 << 26, () => undefined));
    for (const framer of framers) framer.push(Buffer.concat([table((1 << 23) - 2), Buffer.alloc(10)]));
    const after = process.memoryUsage().rss + process.memoryUsage().external;
    expect(after - before).toBeLessThan(200 * 1_048_576);
    expect(framers).toHaveLength(200);
  });

  it("ends where it is stopped, also between two messages of one piece", () => {
    const numbers: number[] = [];
    const framer = new Framer(1_024, (segments) => {
      numbers.push(rootOf(segments).uint32(0));
      framer.stop();
    });
    framer.push(Buffer.concat([numbered(1), numbered(2)]));
    framer.push(numbered(3));
    expect(numbers).toEqual([1]);
  });

  it("can be given another limit on the way", () => {
    const numbers: number[] = [];
    const framer = new Framer(64, (segments) => numbers.push(rootOf(segments).uint32(0)));
    framer.push(numbered(1));
    framer.maxBytes = 1_024;
    framer.push(numbered(2, 100));
    framer.maxBytes = 64;
    expect(() => {
      framer.push(numbered(3, 100));
    }).toThrow(Malformed);
    expect(numbers).toEqual([1, 2]);
  });
});
