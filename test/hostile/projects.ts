import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { OperationTemplate, ProjectConfig } from "../../wire/schema.ts";
import { projectRoot } from "../fixtures/temp.ts";

/** Where the projects of the corpus find things. */
export interface Places {
  readonly workspace: string;
  readonly secondWorkspace: string;
  /** Directory of the tiny programs. */
  readonly programs: string;
}

const TEMPLATES = ["local_demo", "readonly", "git_write", "git_github_write", "github_write", "aws_selected"] as const;

const text = { type: "string" } as const;
const anyText = { type: "string", allow_leading_dash: true } as const;
const several = { type: "array", allow_leading_dash: true } as const;

function all(repoPaths: readonly string[], operations: Readonly<Record<string, OperationTemplate>>): ProjectConfig {
  return {
    repos: ["owner/repo", "owner/second"].slice(0, repoPaths.length),
    repo_paths: [...repoPaths],
    allowed_operations: Object.keys(operations),
    operations: { ...operations },
    constraints: { branch_allow: ["ai/.+"] },
  };
}

function template(name: string, workspace: string): ProjectConfig {
  const read = JSON.parse(readFileSync(join(projectRoot, "templates", `${name}.json`), "utf8")) as ProjectConfig;
  return { ...read, repos: ["owner/repo"], repo_paths: [workspace] };
}

const PUSH_FLAGS = ["--receive-pack", "--exec", "--repo", "--push-option", "--signed", "--recurse-submodules"];
const PUSH_SWITCHES = [
  "--force",
  "--all",
  "--mirror",
  "--tags",
  "--delete",
  "--follow-tags",
  "--prune",
  "--set-upstream",
];
const FETCH_FLAGS = ["--upload-pack", "--recurse-submodules", "--refmap", "--depth", "--filter", "--server-option"];
const FETCH_SWITCHES = ["--all", "--tags", "--update-head-ok", "--unshallow", "--append", "--multiple"];

/** Remote git as a careless owner might allow it: every refspec, and every flag that somebody once needed. */
function laxGit(workspace: string): ProjectConfig {
  const remote = (
    subcommand: string,
    rest: readonly string[],
    params: OperationTemplate["params"] = {},
  ): OperationTemplate => ({
    command: "git",
    args_template: [subcommand, "{expected_git_url}", ...rest],
    params,
  });
  return all([workspace], {
    push: {
      ...remote("push", ["{refspec}"], { refspec: anyText }),
      allowed_flags: [...PUSH_FLAGS, ...PUSH_SWITCHES],
      bool_flags: PUSH_SWITCHES,
    },
    push_source: remote("push", ["{source}:refs/heads/{branch}"], { source: text, branch: text }),
    push_words: remote("push", ["{words}"], { words: several }),
    fetch: {
      ...remote("fetch", ["{refspec}"], { refspec: anyText }),
      allowed_flags: [...FETCH_FLAGS, ...FETCH_SWITCHES],
      bool_flags: FETCH_SWITCHES,
    },
    fetch_words: remote("fetch", ["{words}"], { words: several }),
    ls_remote: {
      ...remote("ls-remote", ["{pattern}"], { pattern: text }),
      allowed_flags: ["--upload-pack", "--exec", "--sort", "--get-url"],
      bool_flags: ["--get-url"],
    },
    clone: { ...remote("clone", ["{directory}"], { directory: text }), allowed_flags: ["--template", "--config"] },
    pull: remote("pull", ["{branch}"], { branch: text }),
    send_pack: remote("send-pack", ["{refspec}"], { refspec: text }),
    fetch_pack: remote("fetch-pack", ["{ref}"], { ref: text }),
    elsewhere: {
      command: "git",
      args_template: ["push", "{url}", "ai/work:refs/heads/ai/work"],
      params: { url: text },
    },
    configured: {
      command: "git",
      args_template: ["-c", "{setting}", "push", "{expected_git_url}", "ai/work:refs/heads/ai/work"],
      params: { setting: text },
    },
    subcommand: { command: "git", args_template: ["{subcommand}", "{expected_git_url}"], params: { subcommand: text } },
    update_modules: { command: "git", args_template: ["submodule", "update", "--init"] },
    remote_update: { command: "git", args_template: ["remote", "update"] },
  });
}

/** Local git as a project may define it for itself. */
function localGit(workspace: string): ProjectConfig {
  const local = (...args: readonly string[]): OperationTemplate => ({ command: "git", args_template: [...args] });
  const project = all([workspace], {
    status: local("status", "--short", "--ignore-submodules=all"),
    add: {
      ...local("add", "--", "{paths}"),
      params: { paths: { type: "paths" } },
      allowed_flags: ["--force"],
      bool_flags: ["--force"],
    },
    commit: {
      ...local("commit", "-m", "{message}"),
      params: { message: text },
      allowed_flags: ["--all"],
      bool_flags: ["--all"],
    },
    diff: { ...local("diff"), allowed_flags: ["--stat", "--cached"], bool_flags: ["--stat", "--cached"] },
    log: { ...local("log", "--oneline", "-n", "{count}"), params: { count: { type: "integer", min: 1, max: 20 } } },
    show: { ...local("show", "--stat", "--end-of-options", "{commit}"), params: { commit: text } },
    grep: { ...local("grep", "-e", "{pattern}", "HEAD", "--"), params: { pattern: text } },
    blame: { ...local("blame", "HEAD", "--", "{path}"), params: { path: { type: "path" } } },
  });
  return { ...project, constraints: { path_deny: ["secrets/**", "**/*.pem"] } };
}

