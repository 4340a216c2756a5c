import { describe, expect, it } from "vitest";
import { Malformed } from "../../../capnp/wire/malformed.ts";
import { rootOf, type StructReader } from "../../../capnp/wire/reader.ts";
import { Segments } from "../../../capnp/wire/segments.ts";
import { capabilityPointer, farPointer, listPointer, listTag, segment, structPointer, textWord } from "../words.ts";

function root(...segments: readonly (readonly bigint[])[]): StructReader {
  return rootOf(new Segments(segments.map(segment)));
}

const BYTE = 2;
const COMPOSITE = 7;

describe("a struct", () => {
  it("has numbers of all sizes, and zero for what its sender did not write", () => {
    const struct = root([structPointer(0, 1, 0), 0x8899_aabb_ccdd_eeffn]);
    expect([struct.uint8(0), struct.uint16(2), struct.uint32(4), struct.int32(4)]).toEqual([
      0xff,
      0xccdd,
      0x8899_aabb,
      0x8899_aabb | 0,
    ]);
    expect(struct.uint64(0)).toBe(0x8899_aabb_ccdd_eeffn);
    expect([struct.bit(0), struct.bit(12), struct.bit(32), struct.bit(34)]).toEqual([true, false, true, false]);
    expect([struct.uint8(8), struct.uint16(7), struct.uint32(6), struct.int32(8)]).toEqual([0, 0, 0, 0]);
    expect([struct.uint64(4), struct.bit(64)]).toEqual([0n, false]);
  });

  it("has nothing where a pointer is missing or null", () => {
    for (const struct of [root([structPointer(0, 0, 1), 0n]), root([0n]), root([structPointer(-1, 0, 0)])]) {
      expect(struct.struct(0).struct(3).uint32(0)).toBe(0);
      expect(struct.structs(0, 5)).toEqual([]);
      expect(struct.data(0)).toHaveLength(0);
      expect(struct.text(0)).toBe("");
      expect(struct.capability(0)).toBeUndefined();
    }
  });

  it("has texts and bytes", () => {
    const struct = root([
      structPointer(0, 0, 3),
      listPointer(2, BYTE, 3),
      listPointer(2, BYTE, 2),
      listPointer(2, BYTE, 0),
      textWord("hi\0"),
      textWord("\xc3\xa4"),
    ]);
    expect(struct.text(0)).toBe("hi");
    expect(struct.data(1)).toEqual(Buffer.from("ä"));
    expect(struct.text(2)).toBe("");
  });

  it("has lists of structs, and capabilities", () => {
    const struct = root([
      structPointer(0, 0, 2),
      listPointer(1, COMPOSITE, 4),
      capabilityPointer(7),
      listTag(2, 1, 1),
      11n,
      0n,
      12n,
      capabilityPointer(3),
    ]);
    const list = struct.structs(0, 2);
    expect(list.map((item) => item.uint32(0))).toEqual([11, 12]);
    expect(list.map((item) => item.capability(0))).toEqual([undefined, 3]);
    expect(struct.capability(1)).toBe(7);
  });
});

describe("a far pointer", () => {
  it("leads to a landing pad in another segment, in front of what is meant", () => {
    const struct = root([farPointer(1, 1)], [0n, structPointer(0, 1, 0), 5n]);
    expect(struct.uint32(0)).toBe(5);
    const list = root([structPointer(0, 0, 1), farPointer(1, 0)], [listPointer(0, BYTE, 3), textWord("ok\0")]);
    expect(list.text(0)).toBe("ok");
    expect(root([structPointer(0, 0, 1), farPointer(1, 0)], [capabilityPointer(4)]).capability(0)).toBe(4);
  });

  it("may be double: then the landing pad says where and what", () => {
    const far = [farPointer(2, 1), structPointer(0, 1, 0)];
    expect(root([farPointer(1, 0, true)], far, [0n, 6n]).uint32(0)).toBe(6);
    const list = [farPointer(2, 0), listPointer(0, BYTE, 3)];
    expect(root([structPointer(0, 0, 1), farPointer(1, 0, true)], list, [textWord("ok\0")]).text(0)).toBe("ok");
  });

  it.each([
    ["leads out of its message", [[farPointer(1, 0)]]],
    ["leads behind its segment", [[farPointer(1, 1)], [0n]]],
    ["leads to a far pointer", [[farPointer(1, 0)], [farPointer(0, 0), 0n]]],
    ["is double and leads to the end of its segment", [[farPointer(1, 0, true)], [farPointer(0, 0)]]],
    ["is double and leads to no far pointer", [[farPointer(1, 0, true)], [structPointer(0, 0, 0), 0n]]],
    ["is double and leads to a double one", [[farPointer(1, 0, true)], [farPointer(0, 0, true), 0n]]],
    ["is double and says that it is a far one", [[farPointer(1, 0, true)], [farPointer(0, 0), farPointer(0, 0)]]],
    ["leads to itself", [[farPointer(0, 0)]]],
  ])("is refused when it %s", (_, segments) => {
    expect(() => root(...segments)).toThrow(Malformed);
  });
});

