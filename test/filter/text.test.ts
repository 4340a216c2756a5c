import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { KEPT_BYTES } from "../../host/filter/keeper.ts";
import { LINE_PART } from "../../host/filter/line.ts";
import { countIn, cut, filteredText, isSubsequence, leftOf } from "./filtering.ts";

const STRIP = { stripAnsi: true };
const COLLAPSE = { collapseProgress: true };
const one = (text: string): readonly Buffer[] => [Buffer.from(text)];

describe("terminal escapes", () => {
  it.each([
    ["colours", "\u001b[31mred\u001b[0m", "red"],
    ["a colour of many parts", "\u001b[38;2;1;2;3;48:5:7mx", "x"],
    ["private modes", "\u001b[?25lx\u001b[?25h", "x"],
    ["cursor movements", "a\u001b[2Kb\u001b[1;5Hc", "abc"],
    ["a title that a bell ends", "\u001b]0;title\u0007x", "x"],
    ["a title that ST ends", "\u001b]0;title\u001b\\x", "x"],
    ["a link", "\u001b]8;;https://example.com\u0007text\u001b]8;;\u0007", "text"],
    ["a title of other scripts", "\u001b]0;日本\u0007x", "x"],
    ["device strings", "a\u001bP1$r0m\u001b\\b\u001b_x\u001b\\c\u001b^y\u001b\\d\u001bXz\u001b\\e", "abcde"],
    ["character sets", "\u001b(Bx\u001b)0y\u001b#8z", "xyz"],
    ["single escapes", "\u001b7a\u001b8b\u001bcd", "abd"],
    ["C1 sequences", "\u009b31mred\u009d0;title\u009cx\u0090q\u009cy", "redxy"],
    ["C1 characters of their own", "a\u0084b\u008dc", "abc"],
    ["an escape that another one cuts off", "\u001b[31\u001b[32mx\u001b]0;\u001b[1my", "xy"],
    ["an escape that CAN or SUB ends", "\u001b[31\u0018m\u001b[1\u001am", "mm"],
    ["an escape that ends too soon", "x\u001b", "x"],
    ["a sequence that ends too soon", "x\u001b[31", "x"],
    ["a title that ends too soon", "x\u001b]0;title", "x"],
    ["an escape before what is no part of one", "\u001bé\u001b[日本", "é日本"],
    ["nested escapes", "\u001b\u001b\u001b[\u001b[\u001b]\u001b\\\u001b[1mx", "x"],
  ])("are left out: %s", (_what, text, left) => {
    expect(filteredText(STRIP, one(text))).toEqual({ stdout: left, dropped: ["terminal escapes"] });
  });

  it.each([
    ["the next-line character", "a\u0085b"],
    ["a no-break space and what follows it in Unicode", "a\u00a0b\u00bfc\u0100"],
    ["a bell alone", "a\u0007b"],
    ["brackets", "[31m]0;"],
    ["nothing", ""],
  ])("are not: %s", (_what, text) => {
    expect(filteredText(STRIP, one(text))).toBeUndefined();
  });

  it("leave the controls inside of them in place, as terminals do", () => {
    expect(leftOf(STRIP, "a\u001b[3\n1mb\u001b\rc\u001b(\tBd")).toBe("a\nb\r\td");
  });

  it("that are never closed hide no further line", () => {
    expect(leftOf(STRIP, "a\u001b]0;title\nb\u001bPdata\r\nc\u001b_\u001b\nd")).toBe("a\nb\nc\nd");
  });
});

