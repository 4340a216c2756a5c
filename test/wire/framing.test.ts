import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { frameTimeout, isBlank, RequestFramer, type Frame } from "../../wire/framing.ts";
import { MAX_REQUEST_BYTES, MAX_REQUEST_BYTES_ANNOUNCED } from "../../wire/limits.ts";
import { cut, jsonText, mutatedJson, singleBytes } from "./strict-json.ts";

type Verdict = Frame | "waiting";

/** Feeds the chunks until there is a verdict; `fin` closes the sending side behind the last. */
function frame(chunks: readonly Buffer[], fin = true): Verdict {
  const framer = new RequestFramer();
  for (const chunk of chunks) {
    const result = framer.push(chunk);
    if (result.state !== "more") return result;
  }
  return fin ? framer.end() : "waiting";
}

function frameText(text: string, fin = true): Verdict {
  return frame([Buffer.from(text)], fin);
}

/** What must not depend on how the bytes were cut: all but whether something stood behind the value. */
function essence(verdict: Verdict): unknown {
  if (verdict === "waiting") return verdict;
  if (verdict.state === "message") return { message: verdict.message };
  return verdict.state === "refused" ? { code: verdict.error.code, text: verdict.error.message } : verdict.state;
}

function refusal(verdict: Verdict): { readonly code: string; readonly message: string } {
  if (verdict === "waiting" || verdict.state !== "refused")
    throw new Error(`was not refused: ${JSON.stringify(verdict)}`);
  return { code: verdict.error.code, message: verdict.error.message };
}

/** A JSON object of exactly `size` bytes. */
function objectOf(size: number, head = '{"operation":"test_op","x":"'): string {
  return `${head}${"a".repeat(size - head.length - 2)}"}`;
}

const ANNOUNCED = '{"protocol":2,"operation":"test_op","x":"';

