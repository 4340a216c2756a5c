import { parseArgs } from "node:util";
import type { Address } from "../wire/client.ts";
import { CodedError, messageOf } from "../wire/errors.ts";
import { DEFAULT_PORT } from "../wire/limits.ts";
import { TOOL_MODES, type ToolMode } from "../wire/names.ts";
import { printable, quoted } from "../wire/text.ts";

const DEFAULT_HOST = "host.docker.internal";
/** The daemon's own time limit governs (an hour at most by default); this one only ends a wait that nothing else ends. */
const DEFAULT_RUN_TIMEOUT_S = 3_630;
/** The longest delay that a timer of the runtime can hold. */
const MAX_RUN_TIMEOUT_S = 2_147_483;
const MAX_PORT = 65_535;
const DEFAULT_MAX_TOKENS = 10_000;
const LEAST_MAX_TOKENS = 1_000;
const GREATEST_MAX_TOKENS = 200_000;

const DEFAULT_TOOLS: ToolMode = "auto";

export const USAGE = `Usage: cmd2host-mcp [options]

MCP server on standard input and output. It lets an agent in this container run the
operations that the owner of the host allowed, through the cmd2host daemon.

Options (one or two dashes; -name VALUE or -name=VALUE):
  -host NAME         host of the daemon (default ${DEFAULT_HOST})
  -port NUMBER       TCP port of the daemon (default ${DEFAULT_PORT})
  -socket PATH       Unix socket of the daemon; used instead of -host and -port
  -token-file PATH   file with the session token; read again before every call
  -timeout SECONDS   longest wait for the result of an operation (default ${DEFAULT_RUN_TIMEOUT_S})
  -tools KIND        typed: one tool per operation; generic: one tool that runs any operation;
                     both; auto: both, and generic where typed would be too many (default ${DEFAULT_TOOLS})
  -max-tokens NUMBER longest result of a tool, in estimated tokens (default ${DEFAULT_MAX_TOKENS})
  -version           print the version and exit
  -help, -h          print this text and exit

Environment:
  CMD2HOST_TOKEN     session token, used when -token-file is not given or its file is blank

Exit codes: 0 the client closed standard input while nothing was running, or SIGINT, SIGTERM;
1 no token, a line that is not JSON, or closed while calls were running; 2 wrong options.
`;

export interface ServeOptions {
  readonly address: Address;
  /** Undefined when none was named. */
  readonly tokenFile: string | undefined;
  /** For one run, from connect to the end of the reply, in milliseconds. */
  readonly runTimeoutMs: number;
  readonly tools: ToolMode;
  /** Of one result's text, and of its data. */
  readonly maxTokens: number;
}

export type Command =
  { readonly kind: "help" } | { readonly kind: "version" } | { readonly kind: "serve"; readonly options: ServeOptions };

const OPTIONS = {
  host: { type: "string" },
  port: { type: "string" },
  socket: { type: "string" },
  "token-file": { type: "string" },
  timeout: { type: "string" },
  tools: { type: "string" },
  "max-tokens": { type: "string" },
  version: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

/** `-name` and `-name=value` as `--name` and `--name=value`; one letter stays a short option. */
function withTwoDashes(argument: string): string {
  return /^-[A-Za-z][\w-]+(?:=|$)/.test(argument) ? `-${argument}` : argument;
}

/** The arguments before the first that is no option: what follows it is ignored, as the original does. */
function leadingOptions(args: readonly string[]): string[] {
  const { tokens } = parseArgs({ args: [...args], options: OPTIONS, strict: false, tokens: true });
  const end = tokens.find((token) => token.kind !== "option");
  return args.slice(0, end?.index ?? args.length);
}

/** The runtime's message without its advice about positional arguments, on one line. */
function shortMessage(error: unknown): string {
  const [message = ""] = messageOf(error).split(". To specify a positional argument");
  return printable(message.replaceAll("\n", " "));
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({ args: leadingOptions(args.map(withTwoDashes)), options: OPTIONS, strict: true }).values;
  } catch (error) {
    throw new CodedError("usage", shortMessage(error));
  }
}

function integer(name: string, text: string | undefined, min: number, max: number): number | undefined {
  if (text === undefined) return undefined;
  const value = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new CodedError("usage", `-${name} ${quoted(text)} is not a whole number from ${min} to ${max}`);
}

function toolMode(text: string | undefined): ToolMode {
  if (text === undefined) return DEFAULT_TOOLS;
  const mode = TOOL_MODES.find((known) => known === text);
  if (mode !== undefined) return mode;
  throw new CodedError("usage", `-tools ${quoted(text)} is none of ${TOOL_MODES.join(", ")}`);
}

function addressOf(socket: string | undefined, host: string | undefined, port: number | undefined): Address {
  if (socket !== undefined && socket !== "") return { kind: "unix", path: socket };
  return {
    kind: "tcp",
    host: host === undefined || host === "" ? DEFAULT_HOST : host,
    port: port === undefined || port === 0 ? DEFAULT_PORT : port,
  };
}

/**
 * Reads the command line (without program and script). An empty host or a port of 0 means the default, a socket that is
 * not empty beats both. Throws `usage` that says which option is wrong.
 */
export function parseOptions(args: readonly string[]): Command {
  const values = parsed(args);
  if (values.help === true) return { kind: "help" };
  if (values.version === true) return { kind: "version" };
  const port = integer("port", values.port, 0, MAX_PORT);
  const timeout = integer("timeout", values.timeout, 1, MAX_RUN_TIMEOUT_S) ?? DEFAULT_RUN_TIMEOUT_S;
  const maxTokens = integer("max-tokens", values["max-tokens"], LEAST_MAX_TOKENS, GREATEST_MAX_TOKENS);
  const tokenFile = values["token-file"];
  return {
    kind: "serve",
    options: {
      address: addressOf(values.socket, values.host, port),
      tokenFile: tokenFile === undefined || tokenFile === "" ? undefined : tokenFile,
      runTimeoutMs: timeout * 1_000,
      tools: toolMode(values.tools),
      maxTokens: maxTokens ?? DEFAULT_MAX_TOKENS,
    },
  };
}
