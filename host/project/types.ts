import type {
  Allowance,
  OUTPUT_FORMS,
  OutputEnd,
  ParamType,
  ProfileName,
  RunPlace,
  ShellName,
  StdinMode,
  TransferDirection,
} from "../../wire/names.ts";
import type { FlagRule, OperationTemplate, Param } from "../../wire/schema.ts";
import type { RedactRules } from "../redact/redact-rules.ts";
import type { CompiledGlob } from "../util/glob.ts";
import type { Pattern } from "../util/pattern.ts";

/** A project configuration after loading: checked, compiled, and bound to the hash of the bytes it was made from. */
export interface Project {
  readonly id: string;
  /** SHA-256 of the configuration's bytes. */
  readonly configHash: string;
  /** None for a machine. */
  readonly repos: readonly Repo[];
  /** Undefined for a project of repositories. */
  readonly machine: MachineRules | undefined;
  /** Every operation that is defined, allowed or not. */
  readonly operations: ReadonlyMap<string, Operation>;
  /** Ids that may run, in the order of the configuration, each once. */
  readonly allowed: readonly string[];
  readonly branchAllow: readonly Pattern[];
  /** Malformed globs stay in, and deny when they are met. */
  readonly pathDeny: readonly PathDeny[];
  readonly env: ReadonlyMap<string, string>;
  readonly gitConfig: ReadonlyMap<string, string>;
  /** For all operations of one session together; undefined is no limit. */
  readonly sessionLimits: LimitRule | undefined;
  /** How secrets are masked where no operation says more. */
  readonly redact: RedactRules;
}

/** How often something may run; what is undefined is not limited. */
export interface LimitRule {
  readonly rate: { readonly runs: number; readonly perMs: number } | undefined;
  readonly concurrent: number | undefined;
  /** By UTC. */
  readonly perDay: number | undefined;
}

export interface PathDeny {
  readonly source: string;
  readonly compiled: CompiledGlob;
}

export interface Repo {
  /** owner/name as the configuration spells it. */
  readonly name: string;
  /** Absolute, lexically clean. */
  readonly path: string;
  /** As configured; checked when it is used. */
  readonly host: string;
}

/** What holds for all operations of a machine. */
export interface MachineRules {
  /** Undefined: as the agent itself. */
  readonly runAs: string | undefined;
  /** Absolute, lexically clean. Empty: only the home directory. */
  readonly workDirs: readonly string[];
  /** What commands of shells are run through where that does not change what they mean. */
  readonly wrapper: string | undefined;
}

/** What an operation has that only a machine's may have. */
export interface MachineOperation {
  /** The shell that takes the command string; undefined for all other operations. */
  readonly shell: ShellName | undefined;
  readonly transfer: TransferRules | undefined;
  readonly runAs: string | undefined;
  /** Which variables of the environment a caller may set. */
  readonly env: "any" | readonly CompiledGlob[];
}

/** What of a fleet an operation reaches. */
export interface FleetRules {
  readonly target: TemplateElement;
  readonly operation: string;
  readonly params: ReadonlyMap<string, TemplateElement>;
  /** Of the machines that a caller may name. */
  readonly targets: readonly CompiledGlob[];
  readonly tags: readonly string[];
}

/** Files that come and go. */
export interface TransferRules {
  readonly direction: TransferDirection;
  /** Absolute, lexically clean. */
  readonly roots: readonly string[];
  readonly maxBytes: number;
  readonly maxFiles: number;
}

export interface Operation {
  readonly id: string;
  /** Undefined in a project of repositories. */
  readonly machine: MachineOperation | undefined;
  /** Undefined for one that runs here. */
  readonly fleet: FleetRules | undefined;
  readonly command: string;
  readonly template: readonly TemplateElement[];
  readonly params: ReadonlyMap<string, ParamRule>;
  readonly flags: ReadonlyMap<string, FlagSpec>;
  readonly description: string;
  readonly profile: ProfileName | undefined;
  readonly timeoutSeconds: number | undefined;
  readonly maxStdoutBytes: number | undefined;
  readonly maxStderrBytes: number | undefined;
  /** Which end of too much output leaves. */
  readonly keep: OutputEnd;
  readonly onDisconnect: "cancel" | "finish";
  /** Where the configuration says that it runs; undefined leaves it to the kind of program. */
  readonly runIn: RunPlace | undefined;
  /** Whether the caller may, or must, send standard input. */
  readonly stdin: StdinMode;
  /** As configured; undefined leaves it to the daemon. */
  readonly maxStdinBytes: number | undefined;
  readonly output: OutputForm;
  /** Undefined when there is nothing to leave out. */
  readonly filter: FilterRules | undefined;
  /** Run through the program rtk where the host has it. */
  readonly rtk: boolean;
  /** How secrets in its output are masked: what the project says, and what it says itself. */
  readonly redact: RedactRules;
  /** A short name for people; empty when it has none. */
  readonly title: string;
  readonly annotations: Hints;
  /** When a person is asked before it runs; undefined is never. */
  readonly approval: ApprovalRule | undefined;
  /** How often it may run, whoever asks; undefined is no limit. */
  readonly limits: LimitRule | undefined;
  /** As in the configuration, for lint, diff and describe. */
  readonly source: OperationTemplate;
}