/** Programs of the owner's own, with a parameter of every type. */
function programs({ workspace, programs: directory }: Places): ProjectConfig {
  const own = (name: string, args: readonly string[], more: Partial<OperationTemplate> = {}): OperationTemplate => ({
    command: join(directory, name),
    args_template: [...args],
    ...more,
  });
  const print = (
    type: NonNullable<OperationTemplate["params"]>[string],
    ...args: readonly string[]
  ): OperationTemplate => own("print-args", args.length === 0 ? ["{value}"] : args, { params: { value: type } });
  const project = all([workspace], {
    args: print(text),
    inside: print(text, "--name={value}.txt"),
    dashed: print(anyText),
    list: print({ type: "array" }),
    integer: print({ type: "integer", min: 0, max: 100 }),
    number: print({ type: "number", min: 0, max: 1 }),
    choice: print({ type: "enum", enum: ["one", "two"] }),
    ref: print({ type: "git_ref" }),
    branch: print({ type: "git_branch" }),
    url: print({ type: "url", hosts: ["example.com"] }),
    repository: print({ type: "owner_repo" }),
    path: print({ type: "path" }),
    paths: print({ type: "paths" }),
    read: { command: "/bin/cat", args_template: ["--", "{value}"], params: { value: { type: "path" } } },
    input: {
      command: "/bin/cat",
      args_template: ["--", "{value}"],
      params: { value: { type: "workspace_path", direction: "input", max_bytes: 4096 } },
    },
    write: own("write-file", ["{output}", "{value}"], { params: { output: { type: "workspace_path" }, value: text } }),
    word: print({ type: "string", pattern: "^[a-z]+$", maxLength: 8 }),
    loose: print({ type: "string", pattern: "^([a-zA-Z0-9._-]+/?)+$" }),
    any: print({ type: "string", pattern: "^(a|a)*$" }),
    unicode: print({ type: "string", pattern: "^(?i)kelvin$" }),
    anchored: print({ type: "string", pattern: "(?m)^safe$" }),
    flags: own("print-args", ["x"], {
      allowed_flags: [
        "--free",
        "--yes",
        { flag: "--count", type: "integer", min: 1, max: 9 },
        { flag: "--mode", enum: ["fast", "slow"] },
        { flag: "--file", type: "path" },
        { flag: "--name", pattern: "^[a-z]+$" },
        "--many",
      ],
      bool_flags: ["--yes"],
      multi_value_flags: ["--many"],
    }),
    asked: own("write-file", [join(directory, "..", "asked"), "{value}"], {
      params: { value: text },
      allowed_flags: ["--free"],
      approval: { timeout: 1 },
    }),
    asked_sometimes: own("print-args", ["{value}"], {
      params: { value: text },
      allowed_flags: ["--force"],
      bool_flags: ["--force"],
      approval: { when: [{ flag: "--force" }, { param: "value", unless: "[a-z]+" }], timeout: 1 },
    }),
    environment: own("print-environment", []),
    cwd: own("print-cwd", []),
    stdin: own("read-stdin", []),
    from_workspace: { command: join(workspace, "tools/attack") },
    by_name: { command: "tool-of-the-workspace" },
    node: { command: process.execPath, args_template: ["-p", "1+1"] },
    shell: { command: "/bin/sh", args_template: ["-c", 'printf %s "$1"', "sh", "{value}"], params: { value: text } },
  });
  const operations = { ...project.operations, hidden: own("print-args", ["hidden"]) };
  return { ...project, operations, constraints: { path_deny: ["secrets/**", "**/*.pem"] } };
}

/** Two repositories in one project. */
function two({ workspace, secondWorkspace, programs: directory }: Places): ProjectConfig {
  return all([workspace, secondWorkspace], {
    push: {
      command: "git",
      args_template: ["push", "{expected_git_url}", "{branch}:refs/heads/{branch}"],
      params: { branch: text },
    },
    where: { command: join(directory, "print-args"), args_template: ["{repo}", "{repo_path}", "{expected_git_url}"] },
  });
}

/** AWS as a careless owner might allow it. */
function laxAws(workspace: string): ProjectConfig {
  const aws = (...args: readonly string[]): OperationTemplate => ({ command: "aws", args_template: [...args] });
  return all([workspace], {
    identity: { ...aws("sts", "get-caller-identity"), allowed_flags: ["--output", "--query"] },
    put: {
      ...aws("s3api", "put-object", "--bucket", "bucket", "--key", "{key}"),
      params: { key: text },
      allowed_flags: ["--body", "--metadata"],
    },
    copy: { ...aws("s3", "cp", "{source}", "s3://bucket/{key}"), params: { source: { type: "path" }, key: text } },
    tags: {
      ...aws("ec2", "create-tags", "--resources", "i-1", "--tags", "{tags}"),
      params: { tags: { type: "array" } },
    },
  });
}

/** Every project that an attack can name. */
export function hostileProjects(places: Places): ReadonlyMap<string, ProjectConfig> {
  const { workspace } = places;
  return new Map<string, ProjectConfig>([
    ...TEMPLATES.map((name) => [name, template(name, workspace)] as const),
    ["lax_git", laxGit(workspace)],
    ["local_git", localGit(workspace)],
    ["programs", programs(places)],
    ["two", two(places)],
    ["lax_aws", laxAws(workspace)],
  ]);
}
