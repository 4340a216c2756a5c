import { describe, expect, it } from "vitest";
import { checkCallerEnv } from "../../host/operation/caller-env.ts";
import { compileProject } from "../../host/project/compile.ts";
import type { Operation } from "../../host/project/types.ts";
import type { OperationTemplate } from "../../wire/schema.ts";
import { operationOf, refusal } from "./policy.ts";

function onMachine(template: OperationTemplate): Operation {
  const config = { machine: {}, operations: { op: template }, allowed_operations: ["op"] };
  const { project } = compileProject("m", Buffer.from(JSON.stringify(config)), "config.json");
  const operation = project.operations.get("op");
  if (operation === undefined) throw new Error("the operation is not in its project");
  return operation;
}

function codeOf(operation: Operation, env: Readonly<Record<string, string>>): string {
  const check = (): void => {
    checkCallerEnv(operation, new Map(Object.entries(env)));
  };
  try {
    check();
  } catch {
    return refusal(check).code;
  }
  return "taken";
}

const shell = onMachine({ shell: "sh" });
const some = onMachine({ command: "ls", env_allow: ["APP_*", "LANG"] });
const every = onMachine({ command: "ls", env_allow: ["*"] });

describe("variables that a caller sends", () => {
  it("are none for a checkout's operation, and for one that names none", () => {
    for (const operation of [operationOf({ args_template: [] }), onMachine({ command: "ls" })]) {
      expect(codeOf(operation, {})).toBe("taken");
      expect(codeOf(operation, { A: "1" })).toBe("env_denied");
    }
    expect(codeOf(onMachine({ shell: "sh", env_allow: [] }), { A: "1" })).toBe("env_denied");
  });

  it("are all for a shell, which could set them itself", () => {
    expect(codeOf(shell, { PATH: "/x", LD_PRELOAD: "/x", HOME: "" })).toBe("taken");
  });

  it.each(["APP_MODE", "APP_", "LANG"])("are those that the operation's globs name: %s", (name) => {
    expect(codeOf(some, { [name]: "x" })).toBe("taken");
  });

  it.each(["APP", "app_mode", "XAPP_MODE", "LANGUAGE", "PATH"])("are no others: %s", (name) => {
    expect(codeOf(some, { APP_MODE: "x", [name]: "x" })).toBe("env_denied");
  });

  it.each(["LD_PRELOAD", "LD_LIBRARY_PATH", "GCONV_PATH", "GLIBC_TUNABLES", "BASH_FUNC_x", "CMD2HOST_TOKEN"])(
    "are never what chooses the code of a program, whatever the globs: %s",
    (name) => {
      expect(codeOf(every, { FINE: "x" })).toBe("taken");
      expect(codeOf(every, { [name]: "x" })).toBe("env_denied");
    },
  );

  it.each(["", "A=B", "A B", "1A", "A-B", "Ä", "A\n", "BASH_FUNC_x%%"])(
    "have names that can be names: not %j",
    (name) => {
      expect(codeOf(shell, { [name]: "x" })).toBe("request_invalid");
    },
  );

  it("have no NUL, and are not more than a system takes", () => {
    expect(codeOf(shell, { A: "a\0b" })).toBe("request_invalid");
    expect(codeOf(shell, { A: "x".repeat(524_285) })).toBe("taken");
    expect(codeOf(shell, { A: "x".repeat(524_286) })).toBe("request_invalid");
    expect(codeOf(shell, { A: "é".repeat(262_143) })).toBe("request_invalid");
    const many = Object.fromEntries(Array.from({ length: 600 }, (_, index) => [`N${index}`, "x".repeat(1_000)]));
    expect(codeOf(shell, many)).toBe("request_invalid");
  });

  it("are not repeated whole in a refusal", () => {
    const error = refusal(() => {
      checkCallerEnv(some, new Map([["X".repeat(5_000), "the value"]]));
    });
    expect(error.message.length).toBeLessThan(300);
    expect(error.message).not.toContain("the value");
  });
});
