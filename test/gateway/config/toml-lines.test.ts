import fc from "fast-check";
import { parse } from "smol-toml";
import { describe, expect, it } from "vitest";
import { below, keysOf, tomlLines } from "../../../gateway/config/toml-lines.ts";

function lines(text: string): Readonly<Record<string, number>> {
  return Object.fromEntries(tomlLines(text));
}

/** Pointers of everything that the parser found. */
function pointersOf(value: unknown, pointer = ""): readonly string[] {
  if (typeof value !== "object" || value === null || value instanceof Date) return [];
  return Object.entries(value).flatMap(([key, member]) => {
    const path = below(pointer, key);
    return [path, ...pointersOf(member, path)];
  });
}

/** A key as it may be written, and what it means. */
const key = fc.oneof(
  fc.stringMatching(/^[A-Za-z0-9_-]{1,4}$/).map((text) => ({ text, means: text })),
  fc.string({ unit: "grapheme", maxLength: 5 }).map((means) => ({ text: JSON.stringify(means), means })),
  fc.stringMatching(/^[ -&(-~]{0,5}$/).map((means) => ({ text: `'${means}'`, means })),
  fc.constantFrom(
    { text: '"a.b"', means: "a.b" },
    { text: '"\\u00e9\\t\\"\\\\\\U0001F600"', means: 'é\t"\\😀' },
    { text: '"\\b\\f\\n\\r\\e\\x41"', means: "\b\f\n\r\u001bA" },
    { text: '"=#]"', means: "=#]" },
  ),
);
type Key = typeof key extends fc.Arbitrary<infer T> ? T : never;

/** A value as text; it may take several lines, and hold what looks like something else. */
const scalar = fc.constantFrom(
  "1",
  "-3.5e3",
  "true",
  "1979-05-27 07:32:00Z",
  '"# [x] = \\" {"',
  "'[[a]] = # \"'",
  '"""\nlong ""quoted"" [a]\n\\" b = 1\n"""',
  "'''\n# no comment\n[t]'''",
  '""""two before the end"""""',
  '""',
  "''",
);

interface Written {
  readonly text: string;
  /** Pointers below the value, with the line counted from its first. */
  readonly inner: readonly (readonly [string, number])[];
}

function newlines(text: string): number {
  return text.split("\n").length - 1;
}

function shifted(inner: Written["inner"], pointer: string, by: number): Written["inner"] {
  return inner.map(([path, line]) => [`${pointer}${path}`, line + by] as const);
}

function arrayOf(items: readonly Written[], between: string): Written {
  let text = "[";
  const inner: (readonly [string, number])[] = [];
  items.forEach((item, index) => {
    text += index === 0 ? between : `,${between}`;
    const pointer = below("", String(index));
    const line = newlines(text);
    inner.push([pointer, line], ...shifted(item.inner, pointer, line));
    text += item.text;
  });
  return { text: `${text}${between}]`, inner };
}

function tableOf(members: readonly (readonly [Key, Written])[]): Written {
  let text = "{ ";
  const inner: (readonly [string, number])[] = [];
  members.forEach(([name, value], index) => {
    if (index > 0) text += ", ";
    const pointer = below("", name.means);
    const line = newlines(text);
    inner.push([pointer, line], ...shifted(value.inner, pointer, line));
    text += `${name.text} = ${value.text}`;
  });
  return { text: `${text} }`, inner };
}

const { value } = fc.letrec<{ value: Written }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 2 },
    scalar.map((text) => ({ text, inner: [] })),
    fc
      .tuple(fc.array(tie("value"), { maxLength: 3 }), fc.constantFrom("", " ", "\n  ", "\r\n", " # [c] , ]\n"))
      .map(([items, between]) => arrayOf(items, between)),
    fc
      .uniqueArray(fc.tuple(key, tie("value")), { maxLength: 3, selector: ([{ means }]) => means })
      .map((members) => tableOf(members)),
  ),
}));

const blank = fc.constantFrom("", "\n", "# [comment] a = 1\n", "  \n\t# b\r\n");

