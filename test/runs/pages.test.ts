import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { PageWanted } from "../../wire/request.ts";
import { check } from "../../wire/parse.ts";
import { about, bytesOf, completed, everything, finished, NEVER, openStore, page, VIEWER, write } from "./store.ts";

const TAIL = 262_144;

/** Mostly text with short and empty lines, sometimes anything. */
const content = fc.oneof(
  fc
    .array(fc.constantFrom("a", "bc", "\n", "\n\n", "é", "漢字", "😀", "word ", "\r\n"), { maxLength: 300 })
    .map((parts) => Buffer.from(parts.join(""))),
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
);

/** The same bytes, cut anywhere. */
function cutAt(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...places].map((from, index) => bytes.subarray(from, places[index] ?? bytes.length));
}

describe("pages of bytes", () => {
  it("give the whole stream again, however it was written and is cut, from memory and from the disk", async () => {
    const { store } = openStore();
    await fc.assert(
      fc.asyncProperty(
        content,
        fc.array(fc.nat(), { maxLength: 8 }),
        fc.integer({ min: 1, max: 50 }),
        async (bytes, cuts, maxBytes) => {
          const run = store.begin(about());
          for (const chunk of cutAt(bytes, cuts)) await write(run, chunk);
          run.end(completed());
          expect(await everything(store, run.id, maxBytes)).toEqual(bytes);
          await store.settled();
          expect(await everything(store, run.id, maxBytes)).toEqual(bytes);
          expect(await everything(store, run.id, 1_000)).toEqual(bytes);
        },
      ),
      { numRuns: 150 },
    );
  });

  it("of text are text, however small they are", async () => {
    const { store } = openStore();
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: "binary", maxLength: 40 }),
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: -99, max: 99 }),
        async (text, maxBytes, start) => {
          const bytes = Buffer.from(text.toWellFormed());
          const id = await finished(store, bytes);
          for (let offset = start; ;) {
            const one = await page(store, id, { unit: "bytes", offset, maxBytes });
            expect(one.encoding).toBeUndefined();
            expect(Buffer.byteLength(one.text)).toBeLessThanOrEqual(Math.max(4, maxBytes));
            expect(bytesOf(one)).toEqual(bytes.subarray(one.offset, one.next_offset));
            expect(check("output_reply", { page: one }).ok).toBe(true);
            if (!one.more) break;
            expect(one.next_offset).toBeGreaterThan(one.offset);
            offset = one.next_offset;
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it("end at a line break when one is in their last quarter, and only when they have to be cut", async () => {
    const { store } = openStore();
    const id = await finished(store, `${"x".repeat(79)}\n${"y".repeat(59)}\nrest`);
    const at = async (offset: number, maxBytes: number): Promise<string> =>
      (await page(store, id, { unit: "bytes", offset, maxBytes })).text;
    expect(await at(0, 100)).toBe(`${"x".repeat(79)}\n`);
    expect(await at(0, 130)).toBe(`${"x".repeat(79)}\n${"y".repeat(50)}`);
    expect(await at(80, 1_000)).toBe(`${"y".repeat(59)}\nrest`);
    expect(await at(-4, 1_000)).toBe("rest");
    expect(await at(-4_000, 80)).toBe(`${"x".repeat(79)}\n`);
    expect(await page(store, id, { unit: "bytes", offset: 4_000, maxBytes: 1 })).toMatchObject({
      text: "",
      offset: 144,
      next_offset: 144,
      more: false,
    });
  });

  it("of what is no UTF-8 are base64", async () => {
    const { store } = openStore();
    const id = await finished(store, Buffer.from([0x61, 0xff, 0x80, 0x62]));
    expect(await page(store, id, { unit: "bytes", offset: 0, maxBytes: 10 })).toMatchObject({
      text: "Yf+AYg==",
      encoding: "base64",
    });
    const half = await finished(store, Buffer.from("good€").subarray(0, -1));
    expect(await page(store, half, { unit: "bytes", offset: 0, maxBytes: 10 })).toMatchObject({
      text: "good",
      more: true,
    });
    expect(await page(store, half, { unit: "bytes", offset: 4, maxBytes: 10 })).toMatchObject({
      encoding: "base64",
      more: false,
    });
  });

  it("of a run that goes on wait for the rest of a character", async () => {
    const { store } = openStore();
    const run = store.begin(about());
    const euro = Buffer.from("€");
    await write(run, Buffer.concat([Buffer.from("5 "), euro.subarray(0, 2)]));
    expect(await page(store, run.id, { unit: "bytes", offset: 0, maxBytes: 100 })).toMatchObject({
      text: "5 ",
      next_offset: 2,
      more: true,
    });
    await write(run, euro.subarray(2));
    expect(await page(store, run.id, { unit: "bytes", offset: 2, maxBytes: 1 })).toMatchObject({
      text: "€",
      next_offset: 5,
    });
  });
});

