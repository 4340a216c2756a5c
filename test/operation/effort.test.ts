import { describe, expect, it } from "vitest";
import { Effort, EffortSpent, MAX_EFFORT } from "../../host/operation/effort.ts";
import { reverseMatch } from "../../host/operation/reverse-match.ts";
import type { FlagSpec, Operation, Project } from "../../host/project/types.ts";
import { INJECTED, projectWith, refusal } from "./policy.ts";

const OPERATIONS = 200;

/** Many operations that begin with the same word, and differ as `more` says. */
function crowd(more: (index: number) => object): Project {
  const of = (index: number): [string, object] => [
    `op${index}`,
    { command: "tool", args_template: ["x"], ...more(index) },
  ];
  return projectWith(Object.fromEntries(Array.from({ length: OPERATIONS }, (_, index) => of(index))));
}

/** The project with patterns that count how often they are asked, and for how many characters. */
function counted(project: Project): { readonly project: Project; readonly asked: { times: number; length: number } } {
  const asked = { times: 0, length: 0 };
  const flag = (spec: FlagSpec): FlagSpec => {
    const { pattern } = spec.value;
    if (pattern === undefined) return spec;
    const found = (text: string): boolean => {
      asked.times++;
      asked.length += text.length;
      return pattern.found(text);
    };
    return { ...spec, value: { ...spec.value, pattern: { ...pattern, found } } };
  };
  const operation = (one: Operation): Operation => ({
    ...one,
    flags: new Map([...one.flags].map(([name, spec]) => [name, flag(spec)])),
  });
  const operations = new Map([...project.operations].map(([id, one]) => [id, operation(one)]));
  return { project: { ...project, operations }, asked };
}

const repeated = (pattern: string) => ({ allowed_flags: [{ flag: "--f", pattern, repeat: true }] });
const values = (count: number) => Array.from({ length: count }, (_, index) => `--f=v${index}`);

describe("the effort of finding an operation", () => {
  it("holds each value against each pattern once, however many operations have it, and whichever way the line is read", () => {
    const { project, asked } = counted(crowd(() => repeated("^[a-z0-9]+$")));
    const { code } = refusal(() => reverseMatch(project, INJECTED, ["tool", "x", ...values(300), ...values(300)]));
    expect(code).toBe("argv_ambiguous");
    expect(asked.times).toBe(300);
  });

  it("does not take what other rules say of the same value for its own", () => {
    const project = crowd((index) => repeated(index === 7 ? "^v[0-9]+$" : "^w[0-9]+$"));
    expect(reverseMatch(project, INJECTED, ["tool", "x", ...values(9)])).toMatchObject({ operation: "op7" });
    const longest = crowd((index) => ({ allowed_flags: [{ flag: "--f", maxLength: index === 7 ? 9 : 1 }] }));
    expect(reverseMatch(longest, INJECTED, ["tool", "x", "--f=abc"])).toMatchObject({ operation: "op7" });
    const flags = crowd((index) => ({ allowed_flags: [{ flag: index === 7 ? "--f" : "--g", type: "integer" }] }));
    expect(refusal(() => reverseMatch(flags, INJECTED, ["tool", "x", "--g=a"])).message).toContain(
      "op0: --g: expected",
    );
  });

  it.each<readonly [string, readonly string[], (index: number) => object]>([
    ["many values", values(10_000), (index) => repeated(`^v[0-9]{1,${index + 9}}$`)],
    ["one long value", [`--f=${"v".repeat(1_000_000)}!`], (index) => repeated(`^v+[0-9]{${index}}$`)],
  ])("has an end when every operation has a pattern of its own: %s", (_, words, more) => {
    const { project, asked } = counted(crowd(more));
    const { code, message, hint } = refusal(() => reverseMatch(project, INJECTED, ["tool", "x", ...words, "--none"]));
    expect(code).toBe("argv_no_match");
    expect(message).toBe(
      `cmd2host: the line is too long to be held against 200 operations (words: ${words.length + 2})`,
    );
    expect(hint).toContain("by its name");
    expect(asked.length).toBeGreaterThan(0);
    expect(asked.length).toBeLessThan(MAX_EFFORT);
    expect(asked.times).toBeLessThan(MAX_EFFORT / 24);
  });

  it.each<readonly [string, readonly string[], object]>([
    ["plain flags", Array.from({ length: 200_000 }, () => "-f"), { allowed_flags: ["-f"] }],
    [
      "words that an element of the template almost fits",
      Array.from({ length: 10_000 }, () => "--b=z"),
      { args_template: ["x", "--b={p}"], params: { p: { type: "integer" } }, allowed_flags: ["--b"] },
    ],
  ])("has an end for lines without patterns, too: %s", (_, words, more) => {
    const project = crowd(() => more);
    expect(refusal(() => reverseMatch(project, INJECTED, ["tool", "x", ...words])).message).toContain("is too long");
  });

  it("suffices for the longest lines when one operation is meant, and for usual ones among many", () => {
    const one = { command: "tool", args_template: ["x"], ...repeated("^[a-z0-9]+$") };
    expect(reverseMatch(projectWith({ one }), INJECTED, ["tool", "x", ...values(60_000)]).flags).toHaveLength(60_000);
    const long = `--f=${"v".repeat(1_000_000)}`;
    expect(reverseMatch(projectWith({ one }), INJECTED, ["tool", "x", long]).flags).toEqual([long]);
    const project = crowd((index) => repeated(`^v[0-9]{${index === 7 ? "1,9" : index + 20}}$`));
    expect(reverseMatch(project, INJECTED, ["tool", "x", ...values(1_000)])).toMatchObject({ operation: "op7" });
  });

  it("is spent by each thing that it counts", () => {
    const spent = (spend: (effort: Effort) => void): boolean => {
      try {
        spend(new Effort());
        return false;
      } catch (error) {
        return error instanceof EffortSpent;
      }
    };
    const long = "x".repeat(MAX_EFFORT);
    expect(
      spent((effort) => {
        effort.words(1_000_000, 0);
      }),
    ).toBe(false);
    expect(
      spent((effort) => {
        effort.words(1_000_000, 60);
      }),
    ).toBe(true);
    expect(
      spent((effort) => {
        effort.element(long);
      }),
    ).toBe(false);
    expect(
      spent((effort) => {
        effort.capture(long);
      }),
    ).toBe(true);
  });
});
