import { describe, expect, it } from "vitest";
import { compileProject } from "../../host/project/compile.ts";
import type { OperationTemplate } from "../../wire/schema.ts";

function load(operation: OperationTemplate) {
  const config = { repos: ["a/b"], repo_paths: ["/x"], operations: { x: operation }, allowed_operations: ["x"] };
  return compileProject("p", Buffer.from(JSON.stringify(config)), "config.json").project.operations.get("x");
}

function refusal(operation: OperationTemplate): string {
  try {
    load(operation);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return "accepted";
}

const text = { type: "string" };
const open = (more: object = {}): NonNullable<OperationTemplate["fleet"]> => ({
  target: "{t}",
  operation: "uptime",
  ...more,
});

describe("an operation that runs on a machine of a fleet", () => {
  it("names a machine, or which ones may be named", () => {
    expect(load({ fleet: { target: "web1", operation: "uptime" } })?.fleet).toMatchObject({ operation: "uptime" });
    expect(load({ fleet: open({ targets: ["web*"] }), params: { t: text } })?.fleet?.targets).toHaveLength(1);
    expect(load({ fleet: open({ tags: ["web"] }), params: { t: text } })?.fleet?.tags).toEqual(["web"]);
    expect(load({ fleet: open(), params: { t: { type: "enum", enum: ["a"] } } })?.fleet?.target.kind).toBe("whole");
  });

  it("may have what its canonical form writes for what is missing", () => {
    const empty = JSON.parse(
      '{"command":"","args_template":null,"params":null,"allowed_flags":null,"fleet":{"target":"a","operation":"b"}}',
    ) as OperationTemplate;
    expect(load(empty)?.fleet?.operation).toBe("b");
  });

  it.each([
    ["a program", { command: "ls", fleet: { target: "a", operation: "b" } }, "leaves that to the machine"],
    ["flags", { allowed_flags: ["--x"], fleet: { target: "a", operation: "b" } }, "leaves that to the machine"],
    ["no such parameter", { fleet: open() }, 'placeholder {"t"} is no parameter'],
    ["any machine", { fleet: open(), params: { t: text } }, "says not which machines may be named"],
    ["a name that is put together", { fleet: open({ target: "web{t}", targets: ["*"] }), params: { t: text } }, "any"],
    ["several values", { fleet: open({ targets: ["*"] }), params: { t: { type: "array" } } }, "one call is for one"],
    ["a list for one machine", { fleet: { target: "a", operation: "b", tags: ["x"] } }, "does nothing"],
    ["no operation", { fleet: { target: "a", operation: "B" } }, "expected the id of an operation"],
    ["a text of no parameter", { fleet: { target: "a", operation: "b", params: { p: "{q}" } } }, "is no parameter"],
  ] as [string, OperationTemplate, string][])("does not load with %s", (_, operation, why) => {
    expect(refusal(operation)).toContain(why);
  });
});
