import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { PROMISES } from "./promises.ts";
import { projectRoot } from "./fixtures/temp.ts";

/** Every number that a test title cites as `[promise N]`. */
function cited(): ReadonlyMap<number, number> {
  const counts = new Map<number, number>();
  for (const name of readdirSync(join(projectRoot, "test"), { recursive: true, encoding: "utf8" })) {
    if (!name.endsWith(".test.ts")) continue;
    for (const [, list = ""] of readFileSync(join(projectRoot, "test", name), "utf8").matchAll(
      /\[promise ([\d, ]+)\]/g,
    )) {
      for (const number of list.split(",").map(Number)) counts.set(number, (counts.get(number) ?? 0) + 1);
    }
  }
  return counts;
}

it("every promise that does not wait for something is cited by a test, and no test cites what is not promised", () => {
  const counts = cited();
  const numbers = PROMISES.map(({ number }) => number);
  expect(
    PROMISES.filter(({ number, waitsFor }) => waitsFor === undefined && !counts.has(number)).map(({ text }) => text),
  ).toEqual([]);
  expect([...counts.keys()].filter((number) => !numbers.includes(number))).toEqual([]);
  const whole = PROMISES.filter(({ waitsFor }) => waitsFor === undefined);
  const waiting = PROMISES.filter(({ waitsFor }) => waitsFor !== undefined).map(({ number }) => number);
  const tests = [...counts.values()].reduce((sum, count) => sum + count, 0);
  process.stdout.write(
    `promises: ${whole.length} of ${PROMISES.length} kept whole, cited by ${tests} tests; waiting: ${waiting.join(", ")}\n`,
  );
});

it("docs/security.md lists exactly the promises, with what they wait for", () => {
  const text = readFileSync(join(projectRoot, "docs/security.md"), "utf8");
  const rows = PROMISES.map(
    ({ number, text: promise, waitsFor }) =>
      `${number}. ${promise}${waitsFor === undefined ? "" : ` **Waits for** ${waitsFor}.`}`,
  );
  expect(text).toContain(rows.join("\n"));
});
