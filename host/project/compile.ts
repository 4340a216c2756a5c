import { resolve } from "node:path";
import { CodedError } from "../../wire/errors.ts";
import { located, readJsonFile } from "../../wire/parse.ts";
import type { RunPlace } from "../../wire/names.ts";
import type { OperationTemplate, ProjectConfig } from "../../wire/schema.ts";
import { printable, quoted, shortened } from "../../wire/text.ts";
import { DEFAULT_RULES, type RedactRules } from "../redact/redact-rules.ts";
import { compileGlob } from "../util/glob.ts";
import { sha256Hex } from "../util/hash.ts";
import { compilePattern } from "../util/pattern.ts";
import { compileApproval } from "./compile/approval.ts";
import { step, type Complain } from "./compile/complain.ts";
import { compileFleet } from "./compile/fleet.ts";
import { compileLimits } from "./compile/limits.ts";
import { compileMachine, compileMachineOperation, spelledOut, verbatim } from "./compile/machine.ts";
import { compileRedact } from "./compile/redact.ts";
import { compileStreams, hintsOf } from "./compile/streams.ts";
import { compileFlags, compileParams } from "./compile/values.ts";
import { isEnvName, judgeEnvName } from "./env-rules.ts";
import { nearest } from "./nearest.ts";
import { isRepoName } from "./project-id.ts";
import { gitWords, programName, pushOf } from "./push.ts";
import { parseElement, placeholdersOf } from "./template.ts";
import { INJECTED, type MachineRules, type Operation, type Project, type Repo } from "./types.ts";

export const DEFAULT_HOST = "github.com";

/** A project, the configuration it was made from, and the members that the schema does not know. */
export interface LoadedProject {
  readonly project: Project;
  readonly config: ProjectConfig;
  readonly unknown: readonly string[];
}

const MIXED: readonly (readonly [string, string])[] = [
  ["repo", "repos"],
  ["repo", "repo_paths"],
  ["repo_path", "repos"],
  ["repo_path", "repo_paths"],
];

function refuseMixedForms(raw: unknown, complain: Complain): void {
  if (typeof raw !== "object" || raw === null) return;
  for (const [single, list] of MIXED) {
    if (Object.hasOwn(raw, single) && Object.hasOwn(raw, list))
      complain(`/${single}`, `mixing is not allowed: ${single} and ${list} stand side by side`);
  }
}

function compileRepos(config: ProjectConfig, complain: Complain): readonly Repo[] {
  const names = config.repos ?? (config.repo === undefined || config.repo === "" ? [] : [config.repo]);
  const paths =
    config.repo_paths ?? (config.repo_path === undefined || config.repo_path === "" ? [] : [config.repo_path]);
  if (names.length === 0) complain("/repos", "expected at least one owner/name");
  if (names.length !== paths.length)
    complain("/repo_paths", `expected one path per repository: ${names.length} repos, ${paths.length} repo_paths`);
  names.forEach((name, index) => {
    if (!isRepoName(name)) complain(`/repos/${index}`, `expected owner/name, got ${quoted(name)}`);
    if (names.indexOf(name) !== index) complain(`/repos/${index}`, `${name} stands twice`);
  });
  const clean = paths.map((path, index) => {
    if (path === "") complain(`/repo_paths/${index}`, "expected a path, got an empty text");
    return resolve(path);
  });
  clean.forEach((path, index) => {
    if (clean.indexOf(path) !== index) complain(`/repo_paths/${index}`, `${printable(path)} stands twice`);
  });
  const hosts = config.constraints?.remote_hosts_allow ?? [];
  const named = new Map(Object.entries(config.repo_hosts ?? {}));
  for (const [repo, host] of named) {
    if (!names.includes(repo)) complain(`/repo_hosts${step(repo)}`, `${quoted(repo)} is not one of repos`);
    if (!(hosts.length === 0 ? [DEFAULT_HOST] : hosts).includes(host)) {
      complain(`/repo_hosts${step(repo)}`, `${quoted(host)} is not one of constraints.remote_hosts_allow`);
    }
  }
  return names.map((name, index) => ({
    name,
    path: clean[index] ?? "",
    host: named.get(name) ?? hosts[0] ?? DEFAULT_HOST,
  }));
}

