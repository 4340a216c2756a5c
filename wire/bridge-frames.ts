import { isUtf8 } from "node:buffer";
import { CodedError } from "./errors.ts";
import { quoted, shortened } from "./text.ts";

/**
 * What the bridge sends instead of a request: text without JSON. Each field ends with a NUL byte. Read here into the request that it means, so that
 * everything behind is the same for all clients.
 */

/** Fields of an `argv` frame before the command line: token, target, options, toplevel, relative toplevel, origin URL. */
const FIELDS_BEFORE_WORDS = 6;
/** The options of an `argv` frame, a letter each. `s`: there is standard input, if it is wanted. */
const OPTIONS = /^s?$/;
/** What the command line of `cmd2host-mcp` may hold, besides what the bridge needs itself. */
const MCP_OPTIONS: ReadonlyMap<string, { readonly member: string; readonly isNumber: boolean }> = new Map([
  ["tools", { member: "tools", isNumber: false }],
  ["max-tokens", { member: "max_tokens", isNumber: true }],
  ["timeout", { member: "timeout", isNumber: true }],
]);

function invalid(message: string): CodedError {
  return new CodedError("request_invalid", `Invalid request: ${message}`);
}

function fieldsOf(payload: Buffer): readonly string[] {
  if (!isUtf8(payload)) throw invalid("the command line is not UTF-8");
  if (payload.at(-1) !== 0) throw invalid("the last field does not end with a NUL byte");
  return payload.toString("utf8", 0, payload.length - 1).split("\0");
}

/** The request that an `argv` frame means. @throws CodedError `request_invalid` */
export function readArgvFrame(payload: Buffer): object {
  const fields = fieldsOf(payload);
  const [token = "", target = "", options = "", toplevel = "", relative = "", originUrl = ""] = fields;
  const words = fields.slice(FIELDS_BEFORE_WORDS);
  if (words.length === 0) throw invalid("there is no command line");
  if (!OPTIONS.test(options)) throw invalid(`options ${quoted(shortened(options, 40))} are not known`);
  return {
    protocol: 2,
    raw_argv: words,
    token,
    target_repo: target,
    cwd_context: { toplevel, relative, origin_url: originUrl },
    stdin: options.includes("s"),
  };
}

/** `-name value`, `-name=value` and the same with two dashes, as members of a request. */
function mcpOptions(words: readonly string[]): Readonly<Record<string, unknown>> {
  const members: Record<string, unknown> = {};
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? "";
    const [, name = "", , attached] = /^--?([a-z-]+)(=(.*))?$/s.exec(word) ?? [];
    const option = MCP_OPTIONS.get(name);
    if (option === undefined) throw invalid(`cmd2host-mcp has no option ${quoted(shortened(word, 80))} here`);
    const value = attached ?? words[++at];
    if (value === undefined) throw invalid(`-${name} needs a value`);
    if (Object.hasOwn(members, option.member)) throw invalid(`-${name} stands twice`);
    members[option.member] = option.isNumber && /^\d{1,9}$/.test(value) ? Number(value) : value;
  }
  return members;
}

/** The request that an `mcp` frame means. @throws CodedError `request_invalid` */
export function readMcpFrame(payload: Buffer): object {
  const [token = "", ...words] = fieldsOf(payload);
  return { protocol: 2, mcp_session: mcpOptions(words), token, stdin: true };
}
