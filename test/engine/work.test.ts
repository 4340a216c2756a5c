import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { mannerOf, placeOf, refuseConfiguration, refuseLayout, sourceOf } from "../../host/engine/work.ts";
import type { Finding, WorkspaceFacts } from "../../host/git/inspection/inspect.ts";
import { compileProject } from "../../host/project/compile.ts";
import { profileFor } from "../../host/sanitize/profile.ts";
import { CodedError } from "../../wire/errors.ts";
import type { OperationTemplate } from "../../wire/schema.ts";
import { defaultProject } from "../fixtures/base.ts";
import { git, makeRepo } from "../fixtures/repo.ts";
import { tempDirectory } from "../fixtures/temp.ts";

const URL = "git@github.com:owner/repo.git";
const repo = makeRepo(join(tempDirectory(), "repo"));

function codeOf(work: () => unknown): string {
  try {
    return `taken: ${JSON.stringify(work())}`;
  } catch (error) {
    if (error instanceof CodedError) return error.code;
    throw error;
  }
}

/** How a command line is carried out. */
function manner(
  template: OperationTemplate,
  args: readonly string[] = template.args_template ?? [],
  flags: readonly string[] = [],
) {
  const config = defaultProject(repo, { allowed_operations: ["op"], operations: { op: template } });
  const operation = compileProject("owner_repo", Buffer.from(JSON.stringify(config)), "f").project.operations.get("op");
  if (operation === undefined) throw new Error("no operation");
  return mannerOf({ operation, flags }, args, profileFor(operation.command, args, operation.profile), repo);
}

function facts(changes: Partial<WorkspaceFacts> = {}): WorkspaceFacts {
  const gitDir = join(repo, ".git");
  return {
    gitDir,
    commonDir: gitDir,
    originUrl: URL,
    config: [],
    objectFormat: "sha1",
    refFormat: "files",
    partialCloneOf: undefined,
    findings: [],
    ...changes,
  };
}

function finding(concerns: Finding["concerns"], why: string): Finding {
  return { concerns, file: "/f", line: undefined, key: undefined, why, fix: "fix it" };
}

describe("how a command is carried out", () => {
  it("is a program in the workspace, but gh and aws in an empty directory, unless the operation says", () => {
    expect(manner({ command: "/bin/echo" })).toEqual({ kind: "program", runIn: "workspace" });
    expect(manner({ command: "gh" })).toEqual({ kind: "program", runIn: "empty" });
    expect(manner({ command: "/usr/local/bin/aws" })).toEqual({ kind: "program", runIn: "empty" });
    expect(manner({ command: "aws", run_in: "workspace" })).toEqual({ kind: "program", runIn: "workspace" });
    expect(manner({ command: "/bin/echo", run_in: "empty" })).toEqual({ kind: "program", runIn: "empty" });
  });

  it("is a repository of ours for what git does with a remote, and a view for all else", () => {
    expect(manner({ command: "git", args_template: ["push", URL, "main:refs/heads/x"] })).toMatchObject({
      kind: "remote_git",
      request: { kind: "push", source: "main", branch: "x" },
    });
    expect(manner({ command: "/usr/bin/git", args_template: ["fetch", URL] })).toMatchObject({ kind: "remote_git" });
    expect(manner({ command: "git", args_template: ["-C", repo, "status"] })).toMatchObject({
      kind: "local_git",
      request: { subcommand: "status", writes: false },
    });
    expect(codeOf(() => manner({ command: "git", args_template: ["merge", "x"] }))).toBe("git_unsupported");
    expect(codeOf(() => manner({ command: "git", args_template: ["clone", URL] }))).toBe("git_unsupported");
  });

  it("is not a git by another name, which would be started without its subcommand", () => {
    for (const command of ["git-push", "/usr/lib/git-core/git-log", "git-status"])
      expect(codeOf(() => manner({ command, args_template: [URL] }))).toBe("git_unsupported");
  });
});