/** When a person is asked, and what that person may allow. Without conditions: always. */
export interface ApprovalRule {
  /** One of them is enough. */
  readonly when: readonly ApprovalCondition[];
  /** So many runs within that time, whoever asked for them. */
  readonly after: { readonly runs: number; readonly perMs: number } | undefined;
  /** Undefined leaves it to the daemon. */
  readonly timeoutMs: number | undefined;
  /** Who is told; undefined is everybody. */
  readonly via: readonly string[] | undefined;
  readonly answers: readonly Allowance[];
  /** What the call would do, in the operation's own words. */
  readonly says: TemplateElement | undefined;
}

/** Holds when the flag or the parameter is there, and its value is as it says. */
export interface ApprovalCondition {
  readonly kind: "flag" | "param";
  readonly name: string;
  /** Found in the value. */
  readonly pattern: Pattern | undefined;
  /** Matches the whole of the value; then the condition does not hold. It holds without a value. */
  readonly unless: Pattern | undefined;
}

/** What standard output is. */
export type OutputForm = (typeof OUTPUT_FORMS)[number];

/** An operation's filters of standard output, with every default filled in. */
export interface FilterRules {
  readonly stripAnsi: boolean;
  readonly collapseProgress: boolean;
  /** Lines kept at the beginning and at the end; undefined keeps all. */
  readonly maxLines: { readonly head: number; readonly tail: number } | undefined;
  /** Members of JSON output that are kept, as paths; empty keeps all. */
  readonly jsonFields: readonly (readonly string[])[];
}

/** What a client may show of an operation, with every default filled in. It permits nothing and forbids nothing. */
export interface Hints {
  readonly readOnly: boolean;
  readonly destructive: boolean;
  readonly idempotent: boolean;
  readonly openWorld: boolean;
}

/** The rules for one value, of a parameter or of a flag. */
export interface ValueRule {
  /** Undefined when the configuration names a type that we do not know; a value is then refused. */
  readonly type: ParamType | undefined;
  readonly schema: Param;
  readonly pattern: Pattern | undefined;
  /** The command of a shell: also what other programs would take for the name of a file to read. */
  readonly verbatim?: true;
}

export interface ParamRule extends ValueRule {
  readonly name: string;
  /** Which way a file is copied; undefined for every type but workspace_path. */
  readonly direction: "input" | "output" | undefined;
  /** Greatest size of that file; undefined is none. */
  readonly maxBytes: number | undefined;
}

export interface FlagSpec {
  readonly flag: string;
  readonly takes: "none" | "one" | "several";
  /** As in the configuration; undefined for an entry that is only a text. */
  readonly rule: FlagRule | undefined;
  /** What is checked, also when there are no rules of its own. */
  readonly value: ValueRule & { readonly type: ParamType };
}

/** One element of an argument template. */
export type TemplateElement =
  | { readonly kind: "literal"; readonly text: string }
  /** `{name}`: the value as one argument, several, or none. */
  | { readonly kind: "whole"; readonly name: string; readonly text: string }
  /** Text with placeholders inside: always one argument. */
  | { readonly kind: "inline"; readonly parts: readonly TemplatePart[]; readonly text: string };

export type TemplatePart =
  { readonly kind: "text"; readonly text: string } | { readonly kind: "name"; readonly name: string };

/** Placeholders that every operation has: the target repository, its path, and its URL. */
export const INJECTED = ["repo", "repo_path", "expected_git_url"] as const;
export type InjectedName = (typeof INJECTED)[number];
