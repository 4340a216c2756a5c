import { describe, expect, it } from "vitest";
import { troubleOf, withTokenAdvice } from "../../mcp/trouble.ts";
import { CodedError } from "../../wire/errors.ts";

describe("a trouble", () => {
  it("is what a coded error says", () => {
    const error = new CodedError("reply_timeout", "no reply", { hint: "wait" });
    expect(troubleOf(error)).toEqual({ reason: "no reply", code: "reply_timeout", hint: "wait" });
  });

  it("is never made of a bug", () => {
    const bug = new TypeError("bug");
    expect(() => troubleOf(bug)).toThrow(bug);
  });

  it("with a refused token says what to do, whichever daemon refused it", () => {
    expect(withTokenAdvice({ reason: "Authentication failed" }, "Do this.").hint).toMatch(/token mint.* Do this\.$/);
    const ours = { reason: "Authentication failed", code: "unauthenticated", hint: "Mint another." };
    expect(withTokenAdvice(ours, "Do this.")).toEqual({ ...ours, hint: "Mint another. Do this." });
  });

  it("of another kind is left alone", () => {
    const other = { reason: "Authentication failed", code: "param_invalid", hint: "h" };
    expect(withTokenAdvice(other, "Do this.")).toBe(other);
    const old = { reason: "Unknown operation" };
    expect(withTokenAdvice(old, "Do this.")).toBe(old);
  });
});
