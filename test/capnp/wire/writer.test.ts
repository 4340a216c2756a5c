import { describe, expect, it } from "vitest";
import { Framer } from "../../../capnp/wire/framer.ts";
import { rootOf, type StructReader } from "../../../capnp/wire/reader.ts";
import { MAX_MESSAGE_BYTES, MessageWriter, type StructWriter } from "../../../capnp/wire/writer.ts";

/** What is read of a message that was written, with room for so many bytes at first. */
function written(dataWords: number, pointers: number, write: (root: StructWriter) => void, bytes = 0): StructReader {
  const message = new MessageWriter(bytes);
  write(message.root(dataWords, pointers));
  const found: StructReader[] = [];
  new Framer(1 << 26, (segments) => found.push(rootOf(segments))).push(message.message());
  const [root] = found;
  if (root === undefined) throw new Error("no whole message was written");
  return root;
}

describe("a message that was written", () => {
  it("reads as what was written, however little room there was at first", () => {
    for (const bytes of [0, 8, 4_096]) {
      const root = written(
        3,
        4,
        (struct) => {
          struct.uint8(0, 255);
          struct.uint16(2, 65_535);
          struct.uint32(4, 4_294_967_295);
          struct.int32(8, -5);
          struct.uint64(16, 18_446_744_073_709_551_615n);
          struct.text(0, "ä𝄞");
          struct.data(1, Buffer.from([1, 2, 3]));
          for (const [index, item] of struct.structs(2, 3, 1, 1).entries()) {
            item.uint32(0, index + 1);
            item.text(0, `item ${index}`);
          }
          struct.struct(3, 0, 1).capability(0, 9);
        },
        bytes,
      );
      expect([root.uint8(0), root.uint16(2), root.uint32(4), root.int32(8)]).toEqual([255, 65_535, 4_294_967_295, -5]);
      expect(root.uint64(16)).toBe(18_446_744_073_709_551_615n);
      expect(root.text(0)).toBe("ä𝄞");
      expect(root.data(1)).toEqual(Buffer.from([1, 2, 3]));
      expect(root.structs(2, 3).map((item) => [item.uint32(0), item.text(0)])).toEqual([
        [1, "item 0"],
        [2, "item 1"],
        [3, "item 2"],
      ]);
      expect(root.struct(3).capability(0)).toBe(9);
    }
  });

  it("has nothing where an empty text, no bytes or a struct of no size was written", () => {
    const root = written(0, 4, (struct) => {
      struct.text(0, "");
      struct.data(1, Buffer.of());
      struct.structs(2, 0, 1, 1);
      struct.struct(3, 0, 0);
    });
    expect([root.text(0), root.data(1).length, root.structs(2, 0), root.struct(3).uint32(0)]).toEqual(["", 0, [], 0]);
    expect(written(0, 0, () => undefined).uint8(0)).toBe(0);
  });

  it("has zeros where nothing was written, whatever was in memory before", () => {
    for (let time = 0; time < 200; time++) {
      Buffer.allocUnsafe(2_000).fill(0xff);
      const root = written(20, 1, (struct) => struct.structs(0, 5, 9, 0), 1_000);
      for (let word = 0; word < 20; word++) expect(root.uint64(word * 8)).toBe(0n);
      for (const item of root.structs(0, 5)) expect(item.uint64(64)).toBe(0n);
    }
  });

  it("cannot be larger than anybody accepts", () => {
    const message = new MessageWriter();
    const root = message.root(0, 2);
    root.data(0, Buffer.alloc(MAX_MESSAGE_BYTES - 64));
    expect(() => {
      root.data(1, Buffer.alloc(64));
    }).toThrow(RangeError);
  });
});