describe("a message", () => {
  const withPointer = (pointer: bigint, ...rest: readonly bigint[]): StructReader =>
    root([structPointer(0, 0, 1), pointer, ...rest]);

  it.each<[string, () => unknown]>([
    ["has no word", () => root([])],
    ["has no segment", () => root()],
    ["is a list", () => root([listPointer(0, BYTE, 0)])],
    ["has a struct behind its end", () => root([structPointer(0, 1, 0)])],
    ["has a struct in front of its beginning", () => root([structPointer(-2, 1, 0), 0n])],
    ["has a list behind its end", () => withPointer(listPointer(0, BYTE, 9), 0n).data(0)],
    ["has a list in front of its beginning", () => withPointer(listPointer(-9, BYTE, 1)).data(0)],
    ["has a list of words for bytes", () => withPointer(listPointer(0, 5, 1), 0n).data(0)],
    ["has a struct for bytes", () => withPointer(structPointer(0, 1, 0), 0n).data(0)],
    ["has a struct for a list", () => withPointer(structPointer(0, 1, 0), 0n).structs(0, 9)],
    ["has a list of bytes for a list of structs", () => withPointer(listPointer(0, BYTE, 1), 0n).structs(0, 9)],
    ["has a list for a struct", () => withPointer(listPointer(0, BYTE, 1), 0n).struct(0)],
    ["has a struct for a capability", () => withPointer(structPointer(0, 1, 0), 0n).capability(0)],
    ["has a pointer of unknown kind", () => withPointer(7n).capability(0)],
    ["has a list whose tag is behind its end", () => withPointer(listPointer(5, COMPOSITE, 1)).structs(0, 9)],
    [
      "has a list that is shorter than its elements",
      () => withPointer(listPointer(0, COMPOSITE, 1), listTag(2, 1, 0), 0n).structs(0, 9),
    ],
    [
      "has a list with more elements than are accepted",
      () => withPointer(listPointer(0, COMPOSITE, 3), listTag(3, 1, 0), 0n, 0n, 0n).structs(0, 2),
    ],
    ["has a text without an end", () => withPointer(listPointer(0, BYTE, 2), textWord("ab")).text(0)],
    ["has a text that is not UTF-8", () => withPointer(listPointer(0, BYTE, 2), textWord("\xff\0")).text(0)],
  ])("is refused when it %s", (_, read) => {
    expect(read).toThrow(Malformed);
  });

  it("may have a text that is not UTF-8 where it is only shown", () => {
    expect(withPointer(listPointer(0, BYTE, 3), textWord("a\xff\0")).shownText(0)).toBe("a\ufffd");
  });

  it("may have an empty list of another size for a list of structs", () => {
    expect(withPointer(listPointer(0, BYTE, 0)).structs(0, 9)).toEqual([]);
  });

  it("is refused when its structs lie more than 64 deep in each other", () => {
    // A struct whose only pointer leads to itself.
    let struct = root([structPointer(0, 0, 1), structPointer(-1, 0, 1), ...Array.from({ length: 100 }, () => 0n)]);
    for (let depth = 1; depth < 64; depth++) struct = struct.struct(0);
    expect(() => struct.struct(0)).toThrow(/64 deep/);
  });

  it("is refused when its lists lie more than 64 deep in each other", () => {
    const words = [
      structPointer(0, 0, 1),
      listPointer(0, COMPOSITE, 1),
      listTag(1, 0, 1),
      listPointer(-2, COMPOSITE, 1),
    ];
    let struct = root([...words, ...Array.from({ length: 200 }, () => 0n)]);
    expect(() => {
      for (let depth = 0; depth < 65; depth++) [struct = struct] = struct.structs(0, 1);
    }).toThrow(/64 deep/);
  });

  it("cannot be read more often than it is long, more or less: pointers to the same bytes cost each time", () => {
    const bytes = 1_000;
    const pointers = 1_000;
    const words = Array.from({ length: pointers }, (_, index) => listPointer(pointers - index - 1, BYTE, bytes * 8));
    const struct = root([structPointer(0, 0, pointers), ...words, ...Array.from({ length: bytes }, () => 0n)]);
    let read = 0;
    expect(() => {
      for (let index = 0; index < pointers; index++) read += struct.data(index).length;
    }).toThrow(/more often/);
    expect(read).toBeLessThan(2 * 8 * (bytes + pointers + 1) + 1_024);
  });

  it("pays for elements of no size: 2^28 of them in three words are refused", () => {
    const bomb = withPointer(listPointer(0, COMPOSITE, 0), listTag(1 << 28, 0, 0));
    expect(() => bomb.structs(0, 1 << 30)).toThrow(Malformed);
    expect(withPointer(listPointer(0, COMPOSITE, 0), listTag(3, 0, 0)).structs(0, 3)).toHaveLength(3);
  });

  it("of our own may be read as often as we like", () => {
    const struct = rootOf(Segments.ours(segment([structPointer(0, 0, 1), listPointer(0, BYTE, 3), textWord("hi\0")])));
    for (let time = 0; time < 1_000; time++) expect(struct.text(0)).toBe("hi");
  });
});
