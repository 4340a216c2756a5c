import { isAbsolute, resolve } from "node:path";
import type { MachineFields, OperationTemplate, Param, ProjectConfig, TransferFields } from "../../../wire/schema.ts";
import type { ShellName } from "../../../wire/names.ts";
import { quoted } from "../../../wire/text.ts";
import { compileGlob } from "../../util/glob.ts";
import type { MachineOperation, MachineRules, ParamRule, TransferRules } from "../types.ts";
import { step, type Complain } from "./complain.ts";

/** Members that say which repositories a project is for; a machine has none. */
const OF_REPOSITORIES = ["repos", "repo_paths", "repo_hosts", "repo", "repo_path", "git_config"] as const;
/** Members of operations that make sense on a machine only. */
const OF_MACHINES = ["shell", "transfer", "run_as", "env_allow"] as const;
/** What a shell or a transfer says by itself. */
const OF_PROGRAMS = [
  "command",
  "args_template",
  "params",
  "allowed_flags",
  "bool_flags",
  "multi_value_flags",
  "profile",
  "rtk",
] as const;
const DEFAULT_TRANSFER_BYTES = 1_073_741_824;
const DEFAULT_TRANSFER_FILES = 10_000;
/** What useradd accepts, and names with dots and capitals, which exist as well. */
const USER = /^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/;

/**
 * How each shell is told that what follows is the command, also when it begins with `-`. fish takes no `--` between option and value.
 */
const SHELL_ARGS: Readonly<Record<ShellName, readonly string[]>> = {
  sh: ["-c", "--", "{command}"],
  bash: ["-c", "--", "{command}"],
  fish: ["--command={command}"],
};

/** The canonical form writes what an operation does not say as something empty. */
function isSaid(value: unknown): boolean {
  if (typeof value === "object" && value !== null) return Object.keys(value).length > 0;
  return value !== undefined && value !== null && value !== "";
}

function checkUser(user: string | undefined, pointer: string, complain: Complain): string | undefined {
  if (user !== undefined && !USER.test(user)) complain(pointer, `expected the name of a user, got ${quoted(user)}`);
  return user;
}

function directories(paths: readonly string[], pointer: string, complain: Complain): readonly string[] {
  return paths.map((path, index) =>
    isAbsolute(path) && !path.includes("\0")
      ? resolve(path)
      : complain(`${pointer}/${index}`, `expected an absolute path, got ${quoted(path)}`),
  );
}

/** What a project says of its machine; undefined for a project of repositories. */
export function compileMachine(config: ProjectConfig, complain: Complain): MachineRules | undefined {
  const machine: MachineFields | undefined = config.machine;
  if (machine === undefined) return undefined;
  for (const name of OF_REPOSITORIES)
    if (config[name] !== undefined) complain(`/${name}`, `a project of a machine has no ${name}`);
  const { constraints } = config;
  if (constraints?.branch_allow !== undefined || constraints?.remote_hosts_allow !== undefined)
    complain("/constraints", "a project of a machine has path_deny only");
  return {
    runAs: checkUser(machine.run_as, "/machine/run_as", complain),
    workDirs: directories(machine.work_dirs ?? [], "/machine/work_dirs", complain),
    wrapper: machine.wrapper,
  };
}

function compileTransfer(fields: TransferFields, pointer: string, complain: Complain): TransferRules {
  return {
    direction: fields.direction,
    roots: directories(fields.roots, `${pointer}/roots`, complain),
    maxBytes: fields.max_bytes ?? DEFAULT_TRANSFER_BYTES,
    maxFiles: fields.max_files ?? DEFAULT_TRANSFER_FILES,
  };
}

/** What an operation has that only a machine's may have; undefined in a project of repositories. */
export function compileMachineOperation(
  source: OperationTemplate,
  machine: MachineRules | undefined,
  pointer: string,
  complain: Complain,
): MachineOperation | undefined {
  if (machine === undefined) {
    for (const name of OF_MACHINES)
      if (source[name] !== undefined)
        complain(`${pointer}/${name}`, `${name} belongs to a project with machine, which this is not`);
    return undefined;
  }
  const { shell, transfer } = source;
  if (shell !== undefined && transfer !== undefined)
    complain(`${pointer}/transfer`, "an operation is a shell or a transfer, not both");
  if (shell !== undefined || transfer !== undefined)
    for (const name of OF_PROGRAMS)
      if (isSaid(source[name])) complain(`${pointer}/${name}`, "a shell or a transfer says that by itself");
  if (transfer !== undefined && source.stdin !== undefined)
    complain(`${pointer}/stdin`, "a transfer says by itself what it reads");
  for (const [name, { type }] of Object.entries(source.params ?? {}))
    if (type === "workspace_path")
      complain(
        `${pointer}/params${step(name)}/type`,
        "workspace_path copies files into or out of a workspace, and a machine has none; use path, or a transfer",
      );
  const { env_allow: names } = source;
  const runAs = checkUser(source.run_as, `${pointer}/run_as`, complain) ?? machine.runAs;
  if (source.run_in === "empty" && runAs !== undefined)
    complain(`${pointer}/run_in`, `empty directories belong to the agent's own user, and it runs as ${runAs}`);
  return {
    shell,
    transfer: transfer === undefined ? undefined : compileTransfer(transfer, `${pointer}/transfer`, complain),
    runAs,
    env: names === undefined && shell !== undefined ? "any" : (names ?? []).map((name) => compileGlob(name)),
  };
}

/** What a transfer takes. */
const PATH: Param = {
  type: "string",
  pattern: "^/(?s:.*)$",
  maxLength: 4_096,
  description: "Absolute path on the machine.",
};
const MERGE: Param = {
  type: "enum",
  enum: ["merge"],
  optional: true,
  description: "Write into a directory that is there already.",
};

/** A shell or a transfer as the program that it comes to; everything else as it is. */
export function spelledOut(source: OperationTemplate): OperationTemplate {
  const { shell, transfer } = source;
  if (shell !== undefined)
    return {
      ...source,
      command: shell,
      args_template: [...SHELL_ARGS[shell]],
      params: {
        command: {
          type: "string",
          description: "The command, as it is to be handed to the shell.",
          allow_leading_dash: true,
        },
      },
    };
  if (transfer?.direction === "push")
    return {
      ...source,
      command: TRANSFER_COMMAND,
      args_template: ["push", "{path}", "{merge}"],
      params: { path: PATH, merge: MERGE },
      stdin: "required",
    };
  if (transfer !== undefined)
    return { ...source, command: TRANSFER_COMMAND, args_template: ["pull", "{path}"], params: { path: PATH } };
  return source;
}

/** The parameters of a shell, whose command is nobody's argument before the shell has read it. */
export function verbatim(params: ReadonlyMap<string, ParamRule>): ReadonlyMap<string, ParamRule> {
  return new Map([...params].map(([name, rule]) => [name, { ...rule, verbatim: true }]));
}

/** How a transfer's program is called where people read of it. It is our own. */
export const TRANSFER_COMMAND = "cmd2host-transfer";
