import fc from "fast-check";
import { getNodeValue, parseTree, visit } from "jsonc-parser";
import { describe, expect, it } from "vitest";
import { JsoncError, JsoncText } from "../../host/setup/jsonc-text.ts";

function edited(text: string, work: (file: JsoncText) => void): string {
  const file = new JsoncText(text);
  work(file);
  return file.toString();
}

function read(text: string): unknown {
  const root = parseTree(text, [], { allowTrailingComma: true });
  // Not `parse`: it loses a member that is called __proto__.
  return root === undefined ? undefined : (JSON.parse(JSON.stringify(getNodeValue(root))) as unknown);
}

/** The comments of a text, sorted: what is added may stand between two of them. */
function comments(text: string): readonly string[] {
  const found: string[] = [];
  visit(text, { onComment: (offset, length) => found.push(text.slice(offset, offset + length)) });
  return found.sort();
}

describe("a text of JSON with comments", () => {
  it("gets a member behind the last one, whose comment stays with it", () => {
    const before = `{\n  // first\n  "a": 1, // one\n  "b": 2 /* two */ // end of line\n  // last words\n}\n`;
    expect(
      edited(before, (file) => {
        file.set(["c"], { d: ["e"] });
      }),
    ).toBe(
      `{\n  // first\n  "a": 1, // one\n  "b": 2, /* two */ // end of line\n  "c": {\n    "d": [\n      "e"\n    ]\n  }\n  // last words\n}\n`,
    );
  });

  it("keeps a trailing comma, tabs, CRLF and a byte order mark", () => {
    const before = `\uFEFF{\r\n\t"a": [\r\n\t\t"x", // why\r\n\t],\r\n}`;
    expect(
      edited(before, (file) => {
        file.push(["a"], "y");
        file.set(["b"], true);
      }),
    ).toBe(`\uFEFF{\r\n\t"a": [\r\n\t\t"x", // why\r\n\t\t"y",\r\n\t],\r\n\t"b": true,\r\n}`);
  });

  it("grows on one line where everything is on one line, and fills what is empty", () => {
    expect(
      edited(`{"a": [1], "b": {}, "c": {/* none */}}`, (file) => {
        file.push(["a"], 2);
        file.set(["b", "x"], 1);
        file.set(["c", "x"], 1);
        file.set(["d"], null);
      }),
    ).toSatisfy((text: string) => {
      expect(read(text)).toEqual({ a: [1, 2], b: { x: 1 }, c: { x: 1 }, d: null });
      return text.includes("/* none */") && text.startsWith(`{"a": [1, 2], "b": {`);
    });
  });

  it("changes nothing that is so already, and removes", () => {
    const before = `{ "a" : {"x":1 , "y":[ ]} }`;
    expect(
      edited(before, (file) => {
        file.set(["a"], { x: 1, y: [] });
        file.remove(["b"]);
      }),
    ).toBe(before);
    expect(
      read(
        edited(`{"a":[1,2,3],"b":1}`, (file) => {
          file.remove(["a", 1]);
          file.remove(["b"]);
        }),
      ),
    ).toEqual({ a: [1, 3] });
  });

  it.each([
    ["", "line 1: is not JSON with comments"],
    ["[1]", "is not a JSON object"],
    [`{\n"a": 1\n"b": 2}`, "line 3: is not JSON with comments"],
    [`{"a": 1,\n "a": 2}`, 'line 2: has "a" twice'],
    ["[".repeat(200_000), "is nested too deep"],
  ])("refuses %.20j", (text, message) => {
    expect(() => new JsoncText(text)).toThrow(new JsoncError(message));
  });

  it("refuses to change an object that has a name twice, and to push to what is no array", () => {
    const file = new JsoncText(`{"a": {"x": 1, "x": 2}, "b": 1}`);
    expect(() => {
      file.set(["a", "y"], 1);
    }).toThrow(/"x" twice/);
    expect(() => {
      file.push(["b"], 1);
    }).toThrow('"b" is not an array');
  });

  it("says what was wanted, and keeps every comment, for any object in any layout", () => {
    const layout = fc.record({
      gap: fc.constantFrom(
        "",
        " ",
        "\n",
        "\n  ",
        " // line\n",
        " /* block */ ",
        "\n  // own line\n  ",
        "/* a */ /* b */",
      ),
      comma: fc.boolean(),
    });
    fc.assert(
      fc.property(
        fc.dictionary(fc.stringMatching(/^[a-z]{1,6}$/), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 5 }),
        fc.array(layout, { minLength: 12, maxLength: 12 }),
        fc.jsonValue({ maxDepth: 2 }),
        (members, layouts, value) => {
          let turn = 0;
          const gap = (): string => layouts[turn++ % layouts.length]?.gap ?? "";
          const body = Object.entries(members)
            .map(([name, member]) => `${gap()}${JSON.stringify(name)}:${gap()}${JSON.stringify(member)}${gap()}`)
            .join(",");
          const trailing = Object.keys(members).length > 0 && layouts[0]?.comma === true ? "," : "";
          const before = `${gap()}{${body}${trailing}${gap()}}${gap()}`;
          const after = edited(before, (file) => {
            file.set(["ADDED"], value);
            file.push(["LIST"], value);
            file.push(["LIST"], 1);
          });
          const plain: unknown = JSON.parse(JSON.stringify({ ...members, ADDED: value, LIST: [value, 1] }));
          expect(read(after)).toEqual(plain);
          expect(comments(after)).toEqual(comments(before));
        },
      ),
      { numRuns: 500 },
    );
  });
});
