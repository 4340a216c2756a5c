import { describe, expect, it } from "vitest";
import { ALLOWED_BY, CODES, entryOf, type Code } from "../../wire/codes.ts";
import { CodedError } from "../../wire/errors.ts";
import { denialProblems } from "../fixtures/denial-rules.ts";

const DENIED = (Object.keys(CODES) as Code[]).filter((code) => CODES[code].kind === "denied");

describe("the rules for denials", () => {
  it.each(DENIED)("are kept by what the table says of %s", (code) => {
    const { message, hint } = new CodedError(code, CODES[code].means);
    expect(denialProblems({ code, message, hint }, [])).toEqual([]);
  });

  it("notice each thing that is wrong", () => {
    const good = { code: "operation_unknown", message: "m", hint: `Do this. ${ALLOWED_BY.owner}` };
    expect(denialProblems(good, [])).toEqual([]);
    const bad: readonly (readonly [object, string])[] = [
      [{ code: "nonsense" }, "no code"],
      [{ code: "usage" }, "a code of clients"],
      [{ message: " " }, "what was refused"],
      [{ hint: "" }, "what to do"],
      [{ hint: "Do this" }, "full stop"],
      [{ hint: "Do this." }, "who can allow it"],
      [{ code: "json_invalid" }, "for nothing"],
      [{ hint: `A. B. C. D. ${ALLOWED_BY.owner}` }, "sentences"],
      [{ message: "x".repeat(4_000) }, "bytes"],
      [{ message: "this is illegal" }, "blames"],
      [{ message: "invalid input" }, "says nothing"],
      [{ message: "in /home/me/.cmd2host" }, "tells /home/me"],
      [{ hint: `See \`cmd2host nothing\`. ${ALLOWED_BY.owner}` }, "no command"],
      [{ hint: `See \`cmd2host doctor\`. ${ALLOWED_BY.owner}` }, "more than one command"],
    ];
    for (const [change, what] of bad)
      expect(denialProblems({ ...good, ...change }, ["/home/me"]).join()).toContain(what);
    // Words of others are not ours.
    expect(denialProblems({ ...good, message: 'unknown flag "--illegal"' }, [])).toEqual([]);
  });
});

it("a hint that is passed on is not said twice", () => {
  const first = new CodedError("branch_denied", "m", { hint: "Push elsewhere." });
  expect(first.hint).toBe(`Push elsewhere. ${ALLOWED_BY.owner}`);
  expect(new CodedError("branch_denied", "m", { hint: first.hint }).hint).toBe(first.hint);
  expect(entryOf("json_invalid").allowedBy).toBeUndefined();
});
