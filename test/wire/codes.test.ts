import { describe, expect, it } from "vitest";
import { CODES, type Code } from "../../wire/codes.ts";
import { CodedError, errnoOf, messageOf } from "../../wire/errors.ts";

describe("the table of codes", () => {
  it.each(Object.entries(CODES))(
    "has a meaning and a hint, each one whole line, for %s",
    (code, { kind, means, hint }) => {
      expect(code).toMatch(/^[a-z]+(_[a-z]+)*$/);
      expect(["denied", "failed", "client"]).toContain(kind);
      for (const text of [means, hint]) expect(text).toMatch(/^\S.+\.$/);
    },
  );

  it("cannot be changed", () => {
    expect(Object.isFrozen(CODES)).toBe(true);
  });
});

describe("a coded error", () => {
  it("has the hint of its code unless the thrower knows better", () => {
    const plain = new CodedError("usage", "unknown word");
    expect(plain).toBeInstanceOf(Error);
    expect(plain).toMatchObject({ name: "CodedError", code: "usage", message: "unknown word", hint: CODES.usage.hint });
    expect(plain).not.toHaveProperty("cause");
    expect(new CodedError("usage", "x", { hint: "Say y." }).hint).toBe("Say y.");
  });

  it("keeps its cause, also beside a hint", () => {
    const cause = new Error("EIO");
    const code: Code = "file_failed";
    expect(new CodedError(code, "x", { cause, hint: "h" })).toMatchObject({ cause, hint: "h" });
  });
});

describe("what was thrown", () => {
  it("has a system error code only when it is an error with one", () => {
    expect(errnoOf(Object.assign(new Error("x"), { code: "ENOENT" }))).toBe("ENOENT");
    expect(errnoOf(Object.assign(new Error("x"), { code: 5 }))).toBeUndefined();
    expect(errnoOf(new Error("x"))).toBeUndefined();
    expect(errnoOf({ code: "ENOENT" })).toBeUndefined();
    expect(errnoOf(undefined)).toBeUndefined();
  });

  it("has a message whatever it is", () => {
    expect(messageOf(new TypeError("bad"))).toBe("bad");
    expect(messageOf("text")).toBe("text");
    expect(messageOf(undefined)).toBe("undefined");
  });
});
