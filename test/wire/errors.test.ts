import { describe, expect, it } from "vitest";
import { attempt, CodedError } from "../../wire/errors.ts";

describe("an attempt", () => {
  it("gives what was made, or what is made of an error that is known; a bug stays one", () => {
    const fails = (error: Error) => () => {
      throw error;
    };
    expect(attempt<string>(() => "made", fails(new Error("not called")))).toBe("made");
    expect(attempt<string>(fails(new CodedError("usage", "why")), ({ message }) => message)).toBe("why");
    expect(() => attempt<string>(fails(new TypeError("a bug")), () => "hidden")).toThrow(TypeError);
  });
});
