import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { explainingRooms } from "../../host/daemon/dry-run.ts";
import { explainForOwner } from "../../host/engine/about-explaining.ts";
import { judge } from "../../host/engine/judge.ts";
import { compileProject } from "../../host/project/compile.ts";
import type { OperationRequest } from "../../wire/request.ts";
import { parseRequest } from "../../wire/parse-request.ts";
import type { ProjectConfig } from "../../wire/schema.ts";
import { outcome, templateBytes, templateCases, templateNames, templateProject } from "../contract/template-call.ts";
import { Base, defaultProject } from "../fixtures/base.ts";
import { makeRepo } from "../fixtures/repo.ts";
import { tempDirectory } from "../fixtures/temp.ts";

function asked(request: object): OperationRequest {
  const parsed = parseRequest({ explain: { project: "p", request } });
  if (parsed.kind !== "explain") throw new Error("not a request");
  return parsed.asked;
}

/** Steps that look at the machine, which a judgement does not. */
const OF_THE_MACHINE = ["program", "workspace", "staging", "configuration", "repository"];

describe.each(templateNames)("a judgement with template %s", (name) => {
  const empty = tempDirectory();

  it("is what the cases beside it say", () => {
    const project = templateProject(name);
    for (const { name: title, request } of templateCases(name)) {
      const got = judge(project, asked(request), empty);
      // What needs a terminal, or names a file of the host, is refused before anything is matched, which the cases of templates leave out.
      if (got.verdict === "deny" && (got.code === "interactive_command" || got.code === "file_url_refused"))
        expect([title, outcome(project, request)]).toEqual([
          title,
          expect.stringMatching(/^(?:argv_no_match|param_invalid|file_url_refused|interactive_command)$/),
        ]);
      else expect([title, got.verdict === "deny" ? got.code : got.argv]).toEqual([title, outcome(project, request)]);
    }
  });

  it("is what the pipeline comes to, as far as it does not look at the machine", async () => {
    const base = new Base();
    const repo = makeRepo(join(tempDirectory(), "repo"), "git@github.com:OWNER/REPO.git");
    const bin = join(tempDirectory(), "bin");
    mkdirSync(bin, { mode: 0o755 });
    const config = JSON.parse(templateBytes(name).toString("utf8")) as ProjectConfig;
    const programs = Object.values(config.operations ?? {}).map(({ command = "", shell }) => shell ?? command);
    for (const program of new Set(programs.filter((one) => one !== "")))
      writeFileSync(join(bin, program), "#!/bin/sh\n", { mode: 0o755 });
    mkdirSync(base.directory.staging, { mode: 0o700 });
    // A machine's programs are not looked for on the daemon's PATH.
    const own =
      config.machine === undefined
        ? { ...config, repo_paths: [repo] }
        : { ...config, env: { PATH: bin }, env_unsafe: ["PATH"] };
    base.writeProject("p", own);
    const { project } = compileProject("p", Buffer.from(JSON.stringify(own)), "f");
    const rooms = explainingRooms(base.directory, { PATH: bin });
    let allowed = 0;
    for (const { name: title, request } of templateCases(name)) {
      const got = judge(project, asked(request), empty);
      const { verdict, code, steps, plan } = await explainForOwner(rooms, "p", asked(request));
      const stopped = steps.find(({ result }) => result === "stopped")?.step ?? "";
      if (got.verdict === "deny") expect([title, verdict, code]).toEqual([title, "deny", got.code]);
      else if (plan === undefined) expect([title, OF_THE_MACHINE]).toEqual([title, expect.arrayContaining([stopped])]);
      else {
        allowed++;
        expect([title, verdict, plan.argv.slice(1)]).toEqual([title, got.verdict, got.argv]);
      }
    }
    expect(allowed).toBeGreaterThan(3);
  });
});

describe("a judgement", () => {
  const empty = tempDirectory();
  const text = { word: { type: "string" as const } };
  const config = defaultProject("/nonexistent/checkout", {
    allowed_operations: ["say", "push", "path", "write", "careful", "often"],
    operations: {
      say: { command: "/nonexistent/program", args_template: ["{repo_path}", "{word}"], params: text },
      push: {
        command: "git",
        args_template: ["push", "{expected_git_url}", "{branch}:refs/heads/{branch}"],
        params: { branch: { type: "git_branch" } },
      },
      path: { command: "cat", args_template: ["{path}"], params: { path: { type: "path" } } },
      write: { command: "cat", args_template: ["{file}"], params: { file: { type: "workspace_path" } } },
      careful: { command: "cat", args_template: ["{word}"], params: text, approval: "ask" },
      often: {
        command: "cat",
        args_template: ["{word}"],
        params: text,
        approval: { after: { runs: 1, per_seconds: 9 } },
      },
    },
    constraints: { branch_allow: ["ai/.+"], path_deny: ["secret/**"] },
  });
  const { project } = compileProject("p", Buffer.from(JSON.stringify(config)), "f");

  it.each([
    [
      { operation: "say", params: { word: "x" } },
      { verdict: "allow", argv: ["/nonexistent/checkout", "x"] },
    ],
    [
      { operation: "push", params: { branch: "main" } },
      { verdict: "deny", code: "branch_denied" },
    ],
    [
      { operation: "path", params: { path: "a/b" } },
      { verdict: "allow", argv: ["a/b"] },
    ],
    [
      { operation: "path", params: { path: "secret/b" } },
      { verdict: "deny", code: "path_denied" },
    ],
    [
      { operation: "path", params: { path: ".git/config" } },
      { verdict: "deny", code: "path_denied" },
    ],
    [
      { operation: "write", params: { file: "out" } },
      { verdict: "allow", argv: ["out"] },
    ],
    [
      { operation: "write", params: { file: "../out" } },
      { verdict: "deny", code: "workspace_path_invalid" },
    ],
    [
      { operation: "careful", params: { word: "x" } },
      { verdict: "ask", argv: ["x"] },
    ],
    [
      { operation: "often", params: { word: "x" } },
      { verdict: "allow", argv: ["x"] },
    ],
    [
      { operation: "say", params: { word: "x" }, stdin_required: true },
      { verdict: "deny", code: "stdin_not_allowed" },
    ],
    [
      { operation: "say", target_repo: "o/x" },
      { verdict: "deny", code: "target_not_allowed" },
    ],
    [{ raw_argv: ["aws", "file:///x"] }, { verdict: "deny", code: "file_url_refused" }],
  ])("of %j needs neither the checkout nor the program", (request, judgement) => {
    expect(judge(project, asked(request), empty)).toMatchObject(judgement);
  });
});
