import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { CodedError } from "../../wire/errors.ts";
import type { ProjectConfig } from "../../wire/schema.ts";
import { argumentsOf, checkCall } from "../../host/operation/call.ts";
import { checkOutputScope } from "../../host/operation/output-scope.ts";
import { compileProject } from "../../host/project/compile.ts";
import { programName } from "../../host/project/push.ts";
import { checkGitUrl, profileFor } from "../../host/sanitize/profile.ts";
import { projectRoot } from "../fixtures/temp.ts";

interface Case {
  readonly name: string;
  readonly request: {
    readonly operation: string;
    readonly params?: Record<string, unknown>;
    readonly flags?: readonly string[];
  };
  readonly argv?: readonly string[];
  readonly denied?: string;
}

const directory = join(projectRoot, "templates");
const names = readdirSync(directory)
  .filter((name) => name.endsWith(".json") && !name.endsWith(".cases.json"))
  .map((name) => name.slice(0, -".json".length));
const place = { repo: "OWNER/REPO", repoPath: "/path/to/repo", url: "git@github.com:OWNER/REPO.git" };

/** The arguments that a request leads to, or the code of its denial. */
function outcome(
  template: Buffer,
  { operation, params = {}, flags = [] }: Case["request"],
): readonly string[] | string {
  const { project } = compileProject("OWNER_REPO", template, "template");
  try {
    const call = checkCall(project, { operation, params: new Map(Object.entries(params)), flags });
    checkOutputScope(call.operation, call.flags);
    const args = argumentsOf(project, call, place);
    checkGitUrl(profileFor(call.operation.command, args, call.operation.profile), args, place.url);
    return args;
  } catch (error) {
    if (error instanceof CodedError) return error.code;
    throw error;
  }
}

describe.each(names)("template %s", (name) => {
  const bytes = readFileSync(join(directory, `${name}.json`));
  const { cases } = JSON.parse(readFileSync(join(directory, `${name}.cases.json`), "utf8")) as {
    cases: readonly Case[];
  };
  const config = JSON.parse(bytes.toString("utf8")) as ProjectConfig;

  it.each(cases)("$name", ({ request, argv, denied }) => {
    expect(outcome(bytes, request)).toEqual(argv ?? denied);
  });

  it("has a case that runs and one that is denied for each of its operations", () => {
    for (const operation of config.allowed_operations ?? []) {
      const own = cases.filter(({ request }) => request.operation === operation);
      expect([
        operation,
        own.some(({ argv }) => argv !== undefined),
        own.some(({ denied }) => denied !== undefined),
      ]).toEqual([operation, true, true]);
    }
  });

  it("begins its git operations with a subcommand, and never takes a body as a flag", () => {
    for (const { command = "", args_template: [head = ""] = [], allowed_flags: flags = [], params } of Object.values(
      config.operations ?? {},
    )) {
      if (programName(command) === "git") expect(head).toMatch(/^[a-z]+$/);
      if (Object.hasOwn(params ?? {}, "body")) expect(JSON.stringify(flags)).not.toContain('"--body"');
    }
  });
});

it("there are the six templates", () => {
  expect([...names].sort()).toEqual([
    "aws_selected",
    "git_github_write",
    "git_write",
    "github_write",
    "local_demo",
    "readonly",
  ]);
});
