import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MAX_JSON_BYTES } from "../../host/filter/json-filter.ts";
import { cut, filteredJson, filteredText, isSubsequence, leftOfJson } from "./filtering.ts";

const one = (text: string): readonly Buffer[] => [Buffer.from(text)];

describe("members of JSON", () => {
  it.each([
    ["of an object", ["a"], '{"a":1,"b":2}', '{"a":1}'],
    ["at the end of an object", ["b"], '{"a":1,"b":2}', '{"b":2}'],
    ["in the original's order", ["c", "a"], '{"a":1,"b":2,"c":3}', '{"a":1,"c":3}'],
    ["of each element of an array", ["a"], '[{"a":1,"b":2},{"b":3},{"a":4}]', '[{"a":1},{},{"a":4}]'],
    ["of members", ["a.b", "c"], '{"a":{"b":1,"x":2},"c":{"y":3},"d":4}', '{"a":{"b":1},"c":{"y":3}}'],
    ["of elements of members", ["a.b"], '{"a":[{"b":1,"c":2},{"b":3}],"d":4}', '{"a":[{"b":1},{"b":3}]}'],
    ["of arrays in arrays", ["a"], '[[{"a":1,"b":2}],[]]', '[[{"a":1}],[]]'],
    ["with all that is in them", ["a", "a.b"], '{"a":{"b":1,"c":2},"d":3}', '{"a":{"b":1,"c":2}}'],
    ["none of which is there", ["x"], '{"a":1,"b":{"x":2}}', "{}"],
    ["beside what has no members", ["a.b"], '{"a":5,"b":6}', '{"a":5}'],
    ["beside null", ["a.b"], '{"a":null,"b":6}', '{"a":null}'],
    ["beside elements without members", ["a"], '[1,"x",null,{"a":1,"b":2}]', '[1,"x",null,{"a":1}]'],
    ["whose names are written with escapes", ["a"], '{"\\u0061":1,"b":2}', '{"\\u0061":1}'],
    ["whose names are common ones", ["constructor"], '{"constructor":1,"toString":2}', '{"constructor":1}'],
    ["with brackets and quotes in texts", ["a"], '{"b":"}],{\\"","a":"{[\\\\"}', '{"a":"{[\\\\"}'],
    ["with long numbers", ["a"], '{"a":9007199254740993,"b":1}', '{"a":9007199254740993}'],
    ["with numbers of any form", ["a"], '{"a":[1.10,-0,1E400],"b":1}', '{"a":[1.10,-0,1E400]}'],
    [
      "with the original's spaces",
      ["b"],
      '{\n  "a": 1,\n  "b": {\n    "c": 2\n  }\n}\n',
      '{\n  "b": {\n    "c": 2\n  }\n}\n',
    ],
    ["with spaces before what is left out", ["a"], '{ "a" : 1 , "b" : 2 }', '{ "a" : 1 }'],
  ])("are kept: %s", (_what, fields, text, left) => {
    expect(filteredJson(fields, one(text))).toEqual({
      stdout: left,
      dropped: [`members other than ${fields.join(", ")}`],
    });
  });

  it.each([
    ["every member is named", '{"a":1}'],
    ["there are no members", "[1,2,[3]]"],
    ["it is a text", '"a"'],
    ["it is a number", "12"],
    ["it is empty", ""],
    ["it is blank", " \n"],
    ["it is cut off", '{"b":1'],
    ["something stands behind it", '{"b":1} x'],
    ["it is several values", '{"b":1}\n{"b":2}\n'],
    ["it is no JSON", "{b:1}"],
    ["a member stands twice", '{"b":1,"b":2}'],
    ["it begins with a byte order mark", '\ufeff{"b":1}'],
    ["it is nested too deep", `${"[".repeat(1_000)}{"b":1}${"]".repeat(1_000)}`],
  ])("are not touched when %s", (_what, text) => {
    expect(filteredJson(["a"], one(text))).toBeUndefined();
  });

  it("are not touched when they are not UTF-8", () => {
    expect(filteredJson(["a"], [Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])])).toBeUndefined();
  });

  it("are not touched by the filters of text", () => {
    const rules = { stripAnsi: true, collapseProgress: true, maxLines: { head: 1, tail: 0 } };
    const text = '{"a":"\u009b31m",\n\n\n"b":2}';
    expect(leftOfJson(["a", "b"], text)).toBe(text);
    expect(filteredText(rules, one(text))).not.toBeUndefined();
  });

  it("are found in output up to 8 MiB, and not in more", () => {
    const padded = (length: number): Buffer =>
      Buffer.concat([Buffer.from('{"a":1,"b":"'), Buffer.alloc(length - 14, "x"), Buffer.from('"}')]);
    expect(filteredJson(["a"], [padded(MAX_JSON_BYTES)])?.stdout).toBe('{"a":1}');
    expect(filteredJson(["a"], [padded(MAX_JSON_BYTES + 1)])).toBeUndefined();
    // What is kept has to fit into one message.
    expect(filteredJson(["b"], [padded(MAX_JSON_BYTES)])).toBeUndefined();
  });
});

/** The same selection, written for values. */
function select(value: unknown, fields: readonly (readonly string[])[]): unknown {
  if (fields.some((path) => path.length === 0) || typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((element) => select(element, fields));
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, member]) => {
      const deeper = fields.filter((path) => path[0] === name).map((path) => path.slice(1));
      return deeper.length === 0 ? [] : [[name, select(member, deeper)]];
    }),
  );
}

const name = fc.constantFrom("a", "b", "c", "é", "d e");
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.oneof(fc.string(), fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constant(null)),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(name, tie("value"), { noNullPrototype: true, maxKeys: 4 }),
  ),
}));
const paths = fc.array(fc.array(name, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 4 });

describe("any JSON", () => {
  it("keeps what a selection of its values keeps, however it is cut and spaced", () => {
    fc.assert(
      fc.property(value, paths, fc.constantFrom(0, 1, 2), fc.array(fc.nat(300)), (given, fields, spaces, cuts) => {
        const text = JSON.stringify(given, null, spaces);
        const chunks = cut(Buffer.from(text), cuts);
        const filtered = filteredJson(
          fields.map((path) => path.join(".")),
          chunks,
        );
        const left = filtered?.stdout ?? text;
        expect(JSON.parse(left)).toEqual(select(JSON.parse(text), fields));
        expect(isSubsequence(left, text)).toBe(true);
        expect(filtered === undefined).toBe(left === text);
      }),
      { numRuns: 2_000 },
    );
  });
});
