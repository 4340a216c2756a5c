import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { projectRoot } from "../fixtures/temp.ts";
import { CASE_COUNT, PENDING } from "./conformance.ts";

function shownCases(): readonly number[] {
  const directory = join(projectRoot, "test/contract");
  const calls = readdirSync(directory)
    .filter((name) => name.endsWith(".test.ts"))
    .flatMap((name) => [
      ...readFileSync(join(directory, name), "utf8").matchAll(/^\s*conforms\(\s*(\[[^\]]*\]|\d+)/gm),
    ]);
  return calls.flatMap(([, numbers = ""]) => [...numbers.matchAll(/\d+/g)].map(([digits]) => Number(digits)));
}

it("every conformance case is shown by a test or listed as pending, never both", () => {
  const shown = new Set(shownCases());
  const all = Array.from({ length: CASE_COUNT }, (_, index) => index + 1);
  expect(all.filter((number) => !shown.has(number) && !PENDING.has(number))).toEqual([]);
  expect([...PENDING.keys()].filter((number) => shown.has(number))).toEqual([]);
  expect([...shown].filter((number) => number < 1 || number > CASE_COUNT)).toEqual([]);
  process.stdout.write(
    `conformance: ${shown.size} of ${CASE_COUNT} cases shown; pending: ${[...PENDING.keys()].join(", ")}\n`,
  );
});
