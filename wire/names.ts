/** Closed lists of names that the schemas and the code share. Apart from the schemas, so that programs need not carry the schema builder. */

/** The parameter types that `operation/params` knows. A value of any other type is refused when it is used. */
export const PARAM_TYPES = [
  "string",
  "integer",
  "number",
  "enum",
  "array",
  "path",
  "paths",
  "workspace_path",
  "git_ref",
  "git_branch",
  "url",
  "owner_repo",
] as const;
export type ParamType = (typeof PARAM_TYPES)[number];

/** The types of a flag's value. */
export const FLAG_TYPES = [
  "string",
  "integer",
  "number",
  "enum",
  "path",
  "git_ref",
  "git_branch",
  "url",
  "owner_repo",
] as const;

/** Where a program may be told to run. */
export const RUN_PLACES = ["workspace", "empty"] as const;
export type RunPlace = (typeof RUN_PLACES)[number];

export const PROFILES = ["minimal", "user", "git", "git_remote_strict", "gh", "aws"] as const;
export type ProfileName = (typeof PROFILES)[number];

/** Shells that an operation of a machine may hand its command to. */
export const SHELLS = ["sh", "bash", "fish"] as const;
export type ShellName = (typeof SHELLS)[number];

/** Which way files go. */
export const TRANSFERS = ["push", "pull"] as const;
export type TransferDirection = (typeof TRANSFERS)[number];

export const LISTEN_MODES = ["tcp", "unix", "both"] as const;

/** How clients reach a gateway. */
export const TRANSPORTS = ["streamable-http", "stdio"] as const;
export type Transport = (typeof TRANSPORTS)[number];

/** Whether a gateway offers clients of MCP tools that run commands, or tells them to use the command line. */
export const EXECUTION_MODES = ["cli", "mcp"] as const;
export type ExecutionMode = (typeof EXECUTION_MODES)[number];

/** How a target is spoken to: our link, or the Cap'n Proto of commando's agents. */
export const TARGET_WAYS = ["link", "capnp"] as const;

export const OUTCOMES = ["completed", "denied", "failed"] as const;

/** Whether an operation reads what its caller sends. */
export const STDIN_MODES = ["none", "optional", "required"] as const;
export type StdinMode = (typeof STDIN_MODES)[number];

export const OUTPUT_FORMS = ["text", "json"] as const;

/** Which end of too much output is kept. */
export const OUTPUT_ENDS = ["head", "tail"] as const;
export type OutputEnd = (typeof OUTPUT_ENDS)[number];

export const STREAMS = ["stdout", "stderr"] as const;
export type StreamName = (typeof STREAMS)[number];

/** `failed` as an outcome is: it could not be started, or was ended by us. */
export const RUN_STATES = ["running", "completed", "failed"] as const;

/** Which tools an MCP server has: one per operation, one that runs any operation, both, or both as long as they are not too many. */
export const TOOL_MODES = ["auto", "typed", "generic", "both"] as const;
export type ToolMode = (typeof TOOL_MODES)[number];

/** What a person may allow: this run; this exact call again in this session; the operation in this session. */
export const ALLOWANCES = ["once", "call", "operation"] as const;
export type Allowance = (typeof ALLOWANCES)[number];

/** A person's word on a call that waits. */
export const ANSWERS = ["once", "call", "operation", "deny"] as const;
export type AnswerKind = (typeof ANSWERS)[number];

export const GRANT_KINDS = ["call", "operation"] as const;

/** Whether a person is asked before an operation runs. */
export const ASKS = ["always", "sometimes"] as const;
/** How much of an operation's command line the audit holds. */
export const AUDIT_ARGV = ["full", "digest", "none"] as const;
export type AuditArgv = (typeof AUDIT_ARGV)[number];

/** When the audit's records are forced to the disk. */
export const AUDIT_SYNC = ["each", "batch", "never"] as const;
export type AuditSync = (typeof AUDIT_SYNC)[number];

/** The steps that a request for an operation passes, in their order; `limits` and `approval` come behind the plan. */
export const STEPS = [
  "authenticate",
  "line",
  "project",
  "target",
  "operation",
  "values",
  "stdin",
  "paths",
  "workspace",
  "files",
  "output_scope",
  "staging",
  "arguments",
  "branches",
  "program",
  "git",
  "configuration",
  "environment",
  "repository",
  "limits",
  "approval",
] as const;
export type StepName = (typeof STEPS)[number];

/** What a dry run comes to. `ask`: it would run when a person allows it. `fail`: allowed, but it could not be started. */
export const VERDICTS = ["allow", "ask", "deny", "fail"] as const;
export type Verdict = (typeof VERDICTS)[number];
