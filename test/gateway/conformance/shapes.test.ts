import { describe, expect, it } from "vitest";
import { openRig } from "../fixtures/rig.ts";
import type { Case } from "./case.ts";
import { runCase } from "./run-case.ts";
import { absent, aNumber, aText, differs, like, only, type Shape, type Wanted } from "./shapes.ts";

describe("what a case expects of JSON", () => {
  it.each<readonly [Shape | Wanted, unknown, boolean]>([
    [1, 1, true],
    [1, "1", false],
    [null, undefined, false],
    [{ a: 1 }, { a: 1, b: 2 }, true],
    [{ a: 1 }, [1], false],
    [{ a: absent }, {}, true],
    [{ a: absent }, { a: null }, false],
    [{ a: { b: aNumber } }, { a: { b: "1" } }, false],
    [{ a: aText }, { a: "" }, true],
    [{ a: aText }, { a: 1 }, false],
    [only({ a: 1 }), { a: 1, b: 2 }, false],
    [only({ a: 1 }), { a: 2 }, false],
    [[1, { a: 1 }], [1, { a: 1 }], true],
    [[1], [1, 2], false],
    [[1], 1, false],
    [like(/^a+$/), "aa", true],
    [like(/^a+$/), "ab", false],
    [like(/1/), 1, false],
  ])("%j of %j: %s", (shape, value, isSame) => {
    expect(differs(shape, value) === undefined).toBe(isSame);
  });

  it("is told step by step when a gateway answers something else", async () => {
    const { url } = await openRig();
    const one: Case = {
      number: 0,
      title: "",
      steps: [
        { ask: { path: "/health" }, expect: { status: 201 } },
        { ask: { path: "/health" }, expect: { status: 200, kind: "text" } },
        { ask: { path: "/health" }, expect: { status: 200, kind: "empty" } },
        { ask: { path: "/nope" }, expect: { status: 404, kind: "json" } },
        { ask: { path: "/health" }, expect: { status: 200, headers: { "x-none": "1" } } },
        { ask: { path: "/health" }, expect: { status: 200, json: { status: "bad" } } },
        { together: [{ path: "/health" }], expect: [{ status: 404 }] },
        {
          read: { method: "POST", path: "/api/exec", body: { target: "a", command: "echo x" } },
          expect: { stdout: "y\n", stderr: "", last: {} },
        },
      ],
    };
    expect((await runCase({ url, key: "k" }, one)).map((line) => line.split(":")[0])).toEqual(
      one.steps.map((_, index) => `step ${index + 1}`),
    );
  });
});