describe("progress", () => {
  it.each([
    ["a bar", "10%\r50%\r100%\ndone\n", "100%\ndone\n"],
    ["a bar without an end", "10%\r50%", "50%"],
    ["a bar that goes back at the end", "10%\r50%\r", "50%\r"],
    ["a bar with a Windows line end", "10%\r100%\r\n", "100%\r\n"],
    ["returns before the first state", "\r\r10%\r20%\n", "20%\n"],
    ["a spinner", "-\b\\\b|\b/\n", "/\n"],
    ["backspaces over more than one character", "10%\b\b\b日本\b\b", "日本"],
    ["more backspaces than there is to go back over", "a\b\b\bb\n", "b\n"],
    ["backspaces at the beginning of a line", "a\n\b\bb\n", "a\nb\n"],
    ["backspaces behind a return", "ab\r\b\bc\n", "c\n"],
    ["a return behind backspaces", "ab\b\rc\n", "c\n"],
    ["more returns before a line end than one", "a\r\r\r\n", "a\r\n"],
  ])("is kept in its last state: %s", (_what, text, left) => {
    expect(leftOf(COLLAPSE, text)).toBe(left);
  });

  it("is counted", () => {
    const text = `${Array.from({ length: 1_204 }, (_, index) => `${index}`).join("\r")}\nab\b\bcd\n`;
    expect(filteredText(COLLAPSE, one(text))?.dropped).toEqual([
      "overwritten progress: 1,203 lines",
      "what backspaces took back: 2 characters",
    ]);
    expect(filteredText(COLLAPSE, one("a\rb\n"))?.dropped).toEqual(["overwritten progress: 1 line"]);
  });

  it("is seen behind escapes, when those are left out", () => {
    expect(leftOf({ ...STRIP, ...COLLAPSE }, "\u001b[32m10%\r\u001b[K20%\r\u001b[K\n")).toBe("20%\r\n");
  });

  it("is none in Windows line ends", () => {
    expect(filteredText(COLLAPSE, one("a\r\nb\r\n\r\nc"))).toBeUndefined();
  });
});

describe("repeated lines", () => {
  it.each([
    ["in the middle", "a\nb\nb\nb\nc\n", "a\nb (×3)\nc\n", 2],
    ["at the end, where no line end follows", "a\nb\nb", "a\nb (×2)", 1],
    ["that are empty", "a\n\n\n\nb\n", "a\n(×3)\nb\n", 2],
    ["that come again later", "a\na\nb\na\na\n", "a (×2)\nb\na (×2)\n", 2],
    ["once they have their last state", "1%\rok\n2%\rok\n", "ok (×2)\n", 1],
  ])("are kept once, with their number: %s", (_what, text, left, dropped) => {
    const filtered = filteredText(COLLAPSE, one(text));
    expect(filtered?.stdout).toBe(left);
    expect(countIn(filtered?.dropped, /^repeated lines: (.*)$/)).toBe(dropped);
  });

  it("stay as they are without the rule", () => {
    expect(filteredText(STRIP, one("a\na\n1%\r2%\n"))).toBeUndefined();
  });
});

describe("the first and the last lines", () => {
  const lines = (from: number, to: number): string =>
    Array.from({ length: to - from + 1 }, (_, index) => `line ${from + index}\n`).join("");

  it("are kept, with a mark for those in between", () => {
    expect(filteredText({ maxLines: { head: 2, tail: 3 } }, one(lines(1, 1_240)))).toEqual({
      stdout: `${lines(1, 2)}[… 1,235 lines left out …]\n${lines(1_238, 1_240)}`,
      dropped: ["1,235 of 1,240 lines"],
    });
  });

  it.each([
    ["only first ones", { head: 2, tail: 0 }, `${lines(1, 2)}[… 8 lines left out …]\n`],
    ["only last ones", { head: 0, tail: 2 }, `[… 8 lines left out …]\n${lines(9, 10)}`],
    ["all but one", { head: 5, tail: 4 }, `${lines(1, 5)}[… 1 line left out …]\n${lines(7, 10)}`],
  ])("may be %s", (_what, maxLines, left) => {
    expect(leftOf({ maxLines }, lines(1, 10))).toBe(left);
  });

  it.each([
    ["as many as there are", { head: 5, tail: 5 }, lines(1, 10)],
    ["more than there are", { head: 100, tail: 100 }, lines(1, 10)],
    ["of nothing", { head: 1, tail: 1 }, ""],
  ])("are all of them: %s", (_what, maxLines, text) => {
    expect(filteredText({ maxLines }, one(text))).toBeUndefined();
  });

  it("are counted behind the other filters", () => {
    const text = `${"same\n".repeat(50)}1%\r2%\n${lines(1, 5)}`;
    expect(filteredText({ ...COLLAPSE, maxLines: { head: 1, tail: 1 } }, one(text))).toEqual({
      stdout: "same (×50)\n[… 5 lines left out …]\nline 5\n",
      dropped: ["overwritten progress: 1 line", "repeated lines: 49", "5 of 7 lines"],
    });
  });
});

