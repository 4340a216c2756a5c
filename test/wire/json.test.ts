import { isUtf8 } from "node:buffer";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isJsonSpace, JsonScanner } from "../../wire/json.ts";
import { MAX_JSON_DEPTH, MAX_JSON_KEY_BYTES } from "../../wire/limits.ts";
import {
  cut,
  endOfValue,
  faultOf,
  isStrictJson,
  jsonText,
  mutatedJson,
  scan,
  scanText,
  singleBytes,
} from "./strict-json.ts";

/** True when the scanner finds exactly one value with nothing but white space around it. */
function accepts(bytes: Buffer): boolean {
  const result = scan([bytes]);
  return result.state === "done" && bytes.subarray(result.end).every(isJsonSpace);
}

describe("the JSON scanner and JSON.parse", () => {
  it("agree on JSON texts, but for what two readers could read differently, and on where the value ends", () => {
    fc.assert(
      fc.property(jsonText, fc.array(fc.nat(), { maxLength: 6 }), (text, places) => {
        const bytes = Buffer.from(text);
        const result = scan(cut(bytes, places));
        expect(result.state).toBe(isStrictJson(text) ? "done" : "wrong");
        if (result.state === "done") expect(result.end).toBe(endOfValue(text));
      }),
      { numRuns: 1_500 },
    );
  });

  it("agree on JSON texts with a few wrong bytes", () => {
    fc.assert(
      fc.property(mutatedJson, (bytes) => {
        if (isUtf8(bytes)) expect(accepts(bytes)).toBe(isStrictJson(bytes.toString("utf8")));
      }),
      { numRuns: 3_000 },
    );
  });

  it("never differ in that only the scanner accepts, whatever the bytes", () => {
    const alphabet = fc.constantFrom(...Buffer.from('{}[]",:\\u0d8-+.eEtrufalsn1 \n'), 0x80, 0xff);
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.array(alphabet, { maxLength: 24 })), (array) => {
        const bytes = Buffer.from(array);
        if (!isUtf8(bytes) || !accepts(bytes)) return;
        expect(() => {
          JSON.parse(bytes.toString("utf8"));
        }).not.toThrow();
      }),
      { numRuns: 3_000 },
    );
  });

  it("gives the same verdict, the same end and the same fault however the bytes are cut", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          jsonText.map((text) => Buffer.from(text)),
          mutatedJson,
        ),
        fc.array(fc.nat(), { maxLength: 8 }),
        (bytes, places) => {
          const whole = scan([bytes]);
          expect(scan(cut(bytes, places))).toEqual(whole);
          expect(scan(singleBytes(bytes))).toEqual(whole);
        },
      ),
      { numRuns: 1_500 },
    );
  });
});

