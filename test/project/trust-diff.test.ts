import { describe, expect, it } from "vitest";
import { compileProject } from "../../host/project/compile.ts";
import { compareProjects } from "../../host/project/diff.ts";
import type { OperationTemplate, ProjectConfig } from "../../wire/schema.ts";
import { defaultProject } from "../fixtures/base.ts";

function loaded(operation: Partial<OperationTemplate>, project: Partial<ProjectConfig> = {}) {
  const config = defaultProject("/repo", {
    allowed_operations: ["op"],
    operations: {
      op: {
        command: "gh",
        args_template: ["{a}"],
        params: { a: { type: "string" } },
        allowed_flags: ["--force"],
        bool_flags: ["--force"],
        ...operation,
      },
    },
    ...project,
  });
  return compileProject("owner_repo", Buffer.from(JSON.stringify(config)), "f");
}

/** `+` widens, `~` changes, `-` narrows. */
function changes(
  before: Partial<OperationTemplate>,
  after: Partial<OperationTemplate>,
  projects: readonly [Partial<ProjectConfig>, Partial<ProjectConfig>] = [{}, {}],
): readonly string[] {
  const marks = { widens: "+", changes: "~", narrows: "-" } as const;
  return compareProjects(loaded(before, projects[0]), loaded(after, projects[1])).map(
    ({ effect, text }) => `${marks[effect]} ${text}`,
  );
}

const force = { when: [{ flag: "--force" }] };
const both = { when: [{ flag: "--force" }, { param: "a", pattern: "x" }] };

describe("a change of who is asked", () => {
  it.each<[string, OperationTemplate["approval"], OperationTemplate["approval"], string]>([
    ["asks where it did not", undefined, "ask", "-"],
    ["no longer asks", "ask", undefined, "+"],
    ["asks in fewer cases", "ask", force, "+"],
    ["asks in more cases", force, both, "-"],
    ["asks always", both, "ask", "-"],
    ["asks in other cases", force, { when: [{ param: "a", unless: "x" }] }, "+"],
    ["asks after more runs", { after: { runs: 1, per_seconds: 9 } }, { after: { runs: 2, per_seconds: 9 } }, "+"],
    ["may be allowed in more ways", { answers: ["once"] }, "ask", "+"],
    ["may be allowed in fewer ways", "ask", { answers: ["once"] }, "-"],
    ["says something else", { says: "x" }, { says: "y" }, "~"],
    ["tells others", "ask", { via: ["desktop"], timeout: 5 }, "-"],
  ])("%s", (_, before, after, mark) => {
    const of = (approval: OperationTemplate["approval"]) => (approval === undefined ? {} : { approval });
    const told = changes(of(before), of(after));
    expect(told).toHaveLength(1);
    expect(told[0]?.[0]).toBe(mark);
  });
});

describe("a change of limits", () => {
  it.each<[string, OperationTemplate["limits"], OperationTemplate["limits"], string]>([
    ["limits", undefined, { per_day: 5 }, "-"],
    ["limits no more", { per_day: 5 }, undefined, "+"],
    ["limits less", { concurrent: 1 }, { concurrent: 2 }, "+"],
    ["limits more", { concurrent: 2 }, { concurrent: 1 }, "-"],
    ["has a tighter rate", { rate: { runs: 5, per_seconds: 10 } }, { rate: { runs: 4, per_seconds: 10 } }, "-"],
    ["has another time", { rate: { runs: 5, per_seconds: 10 } }, { rate: { runs: 5, per_seconds: 5 } }, "+"],
  ])("%s", (_, before, after, mark) => {
    const of = (limits: OperationTemplate["limits"]) => (limits === undefined ? {} : { limits });
    const told = changes(of(before), of(after));
    expect(told).toEqual([expect.stringMatching(new RegExp(`^\\${mark} op may run `))]);
    const projects = changes({}, {}, [
      before === undefined ? {} : { session_limits: before },
      after === undefined ? {} : { session_limits: after },
    ]);
    expect(projects).toEqual([expect.stringMatching(new RegExp(`^\\${mark} a session may run `))]);
  });
});

describe("a change of what is masked", () => {
  it("widens when less is masked, and narrows when more is", () => {
    expect(changes({}, { redact: { off: ["github-token"] } })[0]?.[0]).toBe("+");
    expect(changes({ redact: { off: ["github-token"] } }, {})[0]?.[0]).toBe("-");
    expect(changes({ redact: { enabled: false } }, {})[0]?.[0]).toBe("+");
    expect(changes({}, { redact: { enabled: false } })[0]?.[0]).toBe("+");
    expect(changes({}, {}, [{}, { redact: { env: ["MINE"] } }])[0]?.[0]).toBe("-");
  });
});

describe("a member that takes something away", () => {
  it("is not overlooked because it is misspelt", () => {
    expect(() => loaded({ aproval: "ask" } as Partial<OperationTemplate>)).toThrow(/is approval meant/);
    expect(() => loaded({ limit: { per_day: 1 } } as Partial<OperationTemplate>)).toThrow(/is limits meant/);
    expect(() => loaded({}, { session_limit: {} } as Partial<ProjectConfig>)).toThrow(/is session_limits meant/);
  });
});
