import { CodedError } from "../../wire/errors.ts";
import { quoted } from "../../wire/text.ts";
import { resolveCommand } from "../exec/command.ts";
import type { Launch } from "../exec/run.ts";
import { argumentsOf, type Call } from "../operation/call.ts";
import { wrapCommand } from "../operation/wrapping.ts";
import type { MachineOperation, Project, TransferRules } from "../project/types.ts";
import { MACHINE_PATH, machineEnvironment } from "../sanitize/machine.ts";
import { findAccount, ownAccount, type Account } from "../util/account.ts";
import { ownProgram } from "../util/own-program.ts";
import { resolveOptional, shortenedBy, throughRtk, type Invocation } from "./invocation.ts";
import { launchLimits } from "./launch-limits.ts";
import type { Findings } from "./plan.ts";
import type { EngineSettings } from "./rooms.ts";
import type { Watch } from "./trail.ts";
import type { ProgramWork } from "./work.ts";

/**
 * The user that an operation runs as. Reads the disk.
 * @param name undefined: the agent's own
 * @throws CodedError `run_as_unavailable`
 */
export function accountFor(name: string | undefined): Account {
  const own = ownAccount();
  if (name === undefined || name === own.name) return own;
  const account = findAccount(name);
  if (account === undefined) throw new CodedError("run_as_unavailable", `there is no user ${quoted(name)} here`);
  if (own.uid !== 0)
    throw new CodedError("run_as_unavailable", `the agent runs as ${own.name}, and cannot become ${name}`);
  return account;
}

function searchPath({ env }: Project): string {
  return env.get("PATH") ?? MACHINE_PATH;
}

/** What starts the program as somebody else: it sets groups as a login would, which no system call of the runtime does. */
function asUser({ command, args }: Invocation, account: Account): Invocation {
  if (account.uid === ownAccount().uid) return { command, args };
  const setpriv = resolveOptional("setpriv", MACHINE_PATH, []);
  if (setpriv === undefined) throw new CodedError("run_as_unavailable", "there is no setpriv (util-linux) here");
  const become = [`--reuid=${account.uid}`, `--regid=${account.gid}`, "--init-groups", "--inh-caps=-all"];
  return { command: setpriv, args: [...become, "--", command.file, ...args] };
}

/** Our own program, told by the policy where it may read or write. */
function transferring({ direction, roots, maxBytes, maxFiles }: TransferRules, args: readonly string[]): Invocation {
  const { file, args: own } = ownProgram("cmd2host");
  const bounds = [`--max-bytes=${maxBytes}`, `--max-files=${maxFiles}`, ...roots.map((root) => `--root=${root}`)];
  const [, path = "", merge] = args;
  const asked = [...(merge === undefined ? [] : ["--merge"]), `--path=${path}`];
  return { command: { file, argv0: file }, args: [...own, "transfer", direction, ...bounds, ...asked] };
}

/** A command string run through the machine's wrapper, where it has one and that changes nothing else. */
function wrapped(project: Project, call: Call, args: readonly string[]): Invocation | undefined {
  const name = project.machine?.wrapper;
  const value = call.values.get("command");
  if (name === undefined || value?.kind !== "text") return undefined;
  const path = searchPath(project);
  const wrapper = resolveOptional(name, path, []);
  if (wrapper === undefined) return undefined;
  const way = wrapCommand(value.text, name);
  if (way.kind === "argv") return { command: wrapper, args: way.argv.slice(1) };
  if (way.command === value.text) return undefined;
  const replaced = args.map((arg) => (arg.endsWith(value.text) ? arg.slice(0, -value.text.length) + way.command : arg));
  return { command: resolveCommand(call.operation.command, path, []), args: replaced };
}

/** The shell, the transfer or the program that a call comes to. */
function invocationOf(project: Project, call: Call, machine: MachineOperation, args: readonly string[]) {
  if (machine.transfer !== undefined) return { invocation: transferring(machine.transfer, args), notice: undefined };
  const path = searchPath(project);
  const plain: Invocation = { command: resolveCommand(call.operation.command, path, []), args };
  const shortened =
    machine.shell === undefined ? throughRtk(call.operation, args, path, []) : wrapped(project, call, args);
  return {
    invocation: shortened ?? plain,
    notice: shortened === undefined ? undefined : shortenedBy(project.machine?.wrapper ?? "rtk"),
  };
}

/** What a call on a machine comes to, and its arguments as people are shown them. */
export interface MachineWork {
  readonly work: ProgramWork;
  readonly args: readonly string[];
  readonly notice: string | undefined;
}

/**
 * A call on a machine as work: a program in the working directory, with the environment of its user.
 * @throws CodedError `command_*`, `run_as_unavailable`, `param_missing`, `template_incomplete`
 */
export function machineWork(
  { project, target, call, workspace, timeoutSeconds, env: callerEnv }: Findings,
  machine: MachineOperation,
  settings: EngineSettings,
  step: Watch | undefined,
): MachineWork {
  const { operation } = call;
  const args = argumentsOf(project, call, { repo: "", repoPath: target.repo.path, url: "" }, (built) => {
    step?.("arguments", built);
  });
  step?.("branches", args);
  const { invocation, notice } = invocationOf(project, call, machine, args);
  step?.("program", invocation.command);
  const runIn = operation.runIn ?? "workspace";
  step?.("git", { kind: "program", runIn });
  step?.("configuration", undefined);
  const account = accountFor(machine.runAs);
  const shell = machine.shell ?? "sh";
  const env = machineEnvironment(account, shell, project.env, callerEnv);
  step?.("environment", env);
  const launch: Launch = {
    ...asUser(invocation, account),
    env,
    cwd: workspace.root,
    ...launchLimits(operation, settings, timeoutSeconds),
  };
  return {
    work: {
      kind: "program",
      launch,
      runIn,
      machine: { user: account.name, program: invocation.command.file, callerEnv },
    },
    args,
    notice,
  };
}