describe("pages of lines", () => {
  it("give the whole stream again, and count from 1", async () => {
    const { store } = openStore();
    await fc.assert(
      fc.asyncProperty(content, fc.integer({ min: 1, max: 7 }), async (bytes, maxLines) => {
        const id = await finished(store, bytes);
        expect(await everything(store, id, 1_000_000, "lines", maxLines)).toEqual(bytes);
        const lines = bytes.toString("latin1").split(/(?<=\n)/);
        for (const [index, line] of lines.entries()) {
          const wanted = { unit: "lines", line: index + 1, maxLines: 1, maxBytes: 10_000 } as const;
          const one = await page(store, id, wanted);
          expect([one.line, bytesOf(one).toString("latin1")]).toEqual([index + 1, line]);
          const fromEnd = await page(store, id, { ...wanted, line: index - lines.length });
          expect(fromEnd).toEqual(one);
        }
      }),
      { numRuns: 60 },
    );
  });

  it("hold whole lines only, as many as fit", async () => {
    const { store } = openStore();
    const id = await finished(store, "one\ntwo\nthree\nfour");
    const lines = async (line: number, maxLines: number, maxBytes = 1_000): Promise<unknown> => {
      const {
        text,
        next_line: next,
        next_offset: offset,
        more,
      } = await page(store, id, { unit: "lines", line, maxLines, maxBytes });
      return [text, next, offset, more];
    };
    expect(await lines(1, 10, 10)).toEqual(["one\ntwo\n", 3, 8, true]);
    expect(await lines(2, 2)).toEqual(["two\nthree\n", 4, 14, true]);
    expect(await lines(4, 2)).toEqual(["four", 5, 18, false]);
    expect(await lines(-2, 9)).toEqual(["three\nfour", 5, 18, false]);
    expect(await lines(-99, 1)).toEqual(["one\n", 2, 4, true]);
    expect(await lines(5, 1)).toEqual(["", 5, 18, false]);
    expect(await lines(50, 1)).toEqual(["", 50, 18, false]);
  });

  it("cut a line that is larger than the page, and say where it goes on", async () => {
    const { store } = openStore();
    const id = await finished(store, "short\ngrößer als die Seite\nlast\n");
    const cut = await page(store, id, { unit: "lines", line: 2, maxLines: 5, maxBytes: 3 });
    expect(cut).toMatchObject({ text: "gr", line: 2, next_line: 3, next_offset: 8, more: true });
    expect((await page(store, id, { unit: "bytes", offset: cut.next_offset, maxBytes: 7 })).text).toBe("ößer ");
    expect((await page(store, id, { unit: "lines", line: 3, maxLines: 5, maxBytes: 9 })).text).toBe("last\n");
  });

  it("of a run that goes on hold what is complete", async () => {
    const { store } = openStore();
    const run = store.begin(about());
    await write(run, "one\ntwo\nthr");
    const wanted = { unit: "lines", line: -1, maxLines: 5, maxBytes: 100 } as const;
    expect(await page(store, run.id, wanted)).toMatchObject({
      text: "two\n",
      line: 2,
      next_line: 3,
      next_offset: 8,
      more: true,
      total_lines: 2,
    });
    expect(await page(store, run.id, { ...wanted, line: 3 })).toMatchObject({ text: "", next_line: 3, next_offset: 8 });
    expect(await page(store, run.id, { ...wanted, line: 3, maxBytes: 2 })).toMatchObject({
      text: "th",
      next_line: 4,
      next_offset: 10,
    });
    expect((await store.read(VIEWER, run.id, "stdout", { ...wanted, line: 3 }, 5, NEVER)).text).toBe("");
  });
});