describe("output that is no text", () => {
  it.each([
    ["a byte that no character has", Buffer.from([0x61, 0x1b, 0x5b, 0x6d, 0xff, 0x62])],
    ["a character that is cut off at the end", Buffer.from([0x1b, 0x5b, 0x6d, 0xe6, 0x97])],
    ["a lone continuation", Buffer.from([0x1b, 0x5b, 0x6d, 0x80])],
    ["a long form", Buffer.from([0x1b, 0x5b, 0x6d, 0xc0, 0x80])],
    ["a surrogate", Buffer.from([0x1b, 0x5b, 0x6d, 0xed, 0xa0, 0x80])],
    ["C1 as one byte", Buffer.from([0x9b, 0x33, 0x31, 0x6d])],
  ])("is not filtered: %s", (_what, bytes) => {
    const all = bytes.map((_, index) => index);
    expect(filteredText(STRIP, [bytes])).toBeUndefined();
    expect(filteredText(STRIP, cut(bytes, [...all]))).toBeUndefined();
  });
});

describe("very long output", () => {
  const MIB = 1_048_576;
  const times = function* (count: number, chunk: Buffer): Generator<Buffer> {
    for (let index = 0; index < count; index++) yield chunk;
  };

  it("of one line is kept at both ends, whole characters only", () => {
    const chunk = Buffer.from("日".repeat(21_845));
    const filtered = filteredText(STRIP, [Buffer.from("x"), ...times(1_024, chunk), Buffer.from("\u001b[m")]);
    const bytes = 1 + 1_024 * chunk.length;
    const match = /^x日+\[… ([\d,]+) bytes left out …\]日+$/.exec(filtered?.stdout ?? "");
    const mark = Buffer.byteLength(`[… ${match?.[1] ?? ""} bytes left out …]`);
    const leftOut = Number((match?.[1] ?? "").replaceAll(",", ""));
    expect(Buffer.byteLength(filtered?.stdout ?? "")).toBe(bytes - leftOut + mark);
    expect(bytes - leftOut).toBeGreaterThan(2 * LINE_PART - 8);
    expect(filtered?.dropped).toEqual(["terminal escapes", `${match?.[1] ?? ""} bytes inside long lines`]);
  });

  it("of short lines is kept at both ends, without any rule about lines", () => {
    const filtered = filteredText(STRIP, times(64, Buffer.from("0123456\n".repeat(MIB / 8))));
    expect(Buffer.byteLength(filtered?.stdout ?? "")).toBeLessThan(KEPT_BYTES + 100);
    expect(Buffer.byteLength(filtered?.stdout ?? "")).toBeGreaterThan(KEPT_BYTES - 100);
    expect(filtered?.dropped).toEqual(["8,257,537 of 8,388,608 lines"]);
  });

  it("of empty lines stays within bounds", () => {
    const filtered = filteredText({ maxLines: { head: 1, tail: 1e9 } }, times(32, Buffer.alloc(MIB, "\n")));
    expect(filtered?.stdout.length).toBeLessThan(KEPT_BYTES);
  });

  it.each([
    ["returns", "\r", "x"],
    ["states of a bar", "50%\r", "x"],
    ["backspaces", "\b", "x"],
    ["spinner states", "|\b", "x"],
  ])("of millions of %s is one state", (_what, unit, last) => {
    const filtered = filteredText(COLLAPSE, [...times(16, Buffer.from(unit.repeat(262_144))), Buffer.from(last)]);
    expect(filtered?.stdout).toBe(last);
    expect(countIn(filtered?.dropped, /: ([\d,]+) (?:line|character)s?$/)).toBe(16 * 262_144);
  });

  it("of escapes that are never closed, or nothing but escapes, is nothing", () => {
    for (const unit of ["\u001b", "\u001b[", "\u001b]", "\u001bP1", "\u001b[1m"])
      expect(filteredText(STRIP, times(8, Buffer.from(unit.repeat(100_000))))?.stdout).toBe("");
  });

  it("takes far less memory than it has bytes", () => {
    const before = process.memoryUsage.rss();
    let highest = before;
    const written = 384 * MIB;
    const watched = function* (): Generator<Buffer> {
      for (const chunk of times(written / 131_070, Buffer.from("日本".repeat(21_845)))) {
        highest = Math.max(highest, process.memoryUsage.rss());
        yield chunk;
      }
    };
    expect(filteredText({ ...STRIP, ...COLLAPSE }, watched())?.stdout.length).toBeLessThan(3 * LINE_PART);
    expect(highest - before).toBeLessThan(written / 2);
  }, 60_000);
});