function checkEnv(config: ProjectConfig, complain: Complain): void {
  const accepted = new Set(config.env_unsafe ?? []);
  for (const [name, value] of Object.entries(config.env ?? {})) {
    const pointer = `/env${step(name)}`;
    if (!isEnvName(name)) complain(pointer, `${quoted(name)} cannot be the name of a variable`);
    if (value.includes("\0")) complain(pointer, `the value of ${name} has a NUL`);
    const verdict = judgeEnvName(name);
    if (verdict === "never")
      complain(pointer, `${name} chooses what code is loaded into the program and cannot be set`);
    if (verdict === "needs_naming" && !accepted.has(name)) {
      complain(
        pointer,
        `${name} can change which program, host or configuration is used; list it in env_unsafe if you mean it`,
      );
    }
  }
}

function checkGitConfig(config: ProjectConfig, complain: Complain): void {
  for (const [key, value] of Object.entries(config.git_config ?? {})) {
    if (/[\0\n]/.test(key) || value.includes("\0"))
      complain(`/git_config${step(key)}`, "expected a key without NUL or line break, and a value without NUL");
  }
}

/** git and gh would take their configuration from the workspace: where they run is not for the configuration to say. */
function compileRunIn(
  source: OperationTemplate,
  machine: MachineRules | undefined,
  pointer: string,
  complain: Complain,
): RunPlace | undefined {
  const { command = "", run_in: place } = source;
  if (place === undefined || machine !== undefined) return place;
  if (gitWords(command, []) !== undefined)
    complain(pointer, "git does not take run_in: it always runs in directories of the daemon's own");
  if (place === "workspace" && programName(command) === "gh")
    complain(pointer, "gh does not run in the workspace: it runs git there, with the configuration that it finds");
  return place;
}

/** What holds for all operations of a project. */
interface Surroundings {
  readonly machine: MachineRules | undefined;
  /** Placeholders that are no parameters. */
  readonly known: ReadonlySet<string>;
  readonly redact: RedactRules;
}

function compileOperation(
  id: string,
  written: OperationTemplate,
  { machine, known, redact }: Surroundings,
  complain: Complain,
): Operation {
  const pointer = `/operations${step(id)}`;
  const ofMachine = compileMachineOperation(written, machine, pointer, complain);
  const source = spelledOut(written);
  const named = compileParams(source, pointer, complain);
  const params = ofMachine?.shell === undefined ? named : verbatim(named);
  const template = (source.args_template ?? []).map(parseElement);
  template.forEach((element, index) => {
    for (const name of placeholdersOf(element)) {
      if (!known.has(name) && !params.has(name)) {
        complain(
          `${pointer}/args_template/${index}`,
          `placeholder {${printable(shortened(name, 120))}} has no schema: it is no parameter, no env entry${machine === undefined ? `, and none of ${INJECTED.join(", ")}` : ""}`,
        );
      }
    }
    if (element.text.includes("\0")) complain(`${pointer}/args_template/${index}`, "has a NUL");
  });
  const flags = compileFlags(source, pointer, complain);
  return {
    id,
    machine: ofMachine,
    fleet: compileFleet(written, params, pointer, complain),
    command: source.command ?? "",
    template,
    params,
    flags,
    description: source.description ?? "",
    profile: source.profile,
    timeoutSeconds: source.timeout,
    maxStdoutBytes: source.max_stdout_bytes,
    maxStderrBytes: source.max_stderr_bytes,
    keep: source.keep ?? "head",
    onDisconnect: source.on_disconnect ?? "cancel",
    runIn: compileRunIn(source, machine, `${pointer}/run_in`, complain),
    ...compileStreams(source, machine !== undefined, pointer, complain),
    redact:
      ofMachine?.transfer === undefined
        ? compileRedact(source.redact, redact, `${pointer}/redact`, complain)
        : unmaskedTransfer(source, redact, `${pointer}/redact`, complain),
    title: source.title ?? "",
    annotations: hintsOf(source.annotations),
    limits: compileLimits(source.limits),
    approval: compileApproval(source, pointer, { params, flags }, complain),
    source: written,
  };
}

