import { limitWords } from "../project/words.ts";
import type { StepName } from "../../wire/names.ts";
import type { Explanation } from "../../wire/schema.ts";
import { quoted, shortened } from "../../wire/text.ts";
import { pushOf } from "../project/push.ts";
import type { Project } from "../project/types.ts";
import type { Found } from "./trail.ts";

/** What the owner of the host is told of each step that was passed: what decided, and what was found. */

/** Longest text of the caller's that a sentence repeats, in bytes. */
const SHOWN_BYTES = 200;
const HOW_TARGETED = {
  explicit_flag: "named in the request",
  auto_resolve: "found by where the caller stands",
  primary_default: "the project's only one",
  machine: "the machine itself",
} as const;

/** What decides at a step, as a member of the configuration where there is one. */
const RULES: Readonly<Record<StepName, string | undefined>> = {
  authenticate: undefined,
  line: undefined,
  project: "config allow",
  target: "repos",
  operation: "allowed_operations",
  values: "params, allowed_flags",
  stdin: "stdin",
  paths: "constraints.path_deny",
  workspace: "repo_paths",
  files: "params",
  output_scope: undefined,
  staging: "max_bytes",
  arguments: "args_template",
  branches: "constraints.branch_allow",
  program: "command",
  git: "profile",
  configuration: undefined,
  environment: "profile, env",
  repository: undefined,
  approval: "approval",
  limits: "limits, session_limits",
};

/** The same where it is another one on a machine. */
const RULES_OF_MACHINES: Partial<Readonly<Record<StepName, string>>> = {
  target: "machine",
  values: "params, allowed_flags, env_allow",
  paths: "transfer.roots, constraints.path_deny",
  workspace: "machine.work_dirs",
  git: "run_in",
  environment: "run_as, env, env_allow",
};

/** What decides at a step of a project's requests. */
export function ruleOf(step: StepName, project: Project | undefined): string | undefined {
  const own = project?.machine === undefined ? undefined : RULES_OF_MACHINES[step];
  return own ?? RULES[step];
}

/** Words as a list that shows where each begins and ends. */
function list(words: Iterable<string>): string {
  return `[${[...words].map((word) => quoted(shortened(word, SHOWN_BYTES))).join(", ")}]`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

function branchWords(project: Project, command: string, args: readonly string[]): string {
  const push = pushOf(command, args);
  if (push.kind !== "branches") return "it pushes nothing";
  const ruled = push.branches.map((branch) => {
    const pattern = project.branchAllow.find((one) => one.matchesWhole(branch));
    return `${quoted(branch)} by ${quoted(pattern?.source ?? "")}`;
  });
  return `it pushes to ${ruled.join(", ")}`;
}

function gitWords(manner: Found["git"], isMachine: boolean): string {
  switch (manner.kind) {
    case "program": {
      const place = isMachine ? "the working directory" : "the workspace";
      // On a machine git is a program like any other.
      return `${isMachine ? "" : "not git; "}it runs in ${manner.runIn === "empty" ? "an empty directory" : place}`;
    }
    case "remote_git":
      return `git ${manner.request.kind}, in a repository of the daemon's own`;
    case "local_git":
      return `git ${manner.request.subcommand}, on a view of the workspace's repository`;
  }
}

function filesWords({ inputs, output }: Found["files"]): string {
  const read = [...inputs].map(([name, { relative }]) => `${name} reads ${quoted(relative)}`);
  const written = output === undefined ? [] : [`${output.name} writes ${quoted(output.relative)}`];
  const all = [...read, ...written];
  return all.length === 0 ? "none are copied" : all.join(", ");
}

/** One sentence without its full stop for each step; undefined where there is nothing to say. */
export function stepWords(found: Partial<Found>, asks: Explanation["asks"]): ReadonlyMap<StepName, string> {
  const { authenticate, line, project, target, operation, values, stdin, paths, workspace } = found;
  const said: Partial<Record<StepName, string>> = {};
  if (authenticate !== undefined) said.authenticate = "as the owner of the host, without a token";
  if (line !== undefined) said.line = line.length === 0 ? "no command line: the operation is named" : list(line);
  if (project !== undefined) said.project = `${project.id}, allowed as it is (hash ${project.configHash.slice(0, 16)})`;
  if (target !== undefined)
    said.target =
      target.source === "machine"
        ? HOW_TARGETED.machine
        : `${target.repo.name}, ${HOW_TARGETED[target.source]}; ${target.url}`;
  if (operation !== undefined)
    said.operation = `${operation.id}${(line ?? []).length === 0 ? "" : ", the only one that makes this command line"}`;
  if (values !== undefined) {
    const names = [...values.values.keys()];
    said.values = `params ${list(names)}, flags ${list(values.flags)}`;
  }
  if (stdin !== undefined) said.stdin = stdin.stdin;
  if (paths !== undefined)
    said.paths = `no path is denied; ${count(project?.pathDeny.length ?? 0, "pattern")} in path_deny`;
  if (workspace !== undefined)
    said.workspace = `${workspace.root}${workspace.facts === undefined ? "" : ", and its origin is the target"}`;
  if (found.files !== undefined) said.files = filesWords(found.files);
  if (found.output_scope !== undefined) said.output_scope = "nothing widens the output";
  if (found.staging !== undefined)
    said.staging = found.staging.inputs.length === 0 ? "nothing to copy" : "the files can be copied; they were not";
  if (found.arguments !== undefined) said.arguments = list(found.arguments);
  if (found.branches !== undefined && project !== undefined && operation !== undefined)
    said.branches = branchWords(project, operation.command, found.branches);
  if (found.program !== undefined) said.program = found.program.file;
  if (found.git !== undefined) said.git = gitWords(found.git, project?.machine !== undefined);
  if (found.configuration !== undefined) {
    const { findings } = found.configuration;
    said.configuration =
      findings.length === 0
        ? "nothing in the workspace's git configuration could run or redirect anything"
        : `${count(findings.length, "finding")} in the workspace's git configuration, which this program never reads`;
  }
  if (found.git !== undefined && project?.machine !== undefined)
    said.configuration = "a machine has no repository whose configuration could run anything";
  if (found.environment !== undefined)
    said.environment = `made from nothing: ${count(found.environment.size, "variable")}`;
  if (found.repository !== undefined)
    said.repository =
      found.repository.kind === "program" ? "not needed" : "the workspace's repository can be read as it is";
  if (asks !== undefined && operation !== undefined && project !== undefined)
    said.limits =
      project.sessionLimits === undefined && operation.limits === undefined
        ? "as often as it likes"
        : `a session ${limitWords(project.sessionLimits)}, ${operation.id} ${limitWords(operation.limits)}`;
  if (asks !== undefined) said.approval = asks.person ? `a person is asked: ${asks.why ?? ""}` : "nobody is asked";
  return new Map(Object.entries(said) as [StepName, string][]);
}
