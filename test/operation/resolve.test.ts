import { describe, expect, it } from "vitest";
import { argumentsOf, checkCall } from "../../host/operation/call.ts";
import { resolveOperation } from "../../host/operation/resolve.ts";
import { projectOf, projectWith, refusal, URL } from "./policy.ts";
import { ALLOWED_BY } from "../../wire/codes.ts";

const project = projectOf({
  operations: { one: { command: "echo" }, two: { command: "echo" }, constructor: { command: "echo" } },
  allowed_operations: ["one", "constructor"],
});

const MEMBERS = ["__proto__", "toString", "hasOwnProperty", "valueOf", "isPrototypeOf", ""];

describe("an operation", () => {
  it("is found when it is defined and allowed", () => {
    expect(resolveOperation(project, "one").id).toBe("one");
    expect(resolveOperation(project, "constructor").command).toBe("echo");
  });

  it.each([["three"], ["One"], ["one "], ...MEMBERS.map((name) => [name])])(
    "is unknown when it is not defined: %j",
    (id) => {
      const error = refusal(() => resolveOperation(project, id));
      expect(error.code).toBe("operation_unknown");
      expect(error.message).toBe(`Unknown operation: ${JSON.stringify(id)}`);
      expect(error.hint).toEqual(expect.stringContaining(`Allowed here: one, constructor. ${ALLOWED_BY.owner}`));
    },
  );

  it("that is defined and not allowed is denied", () => {
    const error = refusal(() => resolveOperation(project, "two"));
    expect(error.code).toBe("operation_not_allowed");
    expect(error.message).toBe('Operation "two" not allowed');
  });

  it("is never found in an object's prototype", () => {
    const bare = projectOf({ operations: {}, allowed_operations: [] });
    for (const id of ["constructor", ...MEMBERS])
      expect(refusal(() => resolveOperation(bare, id)).code).toBe("operation_unknown");
    expect(refusal(() => resolveOperation(bare, "x")).hint).toBe(
      `This project allows no operations. ${ALLOWED_BY.owner}`,
    );
  });

  it("is not missing from a long hint without saying so", () => {
    const many = Object.fromEntries(Array.from({ length: 25 }, (_, index) => [`op_${index}`, { command: "echo" }]));
    const { hint } = refusal(() => resolveOperation(projectWith(many), "nope"));
    expect(hint).toContain("op_19, ….");
    expect(hint).not.toContain("op_20");
  });

  it("may run when allowed_operations names it; a missing and an empty list allow none", () => {
    for (const config of [{}, { allowed_operations: [] }]) {
      const none = projectOf({ operations: { one: { command: "echo" } }, ...config });
      expect(refusal(() => resolveOperation(none, "one")).code).toBe("operation_not_allowed");
    }
  });
});

describe("a call", () => {
  it("is checked in the order operation, parameters, flags", () => {
    const asked = { params: new Map([["x", 1]]), flags: ["--nope"] };
    expect(refusal(() => checkCall(project, { operation: "two", ...asked })).code).toBe("operation_not_allowed");
    expect(refusal(() => checkCall(project, { operation: "one", ...asked })).code).toBe("param_unknown");
    expect(refusal(() => checkCall(project, { operation: "one", ...asked, params: new Map() })).code).toBe(
      "flag_not_allowed",
    );
  });

  it("has arguments for the place where it acts, and a push is held against branch_allow", () => {
    const push = {
      command: "git",
      args_template: ["push", "{expected_git_url}", "{b}:refs/heads/{b}"],
      params: { b: { type: "string" } },
    };
    const pushing = projectWith({ op: push }, { constraints: { branch_allow: ["ai/.+"] } });
    const place = { repo: "owner/repo", repoPath: "/repos/one", url: URL };
    const args = (branch: string): readonly string[] =>
      argumentsOf(pushing, checkCall(pushing, { operation: "op", params: new Map([["b", branch]]), flags: [] }), place);
    expect(args("ai/x")).toEqual(["push", URL, "ai/x:refs/heads/ai/x"]);
    expect(refusal(() => args("main")).code).toBe("branch_denied");
  });
});