const token = fc.oneof(
  fc.constantFrom(
    "\n",
    "\r",
    "\r\n",
    "\b",
    "\u001b",
    "\u001b[",
    "\u001b[31m",
    "\u001b]0;t\u0007",
    "\u001b\\",
    "\u009b",
  ),
  fc.constantFrom(
    "\u009d",
    "\u009c",
    "\u0085",
    "\u0018",
    "a",
    "b",
    "line",
    "é",
    "日本",
    "😀",
    " ",
    "(×2)",
    "m",
    "]",
    "[",
  ),
);
const output = fc.array(token, { maxLength: 60 }).map((parts) => parts.join(""));
const offsets = fc.array(fc.nat(200), { maxLength: 20 });
const rules = fc.record({
  stripAnsi: fc.boolean(),
  collapseProgress: fc.boolean(),
  maxLines: fc
    .option(fc.record({ head: fc.nat(4), tail: fc.nat(4) }), { nil: undefined })
    .map((lines) => (lines === undefined || lines.head + lines.tail === 0 ? undefined : lines)),
});

/** Without what a filter adds itself. */
function withoutMarks(text: string): string {
  return text.replace(/\[… [\d,]+ lines? left out …\]\n/, "").replace(/ ?\(×[\d,]+\)(?=\r?\n|\r?$)/gm, "");
}

describe("any output", () => {
  it("gives the same however it is cut", () => {
    fc.assert(
      fc.property(rules, output, offsets, (rule, text, cuts) => {
        const bytes = Buffer.from(text);
        expect(filteredText(rule, cut(bytes, cuts))).toEqual(filteredText(rule, [bytes]));
      }),
      { numRuns: 2_000 },
    );
  });

  it("is kept in its order, and nothing is added but marks", () => {
    const plain = output.map((text) => text.replaceAll("(×2)", ""));
    fc.assert(
      fc.property(rules, plain, (rule, text) => {
        expect(isSubsequence(withoutMarks(leftOf(rule, text)), text)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it("loses nothing that is not said: what is not mentioned is the same, and the lines add up", () => {
    const linesOf = (text: string): number => text.split("\n").length - (text.endsWith("\n") || text === "" ? 1 : 0);
    fc.assert(
      fc.property(rules, output, (rule, text) => {
        // A last line of nothing but backspaces is no line.
        const whole = text.replace(/[\b]+$/, "");
        const filtered = filteredText({ ...rule, stripAnsi: false }, one(whole));
        if (filtered === undefined) return;
        const left = filtered.stdout.replace(/\[… [\d,]+ lines? left out …\]\n/, "");
        const missing = countIn(filtered.dropped, /^([\d,]+) of [\d,]+ lines?$/);
        const repeated = countIn(filtered.dropped, /^repeated lines: ([\d,]+)$/);
        expect(linesOf(left) + missing + repeated).toBe(linesOf(whole));
        if (missing + repeated === 0 && !filtered.dropped.some((said) => /^(?:over|what)/.test(said)))
          expect(filtered.stdout).toBe(whole);
      }),
      { numRuns: 2_000 },
    );
  });

  it("has no escape left once they are stripped", () => {
    fc.assert(
      fc.property(output, (text) => {
        expect(leftOf(STRIP, text)).not.toMatch(/[\u001b\u0080-\u0084\u0086-\u009f]/);
      }),
      { numRuns: 2_000 },
    );
  });

  it("that was filtered is not filtered further by stripping escapes or overwritten states", () => {
    fc.assert(
      fc.property(output, (text) => {
        const left = leftOf({ ...STRIP }, text);
        expect(leftOf(STRIP, left)).toBe(left);
      }),
      { numRuns: 1_000 },
    );
  });
});