describe("a stream that is longer than its bound", () => {
  const numbered = (from: number, to: number): string => {
    let text = "";
    for (let line = from; line <= to; line++) text += `line ${line}\n`;
    return text;
  };

  it("is kept whole as long as its end is", async () => {
    const { store } = openStore({ maxRunBytes: 1_000 });
    const text = "€".repeat(Math.floor((1_000 + TAIL) / 3));
    const run = store.begin(about());
    for (const chunk of cutAt(Buffer.from(text), [1, 2, 500, 998, 999, 1_000, 1_001, 1_002, 1_003, 90_001]))
      await write(run, chunk);
    run.end(completed());
    for (let round = 0; round < 2; round++) {
      expect((await store.status(VIEWER, run.id, 0, NEVER)).stdout).toEqual({
        bytes: Buffer.byteLength(text),
        lines: 0,
      });
      expect((await everything(store, run.id, 70_001)).toString() === text).toBe(true);
      await store.settled();
    }
  });

  it("has its beginning and its end, cut between characters, and says what is missing", async () => {
    const { store, root } = openStore({ maxRunBytes: 1_000 });
    const run = store.begin(about());
    const text = Buffer.from("é€".repeat(200_000));
    for (const chunk of cutAt(text, [3, 998, 999, 400_001, 700_002])) await write(run, chunk);
    const see = async (): Promise<unknown> => {
      const { missing } = (await store.status(VIEWER, run.id, 0, NEVER)).stdout;
      const first = await page(store, run.id, { unit: "bytes", offset: 0, maxBytes: 5_000 });
      const second = await page(store, run.id, { unit: "bytes", offset: first.next_offset, maxBytes: 1_000_000 });
      expect(first.missing).toEqual(missing);
      expect([first.encoding, second.encoding]).toEqual([undefined, undefined]);
      expect([first.offset, first.next_offset, second.offset, second.next_offset]).toEqual([
        0,
        missing?.from,
        missing?.to,
        text.length,
      ]);
      expect(bytesOf(first).equals(text.subarray(0, first.next_offset))).toBe(true);
      expect(bytesOf(second).equals(text.subarray(second.offset))).toBe(true);
      return missing;
    };
    const before = await see();
    expect(before).toEqual({ from: 1_000, to: expect.any(Number) as number });
    run.end(completed());
    expect(await see()).toEqual(before);
    await store.settled();
    expect(await see()).toEqual(before);
    const later = openStore({}, root).store;
    expect((await later.status(VIEWER, run.id, 0, NEVER)).stdout.missing).toEqual(before);
  });

  it("keeps the right line numbers behind the gap, for any bound and any cutting", async () => {
    const { store } = openStore({ maxRunBytes: 5_000 });
    const text = numbered(1, 60_000);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(), { maxLength: 5 }),
        fc.integer({ min: 1, max: 60_001 }),
        async (cuts, line) => {
          const run = store.begin(about());
          for (const chunk of cutAt(Buffer.from(text), cuts)) await write(run, chunk);
          run.end(completed());
          const one = await page(store, run.id, { unit: "lines", line, maxLines: 3, maxBytes: 1_000 });
          const [, first, second] = /^([^\n]*)\n(?:([^\n]*)\n)?/.exec(one.text) ?? [];
          expect(one.line).toBeGreaterThanOrEqual(line);
          if (line <= 60_000 && second !== undefined) expect(second).toBe(`line ${(one.line ?? 0) + 1}`);
          if (first?.startsWith("line") === true && one.line === line) expect(first).toBe(`line ${line}`);
          const last = await page(store, run.id, { unit: "lines", line: -2, maxLines: 5, maxBytes: 1_000 });
          expect(last).toMatchObject({
            text: "line 59999\nline 60000\n",
            line: 59_999,
            next_line: 60_001,
            total_lines: 60_000,
          });
          const found = await page(store, run.id, {
            unit: "grep",
            pattern: "^line (3|59000)$",
            line: 1,
            maxLines: 5,
            maxBytes: 1_000,
            context: 0,
          });
          expect(found).toMatchObject({
            text: "3:line 3\n59000:line 59000\n",
            matches: 2,
            next_line: 60_001,
            more: false,
          });
        },
      ),
      { numRuns: 25 },
    );
  });

  it("is read line by line up to the gap and from behind it, in pages that never lie across", async () => {
    const { store } = openStore({ maxRunBytes: 100 });
    const id = await finished(store, numbered(1, 60_000));
    const wanted = { unit: "lines", line: 13, maxLines: 1_000, maxBytes: 100_000 } as const;
    const before = await page(store, id, wanted);
    expect(before).toMatchObject({ text: "line 13\nline ", line: 13, next_offset: 100, more: true });
    const behind = await page(store, id, { ...wanted, line: before.next_line ?? 0, maxLines: 2 });
    expect(behind.line).toBe(before.next_line);
    expect(behind.text).toMatch(new RegExp(`\\nline ${(behind.line ?? 0) + 1}\\n$`));
    expect(await page(store, id, { ...wanted, line: 20, maxLines: 2 })).toEqual(behind);
    expect(await page(store, id, { unit: "bytes", offset: 150, maxBytes: 10 })).toMatchObject({
      offset: behind.offset,
    });
  });

  it("that is one line has a beginning and an end", async () => {
    const { store } = openStore({ maxRunBytes: 10 });
    const id = await finished(store, `begin${"x".repeat(400_000)}end`);
    const at = async (line: number): Promise<unknown> =>
      page(store, id, { unit: "lines", line, maxLines: 5, maxBytes: 500_000 });
    expect(await at(1)).toMatchObject({ text: "beginxxxxx", line: 1, next_line: 2, more: true });
    expect(await at(-1)).toMatchObject({
      text: expect.stringMatching(/^x+end$/) as string,
      line: 1,
      next_line: 2,
      more: false,
    });
  });
});

