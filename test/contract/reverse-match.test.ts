import { describe, expect } from "vitest";
import { CodedError } from "../../wire/errors.ts";
import type { OperationReply, OperationTemplate } from "../../wire/schema.ts";
import { reverseMatch } from "../../host/operation/reverse-match.ts";
import { compileProject } from "../../host/project/compile.ts";
import { defaultBase, defaultProject } from "../fixtures/base.ts";
import { startDaemon } from "../fixtures/daemon.ts";
import { run } from "../fixtures/exchange.ts";
import { conforms, expectDenied } from "./conformance.ts";

const number = { number: { type: "integer", min: 1 } };
const body = { body: { type: "string" } };
const branch = { branch: { type: "string" } };
const injected = { repo: "owner/repo", repo_path: "/repo", expected_git_url: "git@github.com:owner/repo.git" };

/** What a command line means with these operations: an operation with its values, or the text of the refusal. */
function match(operations: Readonly<Record<string, OperationTemplate>>, argv: readonly string[]): unknown {
  const config = defaultProject("/repo", { allowed_operations: Object.keys(operations), operations });
  const { project } = compileProject("p", Buffer.from(JSON.stringify(config)), "f");
  try {
    const asked = reverseMatch(project, injected, argv);
    return { operation: asked.operation, params: Object.fromEntries(asked.params), flags: asked.flags };
  } catch (error) {
    if (error instanceof CodedError) return error.message;
    throw error;
  }
}

function gh(args_template: string, rest: Partial<OperationTemplate> = {}): OperationTemplate {
  return { command: "/usr/bin/gh", args_template: args_template.split(" "), ...rest };
}

