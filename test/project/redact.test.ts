import { describe, expect, it } from "vitest";
import { compileProject, type LoadedProject } from "../../host/project/compile.ts";
import { compareProjects } from "../../host/project/diff.ts";
import { lintProject } from "../../host/project/lint.ts";
import { operationDetails } from "../../host/project/words.ts";
import type { RedactConfig } from "../../wire/schema.ts";
import { defaultProject } from "../fixtures/base.ts";

function loaded(project?: RedactConfig, operation?: RedactConfig): LoadedProject {
  const config = defaultProject("/nowhere", {
    allowed_operations: ["op"],
    operations: { op: { command: "/bin/echo", ...(operation === undefined ? {} : { redact: operation }) } },
    ...(project === undefined ? {} : { redact: project }),
  });
  return compileProject("owner_repo", Buffer.from(JSON.stringify(config)), "config.json");
}

function refusal(redact: RedactConfig): string {
  try {
    loaded(undefined, redact);
    return "";
  } catch (error) {
    return String(error);
  }
}

describe("redaction in a configuration", () => {
  it("missing and empty mean the same: everything is masked, nothing is added", () => {
    for (const redact of [undefined, {}, { off: [], patterns: [], env: [] }]) {
      const rules = loaded(redact, redact).project.operations.get("op")?.redact;
      expect([rules?.enabled, rules?.off.size, rules?.patterns.length, rules?.env.size]).toEqual([true, 0, 0, 0]);
    }
  });

  it("joins what the project and an operation say", () => {
    const pattern = (name: string) => ({ name, pattern: "x" });
    const { project } = loaded(
      { off: ["jwt"], patterns: [pattern("a")], env: ["A"], enabled: false },
      { off: ["npm-token"], patterns: [pattern("b")], env: ["B"], enabled: true },
    );
    const rules = project.operations.get("op")?.redact;
    expect([...(rules?.off ?? [])]).toEqual(["jwt", "npm-token"]);
    expect(rules?.patterns.map(({ name }) => name)).toEqual(["a", "b"]);
    expect([...(rules?.env ?? []), rules?.enabled]).toEqual(["A", "B", true]);
    expect(project.redact.enabled).toBe(false);
  });

  it.each<[RedactConfig, string]>([
    [{ patterns: [{ name: "a", pattern: "(" }] }, "/operations/op/redact/patterns/0/pattern"],
    [{ patterns: [{ name: "a", pattern: "(?=a)" }] }, "invalid pattern"],
    [{ patterns: [{ name: "A b", pattern: "x" }] }, "/operations/op/redact/patterns/0/name"],
    [{ patterns: [{ name: "jwt", pattern: "x" }] }, "no name of a rule"],
    [{ off: ["session-token"] }, "cannot be switched off"],
  ])("refuses %j", (redact, message) => {
    expect(refusal(redact)).toContain(message);
  });

  it("is warned about where it masks less", () => {
    const found = lintProject(
      loaded({ off: ["jwt"] }, { off: ["no-such"], enabled: false }),
      Buffer.from("{}"),
      (command) => command,
    );
    const about = found.filter(({ rule }) => rule.startsWith("redact")).map(({ rule, pointer }) => [rule, pointer]);
    expect(about).toEqual([
      ["redact_off", "/redact/off/0"],
      ["redact_disabled", "/operations/op/redact/enabled"],
      ["redact_unknown", "/operations/op/redact/off/0"],
    ]);
  });

  it("is said in words, and its changes are", () => {
    const operation = loaded(undefined, { off: ["jwt"], env: ["A"] }).project.operations.get("op");
    expect(operation === undefined ? [] : operationDetails(operation)).toContain(
      "redaction: not masked: jwt; secret variables: A",
    );
    const change = (before: RedactConfig | undefined, after: RedactConfig | undefined) =>
      compareProjects(loaded(before), loaded(after)).map(({ effect, text }) => [effect, text]);
    expect(change(undefined, { off: ["jwt"] })).toEqual([
      ["widens", "redaction changes: not masked: jwt (before: as usual)"],
    ]);
    expect(change({ off: ["jwt"] }, undefined)[0]?.[0]).toBe("narrows");
    expect(change(undefined, { patterns: [{ name: "a", pattern: "x" }] })[0]?.[0]).toBe("narrows");
    expect(change({ env: ["A"] }, {})[0]?.[0]).toBe("widens");
    const own = (...names: readonly string[]) => ({ patterns: names.map((name) => ({ name, pattern: name })) });
    expect(change(own("a"), own("b", "a"))[0]?.[0]).toBe("narrows");
    expect(change(own("a"), own("b"))[0]?.[0]).toBe("widens");
  });
});