describe("a push that overwrites or deletes", () => {
  const push = (...words: readonly string[]): OperationTemplate => ({
    command: "git",
    args_template: ["push", "{expected_git_url}", ...words],
    params: { src: { type: "string" } },
  });
  const made = (template: OperationTemplate, refspec: string, ...flags: readonly string[]): string =>
    codeOf(() => manner(template, ["push", URL, ...flags, refspec], flags));

  it("is what the operation says by itself, never what a value says", () => {
    const plain = push("{src}:refs/heads/x");
    expect(made(plain, "main:refs/heads/x")).toContain("taken");
    expect(made(plain, "+main:refs/heads/x")).toBe("git_unsupported");
    expect(made(plain, ":refs/heads/x")).toBe("git_unsupported");
    expect(made(plain, "+:refs/heads/x", "--force")).toBe("git_unsupported");
    expect(made(plain, "main:refs/heads/x", "--force")).toContain('"force":true');
    expect(codeOf(() => manner(plain, ["push", URL, "--force-with-lease", "main:refs/heads/x"], []))).toBe(
      "git_unsupported",
    );
    expect(made(plain, "main:refs/heads/x", "--force-with-lease=x")).toContain('"lease":{}');
    expect(made(push("+{src}:refs/heads/x"), "+main:refs/heads/x")).toContain('"force":true');
    expect(made(push("--force", "{src}:refs/heads/x"), "+main:refs/heads/x")).toContain('"force":true');
    expect(made(push(":refs/heads/x"), ":refs/heads/x")).toContain('"source":""');
    expect(made(push("+:refs/heads/x"), "+:refs/heads/x")).toContain('"source":""');
  });
});

describe("a finding", () => {
  const layout = facts({ findings: [finding("configuration", "runs"), finding("layout", "is a link")] });
  const configuration = facts({ findings: [finding("configuration", "runs"), finding("configuration", "more")] });

  it("about the layout ends every operation, one about the configuration only what reads it", () => {
    expect(() => {
      refuseLayout(layout);
    }).toThrow("workspace refused: /f: is a link");
    expect(
      codeOf(() => {
        refuseLayout(configuration);
      }),
    ).toMatch(/^taken/);
    expect(
      codeOf(() => {
        refuseLayout(facts());
      }),
    ).toMatch(/^taken/);
    const request = { subcommand: "status", args: [], writes: false };
    for (const reads of [
      { kind: "program", runIn: "workspace" },
      { kind: "local_git", request },
    ] as const) {
      expect(() => {
        refuseConfiguration(configuration, reads);
      }).toThrow("workspace refused: /f: runs (and 1 more)");
      expect(
        codeOf(() => {
          refuseConfiguration(facts(), reads);
        }),
      ).toMatch(/^taken/);
    }
    const list = { kind: "ls-remote", options: [], patterns: [] } as const;
    for (const blind of [
      { kind: "program", runIn: "empty" },
      { kind: "remote_git", request: list },
    ] as const)
      expect(
        codeOf(() => {
          refuseConfiguration(configuration, blind);
        }),
      ).toMatch(/^taken/);
  });
});

describe("a workspace's place", () => {
  it("is where its repository lies, when it is kept in files and is whole", () => {
    const found = facts({ objectFormat: "sha256" });
    expect(placeOf(found, [repo])).toEqual({
      roots: [repo],
      gitDir: found.gitDir,
      commonDir: found.commonDir,
      format: "sha256",
    });
    expect(codeOf(() => placeOf(facts({ refFormat: "reftable" }), [repo]))).toBe("git_layout_unsupported");
    expect(codeOf(() => placeOf(facts({ partialCloneOf: "origin" }), [repo]))).toBe("git_layout_unsupported");
  });

  it("tells what a push takes now, and nothing for what takes nothing", () => {
    const place = placeOf(facts(), [repo]);
    const push = { kind: "push", options: [], branch: "x", force: false, lease: undefined } as const;
    const id = git(repo, "rev-parse", "HEAD").trim();
    expect(sourceOf({ ...push, source: "main" }, place)).toEqual({ id, branch: "main" });
    expect(sourceOf({ ...push, source: "" }, place)).toBeUndefined();
    expect(sourceOf({ kind: "ls-remote", options: [], patterns: [] }, place)).toBeUndefined();
    expect(codeOf(() => sourceOf({ ...push, source: "none" }, place))).toBe("git_ref_invalid");
    const gone = { ...place, gitDir: join(repo, "gone"), commonDir: join(repo, "gone") };
    expect(codeOf(() => sourceOf({ ...push, source: "main" }, gone))).toBe("workspace_unreadable");
    expect(() => sourceOf({ ...push, source: "main" }, { ...place, roots: [`${repo}x`] })).toThrow(RangeError);
    const file = { ...place, commonDir: join(repo, "README.md") };
    expect(codeOf(() => sourceOf({ ...push, source: "main" }, file))).toBe("workspace_untrusted");
  });
});