describe("a large stream", () => {
  it("can be read while it is written, wherever its bytes are", async () => {
    const { store } = openStore();
    const run = store.begin(about());
    const parts: Buffer[] = [];
    for (let count = 0; count < 60; count++) {
      const part = Buffer.from(`${count} `.repeat(count % 3 === 0 ? 20_000 : 50));
      parts.push(part);
      const later = write(run, Buffer.from(part));
      const so = Buffer.concat(parts);
      const one = await page(store, run.id, { unit: "bytes", offset: -100_000, maxBytes: 1_000_000 });
      expect(one.text === so.subarray(Math.max(0, so.length - 100_000)).toString()).toBe(true);
      await later;
    }
    run.end(completed());
    expect((await everything(store, run.id, 1_000_000)).equals(Buffer.concat(parts))).toBe(true);
    await store.settled();
    expect((await everything(store, run.id, 1_000_000)).equals(Buffer.concat(parts))).toBe(true);
  });

  it("finds any of its lines", async () => {
    const { store } = openStore({ maxRunBytes: 30_000_000 });
    const run = store.begin(about());
    let line = 0;
    for (let chunk = 0; chunk < 200; chunk++) {
      let text = "";
      while (text.length < 60_000) text += `${++line} ${"-".repeat(line % 90)}\n`;
      await write(run, text);
    }
    run.end(completed());
    await store.settled();
    for (const wanted of [1, 2, 4_000, 100_000, line - 1, line]) {
      const one = await page(store, run.id, { unit: "lines", line: wanted, maxLines: 1, maxBytes: 1_000 });
      expect(one.text).toBe(`${wanted} ${"-".repeat(wanted % 90)}\n`);
    }
    let found = "";
    for (let next = 1, more = true; more;) {
      // A search that takes long on a busy machine ends its page early.
      const wanted = {
        unit: "grep",
        pattern: `^(77|${line}) `,
        line: next,
        maxLines: 9,
        maxBytes: 1_000,
        context: 0,
      } as const;
      const one = await page(store, run.id, wanted);
      found += one.text;
      next = one.next_line ?? 0;
      more = one.more;
    }
    expect(found).toBe(`77:77 ${"-".repeat(77)}\n${line}:${line} ${"-".repeat(line % 90)}\n`);
  });

  it("asks its writer to wait while too much is queued, and never for what only the end is kept of", async () => {
    const { store } = openStore({ maxRunBytes: 3_000_000 });
    const run = store.begin(about());
    let waited = 0;
    for (let count = 0; count < 40; count++) {
      const later = run.output.write("stdout", Buffer.alloc(65_536));
      if (later !== undefined) waited++;
      await later;
    }
    expect(waited).toBeGreaterThan(0);
    await write(run, Buffer.alloc(1_000_000));
    expect(run.output.write("stdout", Buffer.alloc(1_000_000))).toBeUndefined();
    run.end(completed());
  });
});

