import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fold, type Shape } from "../../wire/fold.ts";

const SHAPE: Shape = {
  properties: {
    name: {},
    inner: { properties: { deep: {} } },
    list: { items: { properties: { item: {} } } },
    plain: { items: {} },
    map: { additionalProperties: { properties: { deep: {} } } },
    closed: { properties: { a: {} }, additionalProperties: false },
    either: { anyOf: [{}, { properties: { deep: {} } }] },
    neither: { anyOf: [{}, {}] },
  },
};

function folded(value: unknown): unknown {
  return fold(value, SHAPE).value;
}

describe("folding", () => {
  it("finds the members that the schema knows in any case, at every depth", () => {
    expect(folded({ NAME: 1, Inner: { DEEP: 2 }, LIST: [{ ITEM: 3 }], eiTher: { Deep: 4 } })).toEqual({
      name: 1,
      inner: { deep: 2 },
      list: [{ item: 3 }],
      either: { deep: 4 },
    });
  });

  it("leaves the names in a map as they are, and folds what they lead to", () => {
    expect(folded({ map: { Name: { DEEP: 1 }, name: { deep: 2 } } })).toEqual({
      map: { Name: { deep: 1 }, name: { deep: 2 } },
    });
  });

  it("drops known members that are null, and keeps null elsewhere", () => {
    expect(
      folded({ name: null, inner: { DEEP: null }, other: null, map: { x: null }, plain: [null], list: [null] }),
    ).toEqual({
      inner: {},
      other: null,
      map: { x: null },
      plain: [null],
      list: [null],
    });
  });

  it("keeps and reports members that the schema does not know, by pointer", () => {
    const result = fold({ "a/b~c": 1, inner: { x: {} }, list: [{}, { y: 1 }], closed: { a: 1, b: 2 } }, SHAPE);
    expect(result.unknown).toEqual(["/a~1b~0c", "/inner/x", "/list/1/y", "/closed/b"]);
    expect(result.value).toEqual({ "a/b~c": 1, inner: { x: {} }, list: [{}, { y: 1 }], closed: { a: 1, b: 2 } });
    expect(result.twice).toEqual([]);
  });

  it("reports members that stand twice in different case, also when one is null", () => {
    expect(fold({ name: 1, NAME: 2 }, SHAPE).twice).toEqual(["/NAME"]);
    expect(fold({ Name: null, name: 2, inner: { deep: 1, Deep: 1, DEEP: 1 } }, SHAPE).twice).toEqual([
      "/name",
      "/inner/Deep",
      "/inner/DEEP",
    ]);
  });

  it("does not look into what the schema does not describe", () => {
    const value = { name: { NAME: null }, neither: { A: null }, plain: [{ A: null }] };
    expect(folded(value)).toEqual(value);
    for (const scalar of [null, 1, "x", true, [1, { A: null }]]) expect(folded(scalar)).toEqual(scalar);
  });

  it("gives no object a prototype of the sender's choice", () => {
    const value: unknown = JSON.parse('{"__proto__":{"a":1},"map":{"__proto__":{"DEEP":1},"constructor":{}}}');
    const result = folded(value) as { readonly map: object };
    expect(Object.getPrototypeOf(result)).toBe(Object.prototype);
    expect(Object.keys(result)).toEqual(["__proto__", "map"]);
    expect(Object.keys(result.map)).toEqual(["__proto__", "constructor"]);
  });

  it("changes nothing but null in what is written exactly as the schema names it", () => {
    const names = fc.constantFrom("name", "inner", "map", "x", "y");
    fc.assert(
      fc.property(
        fc.dictionary(names, fc.oneof(fc.integer(), fc.string(), fc.constant([1]), fc.constant({ deep: 1 }))),
        (value) => {
          expect(folded(value)).toEqual(value);
          expect(folded(folded(value))).toEqual(folded(value));
        },
      ),
    );
  });
});