describe("the JSON scanner", () => {
  it.each(["0", "-0", "10", "-1", "1.5", "0.5", "1e1", "1E-1", "1e+10", "0e0", "12.34e56"])(
    "accepts the number %s",
    (text) => {
      expect(scanText(text)).toEqual({ state: "done", end: text.length });
      expect(scanText(`[${text}]`)).toEqual({ state: "done", end: text.length + 2 });
    },
  );

  it.each([
    "-",
    "01",
    "-01",
    "1.",
    ".5",
    "1e",
    "1e+",
    "+1",
    "0x1",
    "1.e1",
    "--1",
    "1.5.5",
    "1e1e1",
    "1e1.5",
    "Infinity",
    "NaN",
    "1-",
    "-a",
  ])("refuses the number %s", (text) => {
    expect(scanText(`[${text}]`).state).toBe("wrong");
  });

  it("waits for the byte behind a number at top level, and does not count it", () => {
    const scanner = new JsonScanner();
    expect(scanner.write(Buffer.from("12"))).toEqual({ state: "more" });
    expect(scanner.offset).toBe(2);
    expect(scanner.write(Buffer.from(" "))).toEqual({ state: "done", end: 2 });
  });

  it.each([
    "{",
    "[",
    '{"a"',
    '{"a":',
    '{"a":1',
    '{"a":1,',
    "[1",
    "[1,",
    '"a',
    '"\\',
    '"\\u12',
    "tru",
    "-",
    "1.",
    "1e",
    "",
    "  ",
  ])("takes %j for a value that is cut short", (text) => {
    expect(scanText(text, false)).toEqual({ state: "more" });
    expect(faultOf(text)).toMatchObject({ kind: "syntax", message: "unexpected EOF", offset: text.length });
  });

  it.each([
    ["{,}", 1],
    ["{]", 1],
    ["{1:1}", 1],
    ["{a:1}", 1],
    ["{'a':1}", 1],
    ['{"a" 1}', 5],
    ['{"a":1 "b":2}', 7],
    ['{"a":1;', 6],
    ['{"a":1,}', 7],
    ['{"a":}', 5],
    ["[1 2]", 3],
    ["[1,]", 3],
    ["[,1]", 1],
    ["[1}", 2],
    ["}", 0],
    ["\ufeff{}", 0],
    ["// comment", 0],
    ["[1,/**/2]", 3],
    ["tRue", 1],
    ["nulL", 3],
    ["undefined", 0],
    ['"a\nb"', 2],
    ['"a\u0000b"', 2],
    ['"\\x41"', 2],
    ['"\\\u0000"', 2],
    ['"\\u12g4"', 5],
    ["[\u00a01]", 1],
    ["[\u000b1]", 1],
  ])("refuses %j at its first wrong byte", (text, offset) => {
    expect(faultOf(text)).toMatchObject({ kind: "syntax", offset });
  });

  it.each([
    ['{"a":1,"a":2}', "/a"],
    ['{"a":1,"b":2,"\\u0061":3}', "/a"],
    ['{"x":{"a":1,"a":1}}', "/x/a"],
    ['[0,{"a/b~":1,"a\\/b~":1}]', "/1/a~1b~0"],
    ['{"😀":1,"\\ud83d\\ude00":1}', "/😀"],
  ])("refuses the second of two equal names in %s", (text, pointer) => {
    expect(faultOf(text)).toMatchObject({ kind: "duplicate_key", pointer });
  });

  it("names a duplicate member in the message", () => {
    expect(faultOf('{"a":1,"a":2}').message).toBe('duplicate member "a"');
  });

  it("lets equal names stand in different objects, and names that differ in case", () => {
    expect(scanText('[{"a":{"a":1}},{"a":1},{"a":1,"A":2}]').state).toBe("done");
  });

  it.each(['{"__proto__":1}', '{"a":[{"\\u005f_proto__":{}}]}'])("refuses the member __proto__ in %s", (text) => {
    expect(faultOf(text)).toMatchObject({ kind: "duplicate_key", message: 'member "__proto__" is refused' });
  });

  it("lets __proto__ stand as a value, and other names of Object.prototype as members", () => {
    expect(scanText('{"constructor":"__proto__","toString":1,"hasOwnProperty":2}').state).toBe("done");
  });

  it.each([
    "\\ud800",
    "\\udc00",
    "\\ud800x",
    "\\ud800\\n",
    "\\ud800\\ud800",
    "\\ud800\\u0041",
    "\\udc00\\ud800",
    "\\ud83d\\ude00\\ude00",
    "\\uD800\\u",
  ])("refuses the lone surrogate in %s, in values and in names", (text) => {
    expect(faultOf(`["${text}"]`).kind).toBe("syntax");
    expect(faultOf(`{"${text}":1}`).kind).toBe("syntax");
  });

  it("accepts surrogate pairs in values and in names, in either case of the digits", () => {
    expect(scanText('{"\\ud83d\\uDE00":"\\uDBFF\\uDFFF\\u0041"}').state).toBe("done");
  });

  it(`accepts a nesting of ${MAX_JSON_DEPTH} and refuses one more`, () => {
    const arrays = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);
    const objects = (depth: number): string => '{"a":'.repeat(depth) + "1" + "}".repeat(depth);
    expect(scanText(arrays(MAX_JSON_DEPTH)).state).toBe("done");
    expect(scanText(objects(MAX_JSON_DEPTH)).state).toBe("done");
    expect(faultOf(arrays(MAX_JSON_DEPTH + 1))).toMatchObject({ kind: "depth", offset: MAX_JSON_DEPTH });
    expect(faultOf(objects(MAX_JSON_DEPTH + 1)).kind).toBe("depth");
    expect(faultOf("[".repeat(1_000_000)).kind).toBe("depth");
  });

  it(`accepts a name of ${MAX_JSON_KEY_BYTES} bytes as written and refuses a longer one; values are not bounded`, () => {
    const half = "é".repeat(MAX_JSON_KEY_BYTES / 2);
    expect(scanText(`{"${half}":1}`).state).toBe("done");
    expect(faultOf(`{"${half}a":1}`).message).toBe(`member name longer than ${MAX_JSON_KEY_BYTES} bytes`);
    expect(faultOf(`{"${"a".repeat(MAX_JSON_KEY_BYTES)}\\n":1}`).kind).toBe("syntax");
    expect(faultOf(`{"${"a".repeat(MAX_JSON_KEY_BYTES - 2)}\\u0041":1}`).kind).toBe("syntax");
    expect(scanText(`["${"a".repeat(MAX_JSON_KEY_BYTES * 10)}"]`).state).toBe("done");
  });

  it("says where it stopped, as a pointer", () => {
    expect(faultOf('{"a":{"b":[1,x]}}')).toMatchObject({ pointer: "/a/b/1", message: "'x' where a value is expected" });
    expect(faultOf('{"a":[[],[[x')).toMatchObject({ pointer: "/a/1/0/0" });
    expect(faultOf("[1\u0001")).toMatchObject({ message: "byte 0x01 where ',' or ']' is expected" });
    expect(faultOf('{"a":1]')).toMatchObject({ message: "']' where ',' or '}' is expected" });
    expect(faultOf("[1x]")).toMatchObject({ message: "'x' where ',' or ']' is expected" });
    expect(faultOf("[1.x]")).toMatchObject({ message: "'x' inside a number" });
    expect(faultOf("[tru]")).toMatchObject({ message: "']' where true is expected" });
  });

  it("points at the object, not at a member, when a member name is wrong", () => {
    expect(faultOf("{x").pointer).toBe("");
    expect(faultOf('{"a":{"b":1,x').pointer).toBe("/a");
  });

  it("leaves the bytes behind the value alone", () => {
    expect(scanText('{"a":1}{"b":')).toEqual({ state: "done", end: 7 });
    expect(scanText(" [] x")).toEqual({ state: "done", end: 3 });
  });

  it.each([
    ["numbers", (size: number) => `[${"1,".repeat(size / 2)}1]`],
    ["escapes", (size: number) => `["${"\\u0041".repeat(size / 6)}"]`],
    ["white space", (size: number) => `[${" ".repeat(size)}]`],
    ["names", (size: number) => `{${Array.from({ length: size / 16 }, (_, index) => `"key${index}":0`).join(",")}}`],
    ["nesting", (size: number) => `[${`${"[".repeat(100)}${"]".repeat(100)},`.repeat(size / 201)}1]`],
    ["one number", (size: number) => `[${"9".repeat(size)}]`],
    ["long names", (size: number) => `[${`{"${"k".repeat(1_000)}":1},`.repeat(size / 1_007)}1]`],
  ])("reads a mebibyte of %s, byte by byte, to the end", (_, make) => {
    const bytes = Buffer.from(make(1 << 20));
    const scanner = new JsonScanner();
    let at = 0;
    while (at < bytes.length - 1 && scanner.write(bytes.subarray(at, at + 1)).state === "more") at++;
    expect(at).toBe(bytes.length - 1);
    expect(scanner.write(bytes.subarray(-1))).toEqual({ state: "done", end: bytes.length });
  });
});
