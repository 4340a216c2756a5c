import { describe, expect, it } from "vitest";
import { readJsonc } from "../../wire/parse.ts";

describe("JSON with comments", () => {
  it.each<[string, unknown]>([
    ['// a\n{"a": 1, /* b */ "b": [2,],}', { a: 1, b: [2] }],
    ["null", null],
    ['"é"', "é"],
  ])("reads %j", (text, value) => {
    expect(readJsonc(Buffer.from(text), "f")).toEqual({ ok: true, value });
  });

  it.each<[Buffer, string]>([
    [Buffer.from(""), "f:1:1: "],
    [Buffer.from("// nothing\n"), "f:2:1: "],
    [Buffer.from('{"é": 1\n "b": 2}'), "f:2:2: CommaExpected"],
    [Buffer.from("{} {}"), "f:1:4: EndOfFileExpected"],
    [Buffer.from([0x22, 0xff, 0x22]), "f: is not UTF-8"],
  ])("says where %j is wrong", (bytes, message) => {
    expect(readJsonc(bytes, "f")).toEqual({ ok: false, message: expect.stringContaining(message) as string });
  });

  it("keeps a member called __proto__ from being one", () => {
    const read = readJsonc(Buffer.from('{"__proto__":{"x":1}}'), "f");
    expect(Object.getPrototypeOf({})).not.toHaveProperty("x");
    expect(read.ok).toBe(true);
  });

  it("shows names of the file as text that steers nothing", () => {
    expect(readJsonc(Buffer.from("{"), "a\u001b[2Jb")).toEqual({
      ok: false,
      message: expect.stringContaining("a\\x1b[2Jb:1:2") as string,
    });
  });
});
