import { isUtf8 } from "node:buffer";
import { findNodeAtLocation, getNodeValue, parseTree, printParseErrorCode, type ParseError } from "jsonc-parser";
import { fold } from "./fold.ts";
import * as validators from "./generated/validate.js";
import { isBlank } from "./framing.ts";
import { SHAPES } from "./generated/shapes.js";
import { JsonScanner, type JsonFault } from "./json.ts";
import type * as fields from "./schema.ts";
import { printable, quoted, shortened } from "./text.ts";

type ValidatedName = fields.ValidatedName;

/** The only door to the validators: unknown bytes or JSON in, typed data or a `CodedError` out. */

export interface Types {
  daemon_config: fields.DaemonConfig;
  project_config: fields.ProjectConfig;
  token_binding: fields.TokenBinding;
  cases_file: fields.PolicyCases;
  operation_request: fields.OperationRequestFields;
  list_request: fields.ListRequestFields;
  describe_request: fields.DescribeRequestFields;
  run_status_request: fields.RunStatusRequestFields;
  read_output_request: fields.ReadOutputRequestFields;
  cancel_run_request: fields.CancelRunRequestFields;
  passed_on: fields.PassedOnFields;
  fleet_request: fields.FleetRequestFields;
  ping_request: fields.PingRequestFields;
  pong_reply: fields.PongReply;
  page_request: fields.PageRequestFields;
  page_reply: fields.PageReply;
  list_runs_request: fields.ListRunsRequestFields;
  watch_request: fields.WatchRequestFields;
  mcp_session_request: fields.McpSessionRequestFields;
  list_approvals_request: fields.ListApprovalsRequestFields;
  answer_approval_request: fields.AnswerApprovalRequestFields;
  list_grants_request: fields.ListGrantsRequestFields;
  revoke_grants_request: fields.RevokeGrantsRequestFields;
  stats_request: fields.StatsRequestFields;
  stats_reply: fields.StatsReply;
  webhook_answer: fields.WebhookAnswer;
  approvals_reply: fields.ApprovalsReply;
  grants_reply: fields.GrantsReply;
  explain_operation_request: fields.ExplainOperationRequestFields;
  explain_request: fields.ExplainRequestFields;
  explanation_reply: fields.ExplanationReply;
  operation_reply: fields.OperationReply;
  list_reply: fields.ListReply;
  describe_reply: fields.DescribeReply;
  run_reply: fields.RunReply;
  output_reply: fields.OutputReply;
  runs_reply: fields.RunsReply;
  hello: fields.Hello;
  accepted: fields.Accepted;
  notice: fields.Notice;
  outcome: fields.OutcomeFields;
  pin: fields.PinFields;
  link_hello: fields.LinkHello;
  link_welcome: fields.LinkWelcome;
  link_bye: fields.LinkBye;
  link_key: fields.LinkKey;
  link_key_pinned: fields.LinkKeyPinned;
  enrol_ask: fields.EnrolAsk;
  enrol_answer: fields.EnrolAnswer;
  enrolment: fields.EnrolmentFields;
  gateway_config: fields.GatewayConfig;
  targets_file: fields.TargetsState;
}

interface Violation {
  /** JSON pointer to the value. */
  readonly pointer: string;
  /** "expected integer, got string "5"" */
  readonly message: string;
}

export type Checked<T> =
  | { readonly ok: true; readonly value: T; readonly unknown: readonly string[] }
  | { readonly ok: false; readonly violation: Violation };

function typeName(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}

/** A value as it may stand in a message: its type, and itself where that is short and cannot be a secret of size. */
function describeValue(value: unknown): string {
  const type = typeName(value);
  if (type === "string") return `string ${quoted(shortened(String(value), 40))}`;
  return type === "number" || type === "boolean" ? `${type} ${String(value)}` : type;
}

function at(value: unknown, pointer: string): unknown {
  let node = value;
  for (const part of pointer.split("/").slice(1)) {
    const key = part.replaceAll("~1", "/").replaceAll("~0", "~");
    node =
      typeof node === "object" && node !== null && Object.hasOwn(node, key)
        ? (node as Record<string, unknown>)[key]
        : undefined;
  }
  return node;
}

interface RawError {
  readonly keyword: string;
  readonly instancePath: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly message?: string;
}

function violationOf(value: unknown, errors: readonly RawError[]): Violation {
  // With alternatives (anyOf) the summary comes last and the members first; the first member says what was expected.
  const [first] = errors;
  if (first === undefined) return { pointer: "", message: "does not match the schema" };
  const got = describeValue(at(value, first.instancePath));
  const pointer = first.instancePath;
  switch (first.keyword) {
    case "type":
      return { pointer, message: `expected ${String(first.params["type"])}, got ${got}` };
    case "enum": {
      const allowed = first.params["allowedValues"];
      return {
        pointer,
        message: `expected one of ${Array.isArray(allowed) ? allowed.join(", ") : "the listed values"}, got ${got}`,
      };
    }
    case "required":
      return { pointer: `${pointer}/${String(first.params["missingProperty"])}`, message: "is missing" };
    default:
      return { pointer, message: `${first.message ?? "does not match the schema"}, got ${got}` };
  }
}

