import { CodedError } from "../../wire/errors.ts";
import { compileProject } from "../../host/project/compile.ts";
import type { Operation, Project } from "../../host/project/types.ts";
import { buildArgv } from "../../host/operation/argv.ts";
import { checkCall, type Call } from "../../host/operation/call.ts";

export const URL = "git@github.com:owner/repo.git";
export const INJECTED = { repo: "owner/repo", repo_path: "/repos/one", expected_git_url: URL };

/** A project made from bytes, as the daemon makes it. What is not given is the default: one repository, nothing allowed. */
export function projectOf(config: object): Project {
  const whole = { repos: ["owner/repo"], repo_paths: ["/repos/one"], ...config };
  return compileProject("owner_repo", Buffer.from(JSON.stringify(whole)), "config.json").project;
}

/** A project whose operations are all allowed, in the order given. */
export function projectWith(operations: Readonly<Record<string, object>>, config: object = {}): Project {
  return projectOf({ operations, allowed_operations: Object.keys(operations), ...config });
}

/** One operation, compiled. Its command is `tool` unless given. */
export function operationOf(template: object, config: object = {}): Operation {
  const operation = projectWith({ op: { command: "tool", ...template } }, config).operations.get("op");
  if (operation === undefined) throw new Error("the operation is not in its project");
  return operation;
}

/** The call of the only operation `op` with these JSON values. */
export function callOf(
  project: Project,
  params: Readonly<Record<string, unknown>>,
  flags: readonly string[] = [],
): Call {
  return checkCall(project, { operation: "op", params: new Map(Object.entries(params)), flags });
}

/** The arguments of an operation for JSON values that were checked. */
export function argvOf(
  template: object,
  params: Readonly<Record<string, unknown>> = {},
  options: { readonly flags?: readonly string[]; readonly env?: Readonly<Record<string, string>> } = {},
): readonly string[] {
  const project = projectWith({ op: { command: "tool", ...template } }, { env: options.env ?? {} });
  const call = callOf(project, params, options.flags);
  return buildArgv(call.operation, call.values, call.flags, { injected: INJECTED, env: project.env });
}

/** The coded error that `work` throws; anything else it does is a failure of the test. */
export function refusal(work: () => unknown): CodedError {
  let result: unknown;
  try {
    result = work();
  } catch (error) {
    if (error instanceof CodedError) return error;
    throw error;
  }
  throw new Error(`nothing was refused: ${JSON.stringify(result)}`);
}