describe("a request frame", () => {
  it("has the same outcome however the bytes were cut", () => {
    const texts = fc.oneof(
      jsonText.map((text) => Buffer.from(`{"operation":"x","params":${text}}`)),
      jsonText.map((text) => Buffer.from(text)),
      mutatedJson,
      fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes)),
    );
    fc.assert(
      fc.property(texts, fc.array(fc.nat(), { maxLength: 8 }), fc.boolean(), (bytes, places, fin) => {
        const whole = essence(frame([bytes], fin));
        expect(essence(frame(cut(bytes, places), fin))).toEqual(whole);
        expect(essence(frame(singleBytes(bytes), fin))).toEqual(whole);
      }),
      { numRuns: 1_500 },
    );
  });

  it("has the same outcome however bytes around the limits were cut", () => {
    const kinds: Readonly<Record<string, (size: number) => string>> = {
      object: (size) => objectOf(size),
      "object and space": (size) => objectOf(100) + " ".repeat(size - 100),
      space: (size) => " ".repeat(size),
      "space and object": (size) => `${" ".repeat(size)}{}`,
      "space and array": (size) => `${" ".repeat(size)}[`,
      "announced object": (size) => objectOf(size, ANNOUNCED),
      "announced object behind space": (size) => " ".repeat(1_000) + objectOf(size - 1_000, ANNOUNCED),
      "object announced too late": (size) => " ".repeat(1_100) + objectOf(size - 1_100, ANNOUNCED),
      "wrong byte behind": (size) => `{"a":[${"1".repeat(size - 6)}x`,
    };
    const place = fc.oneof(
      fc.nat(MAX_REQUEST_BYTES),
      fc.integer({ min: MAX_REQUEST_BYTES - 3, max: MAX_REQUEST_BYTES + 3 }),
    );
    fc.assert(
      fc.property(
        fc.constantFrom(...Object.keys(kinds)),
        fc.constantFrom(-1, 0, 1, 2, 500),
        fc.array(place, { maxLength: 6 }),
        fc.boolean(),
        (kind, more, places, fin) => {
          const bytes = Buffer.from(kinds[kind]?.(MAX_REQUEST_BYTES + more) ?? "");
          expect(essence(frame(cut(bytes, places), fin))).toEqual(essence(frame([bytes], fin)));
        },
      ),
      { numRuns: 300 },
    );
  });

  it("never throws and never gives a message that JSON.parse would not give", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          mutatedJson,
          fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
        ),
        (bytes) => {
          const verdict = frame([bytes]);
          if (verdict === "waiting" || verdict.state !== "message") return;
          const values = verdict.trailing ? undefined : (JSON.parse(bytes.toString("utf8")) as unknown);
          if (!verdict.trailing) expect(verdict.message).toEqual(values);
        },
      ),
      { numRuns: 1_500 },
    );
  });

  it("is complete at the closing brace, without waiting for the client to finish", () => {
    expect(frameText('{"a":1}', false)).toEqual({ state: "message", message: { a: 1 }, trailing: false });
    expect(frameText(' \r\n\t{"a":1}\n', false)).toEqual({ state: "message", message: { a: 1 }, trailing: false });
    expect(frame([Buffer.from('{"a"'), Buffer.from(":1}")], false)).toMatchObject({ message: { a: 1 } });
  });

  it.each([
    ["", "nothing"],
    [" \t\r\n", "nothing"],
  ])("of %j and FIN gets no answer", (text, state) => {
    expect(frameText(text)).toEqual({ state });
  });

  it("of nothing or white space waits as long as the connection is open", () => {
    expect(frameText(" \n", false)).toBe("waiting");
    expect(frame([], false)).toBe("waiting");
  });

  it.each(["{", '{"operation":"x"', '{"a":[1,', " {", "n", "nul"])(
    "that is cut short, as in %j, is refused as such",
    (text) => {
      expect(refusal(frameText(text))).toEqual({ code: "json_invalid", message: "Invalid JSON: unexpected EOF" });
    },
  );

  it.each([
    ["[1]", "array"],
    ['"x"', "string"],
    ["42", "number"],
    ["-1", "number"],
    ["true", "boolean"],
    ["false", "boolean"],
    ["POST / HTTP/1.1\r\nHost: localhost\r\n\r\n{}", "byte 0x50"],
    ["\ufeff{}", "byte 0xef"],
    ["\0", "byte 0x00"],
    ["  \n<x>", "byte 0x3c"],
  ])("that begins as %j is refused at its first byte", (text, kind) => {
    const expected = { code: "json_invalid", message: `Invalid JSON: expected an object, got ${kind}` };
    expect(refusal(frameText(text, false))).toEqual(expected);
    const [first = Buffer.alloc(0)] = singleBytes(
      Buffer.from(text.trimStart() === text || text.startsWith("\ufeff") ? text : text.trimStart()),
    );
    expect(refusal(frame([first], false))).toEqual(expected);
  });

  it("of null is a message, which has no known type", () => {
    expect(frameText("null", false)).toEqual({ state: "message", message: null, trailing: false });
    expect(refusal(frameText("none", false)).code).toBe("json_invalid");
  });

  it.each(['{"a":1}{"b":2}', '{"a":1}XX', "{} ]", "null,"])(
    "with something behind it in the same bytes, as in %j, says so",
    (text) => {
      expect(frameText(text, false)).toMatchObject({ state: "message", trailing: true });
    },
  );

  it("with a duplicate name at any level, or __proto__, is refused with a code of its own", () => {
    expect(refusal(frameText('{"params":{"a":1,"a":2}}'))).toEqual({
      code: "json_duplicate_key",
      message: 'Invalid JSON: duplicate member "a" at byte 19',
    });
    expect(refusal(frameText('{"__proto__":{}}')).code).toBe("json_duplicate_key");
  });

  it.each([
    ["a lone surrogate", '{"a":"\\ud800"}'],
    ["a misspelt word", '{"a":tru}'],
    ["single quotes", "{'a':1}"],
    ["20,000 brackets", `{"a":${"[".repeat(20_000)}`],
  ])("with %s is refused", (_, text) => {
    const { code, message } = refusal(frameText(text, false));
    expect(code).toBe("json_invalid");
    expect(message).toMatch(/^Invalid JSON: .+ at byte \d+$/);
  });

  it.each([[[0xff]], [[0xc0, 0x80]], [[0xed, 0xa0, 0x80]], [[0xf4, 0x90, 0x80, 0x80]], [[0xe2, 0x82]]])(
    "with the bytes %j in a string is refused: they are not UTF-8",
    (bytes) => {
      const request = Buffer.concat([Buffer.from('{"a":"'), Buffer.from(bytes), Buffer.from('"}')]);
      expect(refusal(frame([request]))).toEqual({ code: "json_invalid", message: "Invalid JSON: not UTF-8" });
      expect(refusal(frame(singleBytes(request))).code).toBe("json_invalid");
    },
  );

  it("may have bytes that are not UTF-8 behind it: they are only something that follows", () => {
    expect(frame([Buffer.concat([Buffer.from("{}"), Buffer.of(0xff)])])).toMatchObject({
      state: "message",
      trailing: true,
    });
  });
});

