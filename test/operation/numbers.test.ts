import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bound, flagVerdict, textOf, whyNot } from "./typed.ts";

const type = "number";
const json = (text: string): unknown => JSON.parse(text);

describe("a value of type number", () => {
  it.each([
    ["0", "0"],
    ["-0", "0"],
    ["-0.0", "0"],
    ["0e5", "0"],
    ["1", "1"],
    ["1.0", "1"],
    ["1.50", "1.5"],
    ["0.1", "0.1"],
    ["1e3", "1000"],
    ["1.5e3", "1500"],
    ["1e-3", "0.001"],
    ["1e-6", "0.000001"],
    ["1e-7", "0.0000001"],
    ["1.5e-7", "0.00000015"],
    ["123e-9", "0.000000123"],
    ["1e-10", "0.0000000001"],
    ["9007199254740991", "9007199254740991"],
    ["9007199254740991.0", "9007199254740991"],
    ["123456.789", "123456.789"],
    ["1e-400", "0"],
  ])("%s is the argument %s", (text, argument) => {
    expect(textOf({ type }, json(text))).toBe(argument);
  });

  it.each([["1e400"], ["-1e400"], ["9007199254740992"], ["1e21"], ["1e16"], ["-9007199254740993"], ["1.7e308"]])(
    "%s is refused, never rounded or written with a power",
    (text) => {
      expect(whyNot({ type, min: -1e308 }, json(text))).toMatch(/^expected number, got /);
    },
  );

  it.each([
    [Number.NaN, "expected number, got NaN"],
    [Number.POSITIVE_INFINITY, "expected number, got Infinity"],
    ["5", "expected number, got string"],
    ["", "expected number, got string"],
    [" ", "expected number, got string"],
    ["NaN", "expected number, got string"],
    ["0x10", "expected number, got string"],
    [null, "expected number, got null"],
    [true, "expected number, got boolean"],
    [[], "expected number, got array"],
    [[5], "expected number, got array"],
    [{}, "expected number, got object"],
    [undefined, "expected number, got undefined"],
  ])("is never %j", (value, why) => {
    expect(whyNot({ type }, value)).toBe(why);
  });

  it("keeps min and max, both included, which may be fractions", () => {
    const limits = { type, min: 0.5, max: 1.5 };
    expect(textOf(limits, 0.5)).toBe("0.5");
    expect(textOf(limits, 1.5)).toBe("1.5");
    expect(whyNot(limits, 0.49)).toBe("0.49 below minimum 0.5");
    expect(whyNot(limits, 1.51)).toBe("1.51 exceeds maximum 1.5");
    expect(whyNot({ type, max: 0 }, 0.1)).toBe("0.1 exceeds maximum 0");
  });

  it("is negative only when the schema says so", () => {
    for (const schema of [{ type }, { type, min: 0 }, { type, max: 5 }, { type, allow_leading_dash: false }]) {
      expect(textOf(schema, -1)).toBeUndefined();
      expect(textOf(schema, -1e-7)).toBeUndefined();
    }
    expect(whyNot({ type }, -1.5)).toContain("flag injection prevention");
    expect(textOf({ type, min: -2 }, -1.5)).toBe("-1.5");
    expect(textOf({ type, min: -2 }, -1.5e-7)).toBe("-0.00000015");
    expect(textOf({ type, allow_leading_dash: true }, -3)).toBe("-3");
  });

  it("keeps to an enum and a pattern, judged on what the program gets", () => {
    expect(textOf({ type, enum: ["0.5", "1"] }, 1.0)).toBe("1");
    expect(whyNot({ type, enum: ["0.5", "1"] }, 2)).toBe('"2" is none of 0.5, 1');
    expect(whyNot({ type, pattern: "^[0-9]+$" }, 1.5)).toContain("does not match pattern");
    expect(textOf({ type: "integer", enum: ["1", "2"] }, 2)).toBe("2");
    expect(whyNot({ type: "integer", enum: ["1", "2"] }, 3)).toBe('"3" is none of 1, 2');
    expect(whyNot({ type: "integer", pattern: "^[0-9]$" }, 10)).toContain("does not match pattern");
  });

  it("is written without a power, and reads back as the same number", () => {
    const numbers = fc.oneof(
      fc.double({ noNaN: true, min: 0, max: Number.MAX_SAFE_INTEGER }),
      fc.double({ noNaN: true, min: 0, max: 1e-5 }),
      fc.integer({ min: 0 }),
    );
    fc.assert(
      fc.property(numbers, (value) => {
        const text = textOf({ type }, value);
        expect(text).toMatch(/^(?:0|[1-9][0-9]*)(?:\.[0-9]*[1-9])?$/);
        expect(Number(text)).toBe(Object.is(value, -0) ? 0 : value);
      }),
    );
  });
});

describe("a number that is typed", () => {
  it.each<readonly [string, unknown]>([
    ["5", 5],
    ["+5", 5],
    ["005.50", 5.5],
    ["-3", -3],
    ["0.25", 0.25],
    ["1e3", undefined],
    ["0x10", undefined],
    [".5", undefined],
    ["5.", undefined],
    ["", undefined],
    [" 5", undefined],
    ["5\n", undefined],
    ["Infinity", undefined],
    ["NaN", undefined],
    ["٥", undefined],
    ["1,5", undefined],
    ["--5", undefined],
    ["1".repeat(19), undefined],
  ])("as %j is %j", (word, value) => {
    expect(bound({ type }, word)).toBe(value);
  });

  it.each([
    ["5", "taken"],
    ["0.25", "taken"],
    ["5.0", "expected number written as 5, got"],
    ["05", "expected number written as 5, got"],
    ["+5", "expected number written as 5, got"],
    ["1e3", "expected number, got string"],
    ["", "expected number, got string"],
    ["-5", "flag injection prevention"],
    ["0x10", "expected number, got string"],
  ])("as a flag's value %j: %s", (text, verdict) => {
    expect(flagVerdict({ type }, text)).toContain(verdict);
  });

  it("as a flag's value is in its range", () => {
    expect(flagVerdict({ type, min: -1, max: 1 }, "-0.5")).toBe("taken");
    expect(flagVerdict({ type, min: -1, max: 1 }, "-1.5")).toBe("-1.5 below minimum -1");
    expect(flagVerdict({ type, min: -1, max: 1 }, "-0")).toBe('expected number written as 0, got "-0"');
  });
});