/** What is transferred is handed on byte for byte: a file with something else in the place of what looks like a secret is a damaged file. */
function unmaskedTransfer(
  { redact: own }: OperationTemplate,
  around: RedactRules,
  pointer: string,
  complain: Complain,
): RedactRules {
  if (own !== undefined) complain(pointer, "files are transferred as they are, and nothing in them is masked");
  return { ...around, enabled: false };
}

/** Members that take something away from what an operation may do. Of one that is misspelt, "it does nothing" would be the wrong reading. */
const RESTRICTING = ["approval", "limits", "run_as"];

function refuseMisspelt(unknown: readonly string[], complain: Complain): void {
  for (const pointer of unknown) {
    const path = pointer.split("/").slice(1);
    const name = path.at(-1) ?? "";
    const isOperations = path[0]?.toLowerCase() === "operations" && path.length === 3;
    const meant = nearest(
      name,
      isOperations
        ? RESTRICTING
        : path.length === 1
          ? ["session_limits"]
          : path[0]?.toLowerCase() === "machine"
            ? ["run_as"]
            : [],
    );
    if (meant !== undefined) complain(pointer, `${quoted(shortened(name, 60))} is not known; is ${meant} meant?`);
  }
}

/** True when the template is a git command that pushes, or whose subcommand the caller chooses. */
export function mayPush(operation: Operation): boolean {
  const args = operation.template.map((element) => element.text);
  const words = gitWords(operation.command, args);
  if (words === undefined) return false;
  const [head = ""] = words;
  return head === "" || head.includes("{") || pushOf(operation.command, args).kind !== "none";
}

/**
 * Makes a project from the bytes of its configuration: the same bytes are hashed and parsed. Pure: reads nothing but its arguments
 * (and the working directory, for relative repo_paths).
 * @param file only named in messages
 * @throws CodedError `config_invalid`, whose message begins `invalid project config:` and names file, line and JSON pointer
 */
export function compileProject(id: string, bytes: Buffer, file: string): LoadedProject {
  const complain: Complain = (pointer, message) => {
    throw new CodedError("config_invalid", `invalid project config: ${located(file, bytes, pointer, message)}`);
  };
  const read = readJsonFile("project_config", bytes, file);
  if (!read.ok) throw new CodedError("config_invalid", `invalid project config: ${read.fault.message}`);
  const config = read.value;
  refuseMixedForms(read.raw, complain);
  refuseMisspelt(read.unknown, complain);
  const machine = compileMachine(config, complain);
  const repos = machine === undefined ? compileRepos(config, complain) : [];
  checkEnv(config, complain);
  checkGitConfig(config, complain);
  const known = new Set<string>([...(machine === undefined ? INJECTED : []), ...Object.keys(config.env ?? {})]);
  const redact = compileRedact(config.redact, DEFAULT_RULES, "/redact", complain);
  const operations = new Map(
    Object.entries(config.operations ?? {}).map(([name, source]) => [
      name,
      compileOperation(name, source, { machine, known, redact }, complain),
    ]),
  );
  const allowed = config.allowed_operations ?? [];
  allowed.forEach((name, index) => {
    if (!operations.has(name)) complain(`/allowed_operations/${index}`, `references unknown operation ${quoted(name)}`);
  });
  const branchAllow = (config.constraints?.branch_allow ?? []).flatMap((source, index) => {
    const compiled = compilePattern(source);
    if (!compiled.ok)
      return complain(
        `/constraints/branch_allow/${index}`,
        `constraints: invalid branch pattern ${quoted(source)}: ${compiled.message}`,
      );
    return [compiled.pattern];
  });
  const project: Project = {
    id,
    configHash: sha256Hex(bytes),
    repos,
    machine,
    operations,
    allowed: [...new Set(allowed)],
    branchAllow,
    pathDeny: (config.constraints?.path_deny ?? []).map((source) => ({ source, compiled: compileGlob(source) })),
    env: new Map(Object.entries(config.env ?? {})),
    sessionLimits: compileLimits(config.session_limits),
    gitConfig: new Map(Object.entries(config.git_config ?? {})),
    redact,
  };
  return { project, config, unknown: read.unknown };
}