describe("the size of a request", () => {
  it.each([MAX_REQUEST_BYTES - 1, MAX_REQUEST_BYTES])("may be %i bytes", (size) => {
    const text = objectOf(size);
    expect(text).toHaveLength(size);
    expect(frameText(text, false)).toMatchObject({ state: "message", trailing: false });
    expect(frame(singleBytes(Buffer.from(text)), false)).toMatchObject({ state: "message" });
  });

  it("may not be one byte more for a client that announces nothing", () => {
    const expected = { code: "frame_too_large", message: "Request too large (exceeded 65536 bytes)" };
    expect(refusal(frameText(objectOf(MAX_REQUEST_BYTES + 1), false))).toEqual(expected);
    expect(refusal(frame(singleBytes(Buffer.from(objectOf(MAX_REQUEST_BYTES + 1))), false))).toEqual(expected);
  });

  it("may be a mebibyte for a client that announces protocol 2, and not one byte more", () => {
    expect(frameText(objectOf(MAX_REQUEST_BYTES + 1, ANNOUNCED), false)).toMatchObject({ state: "message" });
    const largest = Buffer.from(objectOf(MAX_REQUEST_BYTES_ANNOUNCED, ANNOUNCED));
    expect(frame([largest], false)).toMatchObject({ state: "message" });
    expect(frame(singleBytes(largest), false)).toMatchObject({ state: "message" });
    expect(refusal(frameText(objectOf(MAX_REQUEST_BYTES_ANNOUNCED + 1, ANNOUNCED), false))).toEqual({
      code: "frame_too_large",
      message: "Request too large (exceeded 1048576 bytes)",
    });
  });

  it.each(['{"protocol":2,', ' {\n"protocol"\t: 9 ,', '{"protocol":2}'])("is raised by %j at the beginning", (head) => {
    const text = head.endsWith("}")
      ? head + " ".repeat(MAX_REQUEST_BYTES)
      : objectOf(MAX_REQUEST_BYTES + 100, `${head}"x":"`);
    expect(frameText(text, false)).toMatchObject({ state: "message" });
  });

  it.each([
    '{"protocol":1,',
    '{"protocol":"2",',
    '{"protocol":20,',
    '{"a":1,"protocol":2,',
    '{"Protocol":2,',
    '{SPACE"protocol":2,',
  ])("is not raised by %s at the beginning", (written) => {
    const head = written.replace("SPACE", " ".repeat(1_100));
    expect(refusal(frameText(objectOf(MAX_REQUEST_BYTES + 1, `${head}"x":"`), false)).code).toBe("frame_too_large");
  });

  it("counts white space before the request", () => {
    expect(frameText(" ".repeat(MAX_REQUEST_BYTES - 2) + "{}", false)).toMatchObject({ state: "message" });
    expect(refusal(frameText(" ".repeat(MAX_REQUEST_BYTES - 1) + "{}", false)).code).toBe("frame_too_large");
  });

  it("is not exceeded by white space behind a complete request", () => {
    expect(frameText(`{}${" ".repeat(MAX_REQUEST_BYTES)}`, false)).toEqual({
      state: "message",
      message: {},
      trailing: false,
    });
  });

  it("is exceeded without an answer by white space alone", () => {
    expect(frameText(" ".repeat(MAX_REQUEST_BYTES), false)).toBe("waiting");
    expect(frameText(" ".repeat(MAX_REQUEST_BYTES + 1), false)).toEqual({ state: "nothing" });
    expect(frameText(`${" ".repeat(MAX_REQUEST_BYTES + 1)}{}`, false)).toEqual({ state: "nothing" });
    expect(frame(singleBytes(Buffer.alloc(MAX_REQUEST_BYTES + 1, " ")), false)).toEqual({ state: "nothing" });
  });

  it("does not hide a syntax error that comes before the limit", () => {
    expect(refusal(frameText(`{"a":x${"a".repeat(MAX_REQUEST_BYTES)}`, false)).code).toBe("json_invalid");
  });
});

describe("framing", () => {
  it("knows JSON white space and nothing else as blank", () => {
    expect(isBlank(Buffer.from(" \t\r\n"))).toBe(true);
    expect(isBlank(Buffer.alloc(0))).toBe(true);
    for (const other of ["\u000b", "\u000c", "\u00a0", "\0", "x"])
      expect(isBlank(Buffer.from(` ${other}`))).toBe(false);
  });

  it("answers a client that sent no complete request in time with words that old clients know", () => {
    expect(frameTimeout()).toMatchObject({
      code: "frame_timeout",
      message: "Invalid JSON: no complete request within 5 s (i/o timeout)",
    });
  });
});
