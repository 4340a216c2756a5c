import { describe, expect, it } from "vitest";
import { openRig } from "../fixtures/rig.ts";
import { FIXTURE, type Fixture } from "./case.ts";
import { CASES } from "./cases.ts";
import { runCase, type Base } from "./run-case.ts";

/** A gateway as a case wants it. */
async function gatewayFor(fixture: Fixture): Promise<Base> {
  const { mode, perTarget, ofAgent, ...pages } = fixture;
  const { url } = await openRig({ mode, pages, fleet: { perTarget, ofAgent } });
  return { url, key: "k" };
}

describe("what clients of commando get of this gateway", () => {
  it.each(CASES.map((one) => [one.number, one.title, one] as const))("%i: %s", async (_number, _title, one) => {
    expect(await runCase(await gatewayFor({ ...FIXTURE, ...one.fixture }), one)).toEqual([]);
  });

  it("covers each case of the list that concerns HTTP and MCP", () => {
    const numbers = new Set(CASES.map(({ number }) => number));
    const all = Array.from({ length: 40 }, (_, index) => index + 1);
    expect(all.filter((number) => !numbers.has(number))).toEqual([]);
  });
});
