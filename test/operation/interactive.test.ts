import { describe, expect, it } from "vitest";
import { argumentsOf, checkCall } from "../../host/operation/call.ts";
import { compileProject } from "../../host/project/compile.ts";
import { CodedError } from "../../wire/errors.ts";
import type { OperationTemplate } from "../../wire/schema.ts";
import { defaultProject } from "../fixtures/base.ts";

const PLACE = { repo: "owner/repo", repoPath: "/r", url: "git@github.com:owner/repo.git" };

function asked(operation: OperationTemplate, params: object): readonly string[] | string {
  const config = defaultProject("/r", { allowed_operations: ["op"], operations: { op: operation } });
  const { project } = compileProject("owner_repo", Buffer.from(JSON.stringify(config)), "f");
  try {
    const call = checkCall(project, { operation: "op", params: new Map(Object.entries(params)), flags: [] });
    return argumentsOf(project, call, PLACE);
  } catch (error) {
    if (error instanceof CodedError) return `${error.code}: ${error.message}`;
    throw error;
  }
}

describe("a command at a terminal", () => {
  const word = { type: "string" };

  it("cannot be made of values, whichever route they come by", () => {
    const any = { command: "aws", args_template: ["{service}", "{what}"], params: { service: word, what: word } };
    expect(asked(any, { service: "s3", what: "ls" })).toEqual(["s3", "ls"]);
    expect(asked(any, { service: "configure", what: "list" })).toContain(
      "interactive_command: cmd2host: aws configure",
    );
    expect(asked(any, { service: "sso", what: "login" })).toContain("interactive_command: cmd2host: aws sso login");
    const some = { command: "gh", args_template: ["auth", "{what}"], params: { what: word } };
    expect(asked(some, { what: "login" })).toContain("requires interactive TTY");
  });

  it("that the owner has spelled out in the template is the owner's affair", () => {
    expect(asked({ command: "aws", args_template: ["configure", "list"] }, {})).toEqual(["configure", "list"]);
  });
});
