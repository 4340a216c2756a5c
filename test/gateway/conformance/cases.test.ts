import { describe, expect, it } from "vitest";
import { FIXTURE, type Case, type Fixture } from "./case.ts";
import { CASES } from "./cases.ts";
import { runCase, type Base } from "./run-case.ts";
import { wholeFleet } from "./whole-fleet.ts";

function fixtureOf(one: Case): Fixture {
  return { ...FIXTURE, ...one.fixture };
}

/** One fleet for all cases that want the same of it. */
const fleets = new Map<string, Base>();
for (const one of CASES) {
  const key = JSON.stringify(fixtureOf(one));
  if (!fleets.has(key)) fleets.set(key, await wholeFleet(fixtureOf(one)));
}

describe("what clients of commando get of a gateway, with an agent behind it", () => {
  it.each(CASES.map((one) => [one.number, one.title, one] as const))("%i: %s", async (_number, _title, one) => {
    const fleet = fleets.get(JSON.stringify(fixtureOf(one)));
    expect(fleet === undefined ? ["no fleet"] : await runCase(fleet, one)).toEqual([]);
  });

  it("covers each case of the list that concerns HTTP and MCP", () => {
    const numbers = new Set(CASES.map(({ number }) => number));
    const all = Array.from({ length: 40 }, (_, index) => index + 1);
    expect(all.filter((number) => !numbers.has(number))).toEqual([]);
  });
});
