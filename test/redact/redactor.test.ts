import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formsOf, type KnownSecret } from "../../host/redact/known-secret.ts";
import { LinePatterns } from "../../host/redact/line-patterns.ts";
import { Redactor, type StreamRedactor } from "../../host/redact/redactor.ts";
import { RuleBook } from "../../host/redact/rule-book.ts";
import { compileFinder } from "../../host/util/pattern.ts";
import { drawn, EXAMPLES, keyBlock } from "./examples.ts";

const known: readonly KnownSecret[] = [
  { kind: "environment", value: "hunter2-horse" },
  { kind: "environment", value: "hunter2-horse-battery" },
  { kind: "session-token", value: drawn(64, "0f1e2d3c4b5a6978") },
  { kind: "gh-credentials", value: 'quo"te/and\\slash ü%' },
  { kind: "aws-credentials", value: "aaaaaaaabaaaaaaaa" },
];
const book = new RuleBook(known, new Set());

interface Masked {
  readonly bytes: Buffer;
  readonly count: number;
}

function maskedBy(stream: StreamRedactor, chunks: readonly Buffer[]): Masked {
  const bytes = Buffer.concat([...chunks.map((chunk) => stream.write(Buffer.from(chunk))), stream.end()]);
  return { bytes, count: stream.count };
}

function whole(data: Buffer, by = book): Masked {
  return maskedBy(new Redactor(by), [data]);
}

/** Cut at these places. */
function cut(data: Buffer, at: readonly number[]): readonly Buffer[] {
  const places = [0, ...at.map((place) => place % (data.length + 1)).sort((a, b) => a - b), data.length];
  return places.slice(1).map((to, index) => data.subarray(places[index], to));
}

const bits = [
  ...EXAMPLES.flatMap(({ text, secret, near }) => [text, secret, near, secret.slice(0, 9), secret.slice(5)]),
  ...known.flatMap(({ value }) => formsOf(value).map((form) => form.toString())),
  ...known.map(({ value }) => value.slice(0, -1)),
  keyBlock("EC ", 2, "\\n"),
  "-----BEGIN PRIVATE" + " KEY-----",
  "-----END PRIVATE KEY-----",
  "\n",
  " ",
  "\\",
  '"',
  "word ",
  "://",
  "@",
  ":",
];
const mixture = fc
  .array(
    fc.oneof(
      fc.constantFrom(...bits).map((text) => Buffer.from(text)),
      fc.uint8Array({ maxLength: 6 }),
    ),
    {
      maxLength: 12,
    },
  )
  .map((parts) => Buffer.concat(parts));
const places = fc.array(fc.nat(5_000), { maxLength: 20 });

/** Masks taken out, what is left must be in the data, in order and as often as it says. */
function isWithout(data: Buffer, { bytes, count }: Masked): boolean {
  const pieces = bytes.toString("latin1").split(/\[redacted:[a-z0-9-]+\]/);
  if (pieces.length !== count + 1) return false;
  const text = data.toString("latin1");
  let at = 0;
  return pieces.every((piece) => {
    const found = text.indexOf(piece, at);
    at = found + piece.length;
    return found >= 0;
  });
}

describe("a stream with secrets", () => {
  it("[promise 8] is masked alike however it is cut", () => {
    fc.assert(
      fc.property(mixture, places, (data, at) => {
        expect(maskedBy(new Redactor(book), cut(data, at))).toEqual(whole(data));
      }),
      { numRuns: 600 },
    );
  });

  it("[promise 8] is masked alike one byte at a time", () => {
    fc.assert(
      fc.property(mixture, (data) => {
        const bytes = Array.from(data, (byte) => Buffer.from([byte]));
        expect(maskedBy(new Redactor(book), bytes)).toEqual(whole(data));
      }),
      { numRuns: 150 },
    );
  });

  it("[promise 8] holds no known secret afterwards, in no form, and nothing else is lost", () => {
    fc.assert(
      fc.property(mixture, (data) => {
        const masked = whole(data);
        for (const { value } of known)
          for (const form of formsOf(value)) expect(masked.bytes.includes(form)).toBe(false);
        expect(isWithout(data, masked)).toBe(true);
      }),
      { numRuns: 400 },
    );
  });

  it("takes the longer of two secrets that begin alike", () => {
    expect(whole(Buffer.from("x hunter2-horse-battery y hunter2-horse z")).bytes.toString()).toBe(
      "x [redacted:environment] y [redacted:environment] z",
    );
  });

  it.each([0, 1, 2])("finds a value in base64 that was encoded with %i bytes before it", (before) => {
    for (const after of [0, 1, 2]) {
      const text = Buffer.from(`${"u:".slice(0, before)}${drawn(40)}${"\n\n".slice(0, after)}`).toString("base64");
      const secrets = new RuleBook([{ kind: "environment", value: drawn(40) }], new Set());
      expect(whole(Buffer.from(text), secrets).count).toBe(1);
    }
  });
});

