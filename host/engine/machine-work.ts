import type { ShellName } from "../../wire/names.ts";
import { resolveCommand } from "../exec/command.ts";
import type { Launch } from "../exec/run.ts";
import { argumentsOf } from "../operation/call.ts";
import { wrapCommand } from "../operation/wrapping.ts";
import type { MachineOperation, Project, TransferRules } from "../project/types.ts";
import { MACHINE_PATH, machineEnvironment } from "../sanitize/machine.ts";
import { ownProgram } from "../util/own-program.ts";
import { resolveOptional, shortenedBy, throughRtk, type Invocation } from "./invocation.ts";
import { launchLimits } from "./launch-limits.ts";
import type { Findings } from "./plan.ts";
import type { EngineSettings } from "./rooms.ts";
import { accountFor, startedAs } from "./run-as.ts";
import type { Watch } from "./trail.ts";
import type { ProgramWork } from "./work.ts";

function searchPath({ env }: Project): string {
  return env.get("PATH") ?? MACHINE_PATH;
}

/** Our own program, told by the policy where it may read or write. */
function transferring({ direction, roots, maxBytes, maxFiles }: TransferRules, args: readonly string[]): Invocation {
  const { file, args: own } = ownProgram("cmd2host");
  const bounds = [`--max-bytes=${maxBytes}`, `--max-files=${maxFiles}`, ...roots.map((root) => `--root=${root}`)];
  const [, path = "", merge] = args;
  const asked = [...(merge === undefined ? [] : ["--merge"]), `--path=${path}`];
  return { command: { file, argv0: file }, args: [...own, "transfer", direction, ...bounds, ...asked] };
}

/** What a call comes to before it is known as whom it runs. */
interface Chosen {
  readonly invocation: Invocation;
  readonly notice: string | undefined;
  /** A shell would have set PWD, but none is there. */
  readonly lacksShell: boolean;
}

/** A command string run through the machine's wrapper, where it has one and that changes nothing else. */
function wrapped(
  { project, call, env }: Findings,
  shell: ShellName,
  args: readonly string[],
): Omit<Chosen, "notice"> | undefined {
  const name = project.machine?.wrapper;
  const value = call.values.get("command");
  // With a PATH of the caller's the shell may not find the wrapper, or find another one.
  if (name === undefined || value?.kind !== "text" || env.has("PATH")) return undefined;
  const path = searchPath(project);
  const wrapper = resolveOptional(name, path, []);
  if (wrapper === undefined) return undefined;
  const way = wrapCommand(value.text, name, shell);
  if (way.kind === "argv") return { invocation: { command: wrapper, args: way.argv.slice(1) }, lacksShell: true };
  if (way.command === value.text) return undefined;
  const [last = ""] = args.slice(-1);
  const replaced = last.slice(0, last.length - value.text.length) + way.command;
  const command = resolveCommand(call.operation.command, path, []);
  return { invocation: { command, args: [...args.slice(0, -1), replaced] }, lacksShell: false };
}

/** The shell, the transfer or the program that a call comes to. */
function chosenFor(findings: Findings, machine: MachineOperation, args: readonly string[]): Chosen {
  const { project, call } = findings;
  if (machine.transfer !== undefined)
    return { invocation: transferring(machine.transfer, args), notice: undefined, lacksShell: false };
  const path = searchPath(project);
  const plain: Invocation = { command: resolveCommand(call.operation.command, path, []), args };
  if (machine.shell !== undefined) {
    const shortened = wrapped(findings, machine.shell, args);
    const notice = shortened === undefined ? undefined : shortenedBy(project.machine?.wrapper ?? "");
    return { invocation: plain, lacksShell: false, ...shortened, notice };
  }
  const shortened = throughRtk(call.operation, args, path, []);
  const notice = shortened === undefined ? undefined : shortenedBy("rtk");
  return { invocation: shortened ?? plain, lacksShell: false, notice };
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
  findings: Findings,
  machine: MachineOperation,
  settings: EngineSettings,
  step: Watch | undefined,
): MachineWork {
  const { project, target, call, workspace, timeoutSeconds, env: callerEnv } = findings;
  const { operation } = call;
  const args = argumentsOf(project, call, { repo: "", repoPath: target.repo.path, url: "" }, (built) => {
    step?.("arguments", built);
  });
  step?.("branches", args);
  const { invocation, notice, lacksShell } = chosenFor(findings, machine, args);
  step?.("program", invocation.command);
  const runIn = operation.runIn ?? "workspace";
  step?.("git", { kind: "program", runIn });
  step?.("configuration", undefined);
  const account = accountFor(machine.runAs);
  const shell = machine.shell ?? "sh";
  const own = machineEnvironment(account, shell, project.env, callerEnv);
  // Where it runs is made later, when it is to be an empty directory.
  const isPlaced = lacksShell && runIn === "workspace";
  const env = isPlaced ? new Map([...own, ["PWD", workspace.root]]) : own;
  step?.("environment", env);
  const launch: Launch = {
    ...startedAs(invocation, account, env),
    cwd: workspace.root,
    ...launchLimits(operation, settings, timeoutSeconds),
  };
  return {
    work: {
      kind: "program",
      launch,
      runIn,
      machine: { user: account.name, program: invocation.command.file, env, callerEnv },
    },
    args,
    notice,
  };
}
