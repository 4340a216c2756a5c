import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkFlags, normaliseFlags } from "../../host/operation/flags.ts";
import { operationInfo } from "../../host/operation/info.ts";
import { checkParams } from "../../host/operation/values.ts";
import { compileProject } from "../../host/project/compile.ts";
import { typedInput } from "../../mcp/typed/input.ts";
import { PARAM_TYPES } from "../../wire/names.ts";
import type { FlagRule, OperationTemplate, Param } from "../../wire/schema.ts";
import { tempDirectory } from "../fixtures/temp.ts";

/** What the daemon makes of an operation of a configuration; undefined when it does not load. */
function loaded(template: OperationTemplate) {
  const config = {
    repos: ["o/r"],
    repo_paths: [tempDirectory()],
    allowed_operations: ["op"],
    operations: { op: { command: "/bin/echo", ...template } },
  };
  try {
    return compileProject("p", Buffer.from(JSON.stringify(config)), "config.json").project.operations.get("op");
  } catch {
    return undefined;
  }
}

function accepts(work: () => unknown): boolean {
  try {
    work();
    return true;
  } catch {
    return false;
  }
}

const TEXTS = [
  "",
  "a",
  "b",
  "ab",
  "1",
  "-1",
  "01",
  "é",
  "😀",
  "main",
  "o/r",
  "https://x.example/",
  "a\u2028",
  "-a",
  "2",
];
const NUMBERS = [0, 1, 2, -1, 1.5, 9_007_199_254_740_991, 1e300, 1e-7];

type Rules = Omit<Param, "type">;
const RULES: readonly fc.Arbitrary<Rules>[] = [
  fc.record({ pattern: fc.constantFrom("^a", "^[a-z]+$", "\\S", ".", "(?i)A", "^.$", "[0-9]") }),
  fc.record({ min: fc.integer({ min: -3, max: 1 }) }),
  fc.record({ max: fc.integer({ min: 0, max: 9 }) }),
  fc.record({ enum: fc.array(fc.constantFrom(...TEXTS, "0.0000001"), { minLength: 1, maxLength: 8 }) }),
  fc.record({ allow_leading_dash: fc.boolean() }),
];
const LENGTHS: readonly fc.Arbitrary<Rules>[] = [
  fc.record({ minLength: fc.integer({ min: -1, max: 5 }) }),
  fc.record({ maxLength: fc.integer({ min: -1, max: 9 }) }),
];

/** At most two rules, or hardly any value would be accepted. */
function few(all: readonly fc.Arbitrary<Rules>[]): fc.Arbitrary<Rules> {
  return fc
    .tuple(fc.oneof(fc.constant({}), ...all), fc.oneof(fc.constant({}), ...all))
    .map(([one, other]) => ({ ...one, ...other }));
}

const values = fc.oneof(
  fc.constantFrom(...TEXTS),
  fc.constantFrom(...NUMBERS),
  fc.array(fc.constantFrom(...TEXTS), { maxLength: 3 }),
  fc.constantFrom(true, false),
);

describe("what the daemon accepts", () => {
  it("is what the schema of a parameter allows, and reaches it unchanged", () => {
    const ajv = new Ajv2020({ strict: false, logger: false });
    let accepted = 0;
    fc.assert(
      fc.property(
        fc.constantFrom(...PARAM_TYPES),
        few([...RULES, ...LENGTHS]),
        fc.array(values, { minLength: 12, maxLength: 12 }),
        (type, more, candidates) => {
          const param: Param = { type, ...more };
          const operation = loaded({ args_template: ["{p}"], params: { p: param } });
          if (operation === undefined) return;
          const input = typedInput(operationInfo(operation));
          const allows = ajv.compile(input.schema);
          for (const value of candidates) {
            if (!accepts(() => checkParams(operation, new Map([["p", value]])))) continue;
            accepted++;
            expect(allows({ p: value }), `${JSON.stringify(param)} ${JSON.stringify(value)}`).toBe(true);
            expect(input.read({ p: value }).params).toEqual({ p: value });
          }
        },
      ),
      { numRuns: 400 },
    );
    expect(accepted).toBeGreaterThan(100);
  });

  it("is what the schema of flags allows, and what becomes of it", () => {
    const ajv = new Ajv2020({ strict: false, logger: false, allowUnionTypes: true });
    let accepted = 0;
    fc.assert(
      fc.property(
        fc.constantFrom("string", "integer", "number", "enum", "git_branch", "url"),
        few(RULES),
        fc.constantFrom("plain", "switch", "one", "repeat", "several"),
        fc.array(fc.oneof(fc.constantFrom(...TEXTS), fc.constantFrom(0, 1, 2, -1)), { minLength: 1, maxLength: 3 }),
        (type, more, form, given) => {
          const rule = { flag: "--f", type, ...more, ...(form === "repeat" ? { repeat: true } : {}) } as FlagRule;
          const operation = loaded({
            allowed_flags: [form === "plain" || form === "switch" ? "--f" : rule],
            bool_flags: form === "switch" ? ["--f"] : [],
            multi_value_flags: form === "several" ? ["--f"] : [],
          });
          if (operation === undefined) return;
          const words = given.map(String);
          const one = [`--f=${words[0] ?? ""}`];
          const expected = {
            plain: one,
            one,
            switch: ["--f"],
            repeat: words.map((word) => `--f=${word}`),
            several: ["--f", ...words],
          }[form];
          if (!accepts(() => checkFlags(operation, normaliseFlags(expected, operation.flags)))) return;
          accepted++;
          const isNumber = type === "integer" || type === "number";
          const typed = given.map((value) => (isNumber && form !== "plain" ? Number(value) : String(value)));
          const value = form === "switch" ? true : form === "repeat" || form === "several" ? typed : typed[0];
          const input = typedInput(operationInfo(operation));
          const args = { flags: { "--f": value } };
          expect(ajv.compile(input.schema)(args), JSON.stringify([rule, form, value])).toBe(true);
          expect(input.read(args).flags).toEqual(expected);
        },
      ),
      { numRuns: 600 },
    );
    expect(accepted).toBeGreaterThan(100);
  });
});