describe("a stream without secrets", () => {
  it("[promise 8] leaves byte for byte, whatever it is", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3_000 }), places, (data, at) => {
        const plain = new RuleBook([{ kind: "environment", value: "not in it, this one" }], new Set());
        expect(maskedBy(new Redactor(plain), cut(Buffer.from(data), at))).toEqual({
          bytes: Buffer.from(data),
          count: 0,
        });
      }),
      { numRuns: 300 },
    );
  });

  it.each(["Continue? [y/N] ", "Password: ", "Username for 'https://github.com': ", "50% [=====>   ]\r", "> ", "ok\n"])(
    "keeps nothing back of %j",
    (text) => {
      const redactor = new Redactor(book);
      expect(redactor.write(Buffer.from(text)).toString()).toBe(text);
    },
  );

  it("keeps back what may be the beginning of a secret, and no more", () => {
    const redactor = new Redactor(book);
    expect(redactor.write(Buffer.from("it is gh")).toString()).toBe("it is ");
    expect(redactor.write(Buffer.from("p_abc")).toString()).toBe("");
    expect(redactor.write(Buffer.from(" no\n")).toString()).toBe("ghp_abc no\n");
  });

  it("[promise 8] keeps back no more of a secret's beginning than of any other word, or what comes late would tell which is right", () => {
    const released = (text: string): readonly number[] => {
      const redactor = new Redactor(book);
      return Array.from(text, (letter) => redactor.write(Buffer.from(letter)).length);
    };
    const long = "y".repeat(400);
    for (const right of ["say hunter2-hor", "hunter2-horse-batt", "=hunter2-hors", `${long}hunter2-h`])
      for (let at = right.indexOf("h"); at < right.length; at++) {
        const wrong = `${right.slice(0, at)}${right[at] === "q" ? "w" : "q"}${right.slice(at + 1)}`;
        // Once the whole of a secret is there, its mask may come; these are beginnings.
        expect([right, at, released(wrong)]).toEqual([right, at, released(right)]);
      }
  });

  it("gives a chunk back as it is when nothing is in it", () => {
    const chunk = Buffer.from("a line of text\n");
    expect(new Redactor(book).write(chunk)).toBe(chunk);
  });
});

describe("what is kept in memory", () => {
  it("[promise 9] is bounded, whatever comes", () => {
    for (const { text } of EXAMPLES) {
      const redactor = new Redactor(book);
      let [written, out] = [0, 0];
      for (let round = 0; round < 50; round++) {
        written += 2_000;
        out += redactor.write(Buffer.from(text.slice(0, -3).repeat(2_000).slice(0, 2_000))).length;
      }
      // A key is swallowed, not kept.
      if (!text.includes("PRIVATE")) expect(written - out - 100 * redactor.count).toBeLessThan(written);
      expect(redactor.end().length).toBeLessThan(9_000);
    }
  });
});

describe("the owner's patterns", () => {
  function pattern(name: string, source: string): LinePatterns {
    const compiled = compileFinder(source);
    if (!compiled.ok) throw new Error(compiled.message);
    return new LinePatterns([{ name, find: compiled.find }]);
  }

  it("mask what they match in a line, however it was cut", () => {
    const data = Buffer.from("id ÄCME-1234 and ÄCME-99\nÄCME-5678\r\n\xff ÄCME-4321", "utf8");
    fc.assert(
      fc.property(places, (at) => {
        const masked = maskedBy(pattern("badge", "ÄCME-[0-9]{4}"), cut(data, at));
        expect(masked.bytes.toString()).toBe("id [redacted:badge] and ÄCME-99\n[redacted:badge]\r\nÿ [redacted:badge]");
        expect(masked.count).toBe(3);
      }),
    );
  });

  it("know the ends of a line", () => {
    expect(maskedBy(pattern("end", "[0-9]+$"), [Buffer.from("a 1 2\nb 3\r\n4")]).bytes.toString()).toBe(
      "a 1 [redacted:end]\nb [redacted:end]\r\n[redacted:end]",
    );
  });

  it("find what lies across the pieces of a long line, and lose nothing of it", () => {
    for (let before = 7_000; before < 8_400; before += 37) {
      const data = Buffer.from(`${"x".repeat(before)}ACME-1234${"y".repeat(9_000)}\n`);
      const masked = maskedBy(pattern("badge", "ACME-[0-9]{4}"), cut(data, [5, 8_192, 8_200]));
      expect(masked.bytes.toString()).toBe(`${"x".repeat(before)}[redacted:badge]${"y".repeat(9_000)}\n`);
    }
  });
});