describe("a search", () => {
  const grep = (
    pattern: string,
    changes: Partial<PageWanted & { unit: "grep" }> = {},
  ): PageWanted & { unit: "grep" } => ({
    unit: "grep",
    pattern,
    line: 1,
    maxLines: 100,
    maxBytes: 10_000,
    context: 0,
    ...changes,
  });
  const TEXT = "one\ntwo\nthree\r\nfour\nfive\nsix\nseven\neight";

  it("gives lines with their numbers, and where it goes on", async () => {
    const { store } = openStore();
    const id = await finished(store, TEXT);
    expect(await page(store, id, grep("e$"))).toMatchObject({
      text: "1:one\n3:three\n5:five\n",
      matches: 3,
      offset: 0,
      next_offset: TEXT.length,
      line: 1,
      next_line: 9,
      more: false,
    });
    const first = await page(store, id, grep("e$", { maxLines: 2 }));
    expect(first).toMatchObject({ text: "1:one\n3:three\n", matches: 2, next_line: 4, next_offset: 15, more: true });
    expect(await page(store, id, grep("e$", { line: first.next_line ?? 0 }))).toMatchObject({
      text: "5:five\n",
      line: 4,
      offset: 15,
      matches: 1,
    });
    expect(await page(store, id, grep("ei", { line: -2 }))).toMatchObject({ text: "8:eight\n", line: 7 });
    expect(await page(store, id, grep("nine"))).toMatchObject({ text: "", matches: 0, more: false });
  });

  it("gives the lines around, and marks groups that are apart", async () => {
    const { store } = openStore();
    const id = await finished(store, TEXT);
    expect((await page(store, id, grep("two|seven", { context: 1 }))).text).toBe(
      "1-one\n2:two\n3-three\n--\n6-six\n7:seven\n8-eight\n",
    );
    expect((await page(store, id, grep("two|five", { context: 1 }))).text).toBe(
      "1-one\n2:two\n3-three\n4-four\n5:five\n6-six\n",
    );
    expect(await page(store, id, grep("two|three|four", { context: 2, maxLines: 2 }))).toMatchObject({
      text: "1-one\n2:two\n3:three\n",
      next_line: 4,
      matches: 2,
    });
    expect(await page(store, id, grep("two", { context: 2, maxLines: 1 }))).toMatchObject({
      text: "1-one\n2:two\n3-three\n4-four\n",
      next_line: 5,
    });
  });

  it("stops when the page is full, and loses no match", async () => {
    const { store } = openStore();
    const id = await finished(store, TEXT);
    for (const context of [0, 1, 2]) {
      for (const maxBytes of [1, 5, 12, 20, 40]) {
        let found = "";
        let matches = 0;
        for (let line = 1, more = true; more;) {
          const one = await page(store, id, grep("[ei]", { line, maxBytes, context }));
          expect(Buffer.byteLength(one.text)).toBeLessThanOrEqual(maxBytes);
          expect(one.next_line).toBeGreaterThan(line);
          found += one.text;
          matches += one.matches ?? 0;
          line = one.next_line ?? 0;
          more = one.more;
        }
        expect(matches).toBe(6);
        if (maxBytes >= 12)
          for (const line of ["1:one", "3:three", "5:five", "6:six", "7:seven", "8:eight"])
            expect(found).toContain(line);
      }
    }
  });

  it("agrees with a search of every line by itself, for any text and any cutting", async () => {
    const { store } = openStore();
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom("a", "b", "ab", "\n", "", "é"), { maxLength: 200 }),
        fc.constantFrom("ab", "^a", "b$", "^$", "é"),
        async (parts, pattern) => {
          const text = parts.join("");
          const id = await finished(store, text);
          const lines = text.split("\n");
          if (lines.at(-1) === "") lines.pop();
          const expected = lines.flatMap((line, index) =>
            new RegExp(pattern).test(line) ? `${index + 1}:${line}\n` : [],
          );
          expect((await page(store, id, grep(pattern, { maxLines: 1_000 }))).text).toBe(expected.join(""));
        },
      ),
    );
  });

  it("finds what stands far inside of a long line, and shows that part", async () => {
    const { store } = openStore();
    const id = await finished(store, `short\n${"x".repeat(600_000)}needle${"y".repeat(30_000)}\nneedle\n`);
    const found = await page(store, id, grep("needle"));
    expect(found).toMatchObject({ matches: 2, next_line: 4, more: false });
    expect(found.text).toMatch(/^2:…x+(needle)?y*… \(\d+ more bytes\)\n3:needle\n$/);
    const around = await page(store, id, grep("^needle", { context: 1 }));
    expect(around.text).toMatch(/^2-x{4096}… \(625910 more bytes\)\n3:needle\n$/);
  });

  it("of a run that goes on covers the lines that are complete", async () => {
    const { store } = openStore();
    const run = store.begin(about());
    await write(run, "one\non");
    const one = await page(store, run.id, grep("on"));
    expect(one).toMatchObject({ text: "1:one\n", next_line: 2, next_offset: 4, more: true });
    const later = store.read(VIEWER, run.id, "stdout", grep("on", { line: 2 }), 60_000, NEVER);
    await write(run, "ly\n");
    expect((await later).text).toBe("2:only\n");
  });

  it("refuses what is no pattern, and what would keep the daemon busy", async () => {
    const { store } = openStore();
    const run = store.begin(about());
    for (const pattern of ["(", "(?=x)", "a{1000}b{1000}", "(a?){2000}"])
      await expect(store.read(VIEWER, run.id, "stdout", grep(pattern), 60_000, NEVER)).rejects.toMatchObject({
        code: "request_invalid",
        message: expect.stringContaining("grep") as string,
      });
  });

  it("lets other work go on, and ends when nobody waits for it", async () => {
    const { store } = openStore();
    const id = await finished(store, "some text that has to be searched\n".repeat(150_000));
    let turns = 0;
    const controller = new AbortController();
    const ticking = setInterval(() => {
      if (++turns === 3) controller.abort();
    }, 1);
    const one = await store.read(VIEWER, id, "stdout", grep("(?i)z.*q"), 0, controller.signal);
    clearInterval(ticking);
    expect(turns).toBeGreaterThanOrEqual(3);
    expect(one.more).toBe(true);
    expect(one.next_line).toBeGreaterThan(1);
  });
});