/** Folds and validates parsed JSON. */
export function check<N extends ValidatedName>(name: N, input: unknown): Checked<Types[N]> {
  const folded = fold(input, SHAPES[name]);
  const [twice] = folded.twice;
  if (twice !== undefined)
    return { ok: false, violation: { pointer: twice, message: "stands twice, in different case" } };
  const validate = validators[name];
  if (!validate(folded.value)) return { ok: false, violation: violationOf(folded.value, validate.errors ?? []) };
  return { ok: true, value: folded.value as Types[N], unknown: folded.unknown };
}

// --- files ---

interface Position {
  readonly line: number;
  readonly column: number;
}

function positionAt(bytes: Buffer, offset: number): Position {
  const before = bytes.subarray(0, offset);
  const lines = before.toString("utf8").split("\n");
  return { line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 };
}

function positionOf(bytes: Buffer, pointer: string): Position | undefined {
  const text = bytes.toString("utf8");
  const tree = parseTree(text);
  const path = pointer
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
  // A missing or folded name is not found: fall back to the nearest ancestor that is.
  for (let length = path.length; tree !== undefined && length >= 0; length--) {
    const segments = path.slice(0, length).map((part) => (/^\d+$/.test(part) ? Number(part) : part));
    const node = findNodeAtLocation(tree, segments);
    if (node !== undefined) return positionAt(bytes, Buffer.byteLength(text.slice(0, node.offset)));
  }
  return undefined;
}

/** Where a file went wrong, for a message: `FILE:LINE:COLUMN: at /pointer: expected …`. */
function locate(file: string, position: Position | undefined, pointer: string, message: string): string {
  const place = position === undefined ? file : `${file}:${position.line}:${position.column}`;
  // Names of members come from the file, and may hold anything.
  return printable(`${place}: ${pointer === "" ? "" : `at ${pointer}: `}${message}`);
}

/** `FILE:LINE:COLUMN: at POINTER: message` for a value of a JSON file. */
export function located(file: string, bytes: Buffer, pointer: string, message: string): string {
  return locate(file, positionOf(bytes, pointer), pointer, message);
}

/** `raw` is the JSON before names were folded and nulls dropped. */
export type JsonFile<T> =
  | { readonly ok: true; readonly value: T; readonly raw: unknown; readonly unknown: readonly string[] }
  | { readonly ok: false; readonly fault: FileFault };

export interface FileFault {
  readonly kind: JsonFault["kind"] | "schema";
  readonly message: string;
}

/**
 * A JSON file that was read once: strict JSON (no duplicate members, comments, BOM or trailing bytes), then the schema.
 * @param file only named in messages
 */
export function readJsonFile<N extends ValidatedName>(name: N, bytes: Buffer, file: string): JsonFile<Types[N]> {
  const wrong = (kind: FileFault["kind"], offset: number, pointer: string, message: string) => ({
    ok: false as const,
    fault: { kind, message: locate(file, positionAt(bytes, offset), pointer, message) },
  });
  if (!isUtf8(bytes)) return wrong("syntax", 0, "", "is not UTF-8");
  if (bytes.length === 0) return wrong("syntax", 0, "", "is empty; expected a JSON object");
  const scanner = new JsonScanner();
  let result = scanner.write(bytes);
  if (result.state === "more") result = scanner.end();
  if (result.state === "wrong")
    return wrong(result.fault.kind, result.fault.offset, result.fault.pointer, result.fault.message);
  const end = result.state === "done" ? result.end : bytes.length;
  if (!isBlank(bytes.subarray(end))) return wrong("syntax", end, "", "something follows the JSON object");
  const raw: unknown = JSON.parse(bytes.subarray(0, end).toString("utf8"));
  const checked = check(name, raw);
  if (checked.ok) return { ...checked, raw };
  const { pointer, message } = checked.violation;
  return { ok: false, fault: { kind: "schema", message: located(file, bytes, pointer, message) } };
}

/** JSON as editors write it, with comments and trailing commas. Nothing is known of its shape. */
export type JsoncFile =
  { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly message: string };

/**
 * Reads a file of a workspace that is JSON with comments.
 * @param file only named in messages
 */
export function readJsonc(bytes: Buffer, file: string): JsoncFile {
  if (!isUtf8(bytes)) return { ok: false, message: printable(`${file}: is not UTF-8`) };
  const text = bytes.toString("utf8");
  const errors: ParseError[] = [];
  const tree = parseTree(text, errors, { allowTrailingComma: true });
  const [first] = errors;
  if (tree !== undefined && first === undefined) return { ok: true, value: getNodeValue(tree) as unknown };
  const position = positionAt(bytes, Buffer.byteLength(text.slice(0, first?.offset ?? 0)));
  const what = first === undefined ? "is empty" : printParseErrorCode(first.error);
  return { ok: false, message: locate(file, position, "", what) };
}
