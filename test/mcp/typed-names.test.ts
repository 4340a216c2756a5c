import { describe, expect, it } from "vitest";
import { freeName, memberNames, toolNames } from "../../mcp/typed/names.ts";

const EVERY_CLIENT = /^[a-zA-Z0-9_-]{1,48}$/;

describe("the name of an operation's tool", () => {
  it("is the operation's id, in the order of the configuration", () => {
    expect([...toolNames(["git_push", "aws_s3_ls", "b"])]).toEqual([
      ["git_push", "git_push"],
      ["aws_s3_ls", "aws_s3_ls"],
      ["b", "b"],
    ]);
  });

  it("has at most 48 characters, and those of long ids that begin alike differ", () => {
    const ids = ["x".repeat(48), "x".repeat(49), "x".repeat(64), `${"x".repeat(63)}y`];
    const names = [...toolNames(ids).values()];
    expect(names[0]).toBe("x".repeat(48));
    expect(new Set(names).size).toBe(4);
    for (const name of names) expect(name).toMatch(EVERY_CLIENT);
    expect(names[2]).toMatch(/^x{39}_[0-9a-f]{8}$/);
  });

  it("does not depend on the other operations", () => {
    const long = "y".repeat(60);
    const alone = toolNames([long]).get(long);
    expect(toolNames(["a", "z".repeat(60), long, "b"]).get(long)).toBe(alone);
  });

  it("is never one of our own tools", () => {
    const names = [...toolNames(["cmd2host_run_operation", "cmd2host_", "cmd2host"]).values()];
    expect(names.filter((name) => name.startsWith("cmd2host_"))).toEqual([]);
    expect(names[0]).toMatch(/^op_cmd2host_run_operation_[0-9a-f]{8}$/);
    expect(names[2]).toBe("cmd2host");
  });

  it("leaves an id that looks like a made-up name its name, wherever it stands", () => {
    const long = "q".repeat(60);
    const made = toolNames([long]).get(long) ?? "";
    const names = toolNames([long, made]);
    expect(names.get(made)).toBe(made);
    expect(names.get(long)).toMatch(EVERY_CLIENT);
    expect(names.get(long)).not.toBe(made);
  });

  it.each(["", " ", "é", "a.b", "a/b", "constructor", "__proto__", "\u001b[2J"])(
    "is one that every client takes for %j",
    (id) => {
      expect(toolNames([id]).get(id)).toMatch(EVERY_CLIENT);
    },
  );

  it("stands once for an id that is listed twice", () => {
    expect([...toolNames(["a", "a"])]).toEqual([["a", "a"]]);
  });
});

describe("the name of a member", () => {
  it("is the parameter or the flag as it is written, where models' interfaces take it", () => {
    expect([...memberNames(["--limit", "-R", "a.b", "constructor", "toString"]).values()]).toEqual([
      "--limit",
      "-R",
      "a.b",
      "constructor",
      "toString",
    ]);
  });

  it.each(["__proto__", "a b", "", "x".repeat(65), "--ä", "+x"])("is changed for %j", (original) => {
    const name = memberNames([original]).get(original) ?? "";
    expect(name).not.toBe(original);
    expect(name).toMatch(/^[a-zA-Z0-9_.-]{1,64}$/);
  });

  it("of our own makes way for the operation's", () => {
    expect(freeName("flags", new Set())).toBe("flags");
    expect(freeName("flags", new Set(["flags", "_flags"]))).toBe("__flags");
  });
});