const members = fc.uniqueArray(fc.tuple(fc.array(key, { minLength: 1, maxLength: 2 }), value, blank), {
  maxLength: 3,
  // Dotted keys may not meet a key of the same beginning.
  selector: ([[first]]) => first?.means,
});

/** A document, and the line of everything in it. */
const document = fc
  .tuple(
    members,
    fc.uniqueArray(fc.tuple(key, fc.integer({ min: 0, max: 3 }), fc.array(members, { maxLength: 3 }), members, blank), {
      maxLength: 4,
      selector: ([name]) => name.means,
    }),
    fc.boolean(),
  )
  .map(([top, tables, hasMark]) => {
    let text = hasMark ? "\uFEFF" : "";
    const found = new Map<string, number>();
    const note = (pointer: string, line: number): void => {
      if (!found.has(pointer)) found.set(pointer, line);
    };
    const here = (): number => newlines(text) + 1;
    const write = (table: string, all: typeof top): void => {
      for (const [keys, written, between] of all) {
        text += between;
        const line = here();
        let pointer = table;
        for (const one of keys) {
          pointer = below(pointer, one.means);
          note(pointer, line);
        }
        text += `  ${keys.map((one) => one.text).join(" . ")}\t= `;
        for (const [path, at] of shifted(written.inner, pointer, here())) note(path, at);
        text += `${written.text} # "end" [\n`;
      }
    };
    // Keys of the top, and of tables, may not be the same.
    const taken = new Set(tables.map(([name]) => name.means));
    write(
      "",
      top.filter(([[first]]) => !taken.has(first?.means ?? "")),
    );
    for (const [name, kind, elements, inner, between] of tables) {
      const pointer = below("", name.means);
      text += between;
      if (kind === 0) {
        note(pointer, here());
        text += `[ ${name.text} ]\n`;
        write(pointer, inner);
        continue;
      }
      elements.forEach((element, index) => {
        const item = below(pointer, String(index));
        note(pointer, here());
        note(item, here());
        text += `[[${name.text}]] # ]\n`;
        write(
          item,
          element.filter(([[first]]) => first?.means !== "sub"),
        );
        if (kind === 1) return;
        // A table, or an array of tables, in the element.
        const sub = kind === 2 ? below(item, "sub") : below(below(item, "sub"), "0");
        note(below(item, "sub"), here());
        note(sub, here());
        text += kind === 2 ? `[${name.text}.sub]\n` : `[[${name.text}."sub"]]\n`;
        write(sub, inner);
      });
    }
    return { text, found };
  });

describe("the lines of a TOML text", () => {
  it("are those where keys were written, for everything that the parser finds and nothing else", () => {
    fc.assert(
      fc.property(document, ({ text, found }) => {
        const pointers = pointersOf(parse(text));
        const known = tomlLines(text);
        expect([...known.keys()].sort()).toEqual([...new Set(pointers)].sort());
        expect(Object.fromEntries(known)).toEqual(Object.fromEntries(found));
      }),
      { numRuns: 400 },
    );
  });

  it("are of tables, arrays of tables, dotted keys and items of arrays", () => {
    const text = 'a.b = 1\n[c]\n"d.e" = [\n  1,\n  { f = 2 },\n]\n[[g]]\n[g.h]\n[[g.i]]\n[[g]]\nj = 3\n';
    expect(lines(text)).toEqual({
      "/a": 1,
      "/a/b": 1,
      "/c": 2,
      "/c/d.e": 3,
      "/c/d.e/0": 4,
      "/c/d.e/1": 5,
      "/c/d.e/1/f": 5,
      "/g": 7,
      "/g/0": 7,
      "/g/0/h": 8,
      "/g/0/i": 9,
      "/g/0/i/0": 9,
      "/g/1": 10,
      "/g/1/j": 11,
    });
  });

  it("end, whatever the text is", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom("a", "=", "[", "]", "{", "}", '"', "'", ".", "#", "\n", ",", "\\", " ") }),
        (text) => {
          tomlLines(text);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it("go by pointers whose keys may hold anything", () => {
    expect(below("/a", "b/c~d")).toBe("/a/b~1c~0d");
    expect(keysOf("/a/b~1c~0d/")).toEqual(["a", "b/c~d", ""]);
  });
});
