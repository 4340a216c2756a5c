import { describe, expect, it } from "vitest";
import { checkOutputScope, inputParams, outputParam } from "../../host/operation/output-scope.ts";
import { operationOf, refusal } from "./policy.ts";

const params = { out: { type: "workspace_path" }, other: { type: "string" } };

describe("an operation with an output file", () => {
  it("is known by its workspace_path parameter", () => {
    expect(outputParam(operationOf({ params }))).toBe("out");
    expect(outputParam(operationOf({ params: { other: { type: "string" }, p: { type: "path" } } }))).toBeUndefined();
  });

  it.each([["--recursive"], ["--sync"], ["-R"], ["--sync=on"], ["--recursive=x=y"], ["-R=x"]])(
    "refuses %s as a flag and in the template",
    (option) => {
      for (const check of [
        (): void => {
          checkOutputScope(operationOf({ params }), ["--fine", option]);
        },
        (): void => {
          checkOutputScope(operationOf({ params, args_template: ["cp", option, "{out}"] }), []);
        },
      ]) {
        const error = refusal(check);
        expect(error.code).toBe("output_scope");
        expect(error.message).toContain("single-foreground-file output only");
      }
    },
  );

  it.each([["--recursive-not"], ["--syncx"], ["-r"], ["-Rx"], ["--no-sync"], ["--x=--sync"]])(
    "permits %s",
    (option) => {
      expect(() => {
        checkOutputScope(operationOf({ params, args_template: [option] }), [option]);
      }).not.toThrow();
    },
  );

  it("permits the words where they are no options", () => {
    expect(() => {
      checkOutputScope(operationOf({ params, args_template: ["sync", "recursive", "{other}"] }), []);
    }).not.toThrow();
  });
});

describe("an operation with input files", () => {
  const input = { type: "workspace_path", direction: "input" };
  const operation = operationOf({
    params: { a: input, out: { type: "workspace_path" }, b: input, s: { type: "string" } },
  });

  it("is known by them, and its output is another parameter", () => {
    expect(inputParams(operation).map(({ name }) => name)).toEqual(["a", "b"]);
    expect(outputParam(operation)).toBe("out");
    expect(outputParam(operationOf({ params: { a: input } }))).toBeUndefined();
    expect(inputParams(operationOf({ params }))).toEqual([]);
  });

  it("may walk directories when it writes no file", () => {
    expect(() => {
      checkOutputScope(operationOf({ params: { a: input } }), ["--recursive"]);
    }).not.toThrow();
    expect(
      refusal(() => {
        checkOutputScope(operation, ["--recursive"]);
      }).code,
    ).toBe("output_scope");
  });
});

describe("an operation without an output file", () => {
  it("is unaffected", () => {
    expect(() => {
      checkOutputScope(operationOf({ args_template: ["--recursive"] }), ["--sync", "-R"]);
    }).not.toThrow();
  });
});