describe("a typed command line", async () => {
  const { base } = defaultBase({
    allowed_operations: ["view"],
    operations: { view: gh("pr view {number} -R {repo}", { params: number }) },
  });
  const { address } = await startDaemon(base);
  const raw = async (argv: unknown): Promise<OperationReply> => run(address, { raw_argv: argv });

  conforms(
    70,
    "means the one operation that would produce it (changed: the project's own repository may be named)",
    () => {
      const view = {
        view: gh("pr view {number} -R {repo}", {
          params: number,
          allowed_flags: ["--json", "--comments"],
          bool_flags: ["--comments"],
        }),
      };
      expect(match(view, ["gh", "pr", "view", "42"])).toEqual({ operation: "view", params: { number: 42 }, flags: [] });
      expect(match(view, ["gh", "pr", "view", "42", "--json", "title"])).toEqual({
        operation: "view",
        params: { number: 42 },
        flags: ["--json=title"],
      });
      expect(match(view, ["gh", "pr", "view", "42", "--comments", "x"])).toContain("no allowed operation matches argv");
      expect(match(view, ["gh", "pr", "view", "42", "-R", "owner/repo"])).toMatchObject({ params: { number: 42 } });
      expect(match(view, ["gh", "pr", "view", "42", "-R", "o/r"])).toContain("view injects -R automatically");
      expect(match(view, ["gh", "pr", "view", "0"])).toMatchObject({ params: { number: 0 } });
      const api = { api: gh("api repos/{repo}/pulls/{number}/comments", { params: number, allowed_flags: ["--jq"] }) };
      expect(match(api, ["gh", "api", "repos/owner/repo/pulls/42/comments", "--jq", ".[]"])).toMatchObject({
        params: { number: 42 },
        flags: ["--jq=.[]"],
      });
      expect(match(api, ["gh", "api", "repos/o/r/pulls/42/comments"])).toContain("no allowed operation");
      const create = { create: gh("pr create -R {repo} --body {body}", { params: body }) };
      expect(match(create, ["gh", "pr", "create", "--body", "two\nlines"])).toMatchObject({
        params: { body: "two\nlines" },
      });
      const field = { reply: gh("api -f body={body}", { params: body }) };
      expect(match(field, ["gh", "api", "-f", "body=hello world"])).toMatchObject({ params: { body: "hello world" } });
      const push = {
        push: {
          command: "git",
          args_template: ["push", "--no-verify", "{expected_git_url}", "{branch}:refs/heads/{branch}"],
          params: branch,
        },
      };
      expect(match(push, ["git", "push", "main:refs/heads/main"])).toMatchObject({ params: { branch: "main" } });
      expect(match(push, ["git", "push", "main:refs/heads/dev"])).toContain("no allowed operation");
      const ab = {
        ab: { command: "tool", args_template: ["{a}-{b}"], params: { a: { type: "string" }, b: { type: "string" } } },
      };
      expect(match(ab, ["tool", "a-b-c"])).toMatchObject({ params: { a: "a", b: "b-c" } });
      const fetch = {
        fetch: {
          command: "git",
          args_template: ["fetch", "{expected_git_url}", "+refs/heads/*:refs/remotes/origin/*"],
        },
      };
      expect(match(fetch, ["git", "fetch", "origin"])).toContain("no allowed operation");
    },
  );

  conforms(71, "is recognised by the program's name", async () => {
    const view = { view: gh("pr view {number}", { params: number }) };
    expect(match(view, ["/usr/local/bin/gh", "pr", "view", "1"])).toMatchObject({ operation: "view" });
    expectDenied(await raw(["aws", "s3", "ls"]), "matches command", "argv_no_match");
  });

  conforms(72, "must not be empty", async () => {
    for (const argv of [[], null]) expectDenied(await raw(argv), "raw_argv field is present but empty", "argv_empty");
    for (const argv of [[""], [null]]) expectDenied(await raw(argv), "raw_argv command is empty", "argv_empty");
  });

  conforms(116, "may not stand for a file of the host (changed: the daemon says so, for every client)", async () => {
    for (const word of ["file:///etc/passwd", "fileb://x", "a=file://x y"])
      expectDenied(await raw(["gh", "pr", "view", word]), "rejects file:// and fileb://", "file_url_refused");
    expectDenied(await raw(["gh", "pr", "view", "see file:// docs"]), "no allowed operation", "argv_no_match");
  });

  conforms(117, "may not ask at a terminal (changed: the daemon says so, for every client)", async () => {
    for (const line of [
      "aws --region us-east-1 configure",
      "aws --profile foo sso login",
      "aws --output=text configure",
    ])
      expectDenied(await raw(line.split(" ")), "requires interactive TTY", "interactive_command");
    expectDenied(await raw(["gh", "configure"]), "no allowed operation", "argv_no_match");
  });

  conforms(73, "meets defects of a template loudly (changed: a placeholder without schema does not even load)", () => {
    expect(() => match({ bad: gh("x {nothing}") }, ["gh", "x", "1"])).toThrow("has no schema");
    expect(() => match({ bad: gh("x/{nothing}") }, ["gh", "x/1"])).toThrow("has no schema");
    expect(match({ lists: gh("x {xs}", { params: { xs: { type: "array" } } }) }, ["gh", "x", "1"])).toMatch(
      /lists: unsupported reverse-match type/,
    );
  });

  conforms(74, "that fits two operations names both", () => {
    const twice = {
      one: gh("x {a}", { params: { a: { type: "string" } } }),
      two: gh("x {b}", { params: { b: { type: "string", pattern: "^q$" } } }),
    };
    const text = match(twice, ["gh", "x", "q"]);
    for (const part of ["multiple allowed operations", "one", "two", "unambiguous"]) expect(text).toContain(part);
    const flags = {
      one: gh("x", { allowed_flags: ["--f"], multi_value_flags: ["--f"] }),
      two: gh("x", { allowed_flags: ["--f"] }),
    };
    expect(match(flags, ["gh", "x", "--f", "a", "b"])).toMatchObject({ operation: "one" });
  });

  conforms(75, "is compared byte for byte around a placeholder", () => {
    const text = { text: gh("é{a}日", { params: { a: { type: "string" } } }) };
    expect(match(text, ["gh", "éxあ日"])).toMatchObject({ params: { a: "xあ" } });
    expect(match(text, ["gh", "e\u0301x日"])).toContain("no allowed operation");
  });

  conforms(76, "may not repeat what is put in automatically", () => {
    const push = {
      push: {
        command: "git",
        args_template: ["push", "--no-verify", "{expected_git_url}", "{branch}"],
        params: branch,
      },
    };
    const text = match(push, ["git", "push", "--no-verify", "main"]);
    expect(text).toContain("push injects --no-verify automatically");
  });

  conforms(77, "binds an output path as it was typed", () => {
    const out = { out: gh("get {file}", { params: { file: { type: "workspace_path" } } }) };
    expect(match(out, ["gh", "get", "../x"])).toMatchObject({ params: { file: "../x" } });
  });
});
