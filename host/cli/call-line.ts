import type { ArgvRequest, RunRequest } from "../../wire/daemon-calls.ts";
import { quoted } from "../../wire/text.ts";
import type { Whereabouts } from "../../wire/whereabouts.ts";
import type { Options } from "./command.ts";
import { givenParams, Line } from "./line.ts";

/** The command line of `call`. Read without the parser of the other commands, whose loading takes longer than many a call. */

export const CALL_OPTIONS = {
  operation: { kind: "optional_word", about: "Operation to run" },
  flags: { kind: "words", about: "Behind --: flags of the operation, or with --argv the command line" },
  param: {
    kind: "texts",
    about: "A parameter's value, as text; given again it makes a list",
    placeholder: "NAME=VALUE",
  },
  "param-json": { kind: "texts", about: "A value as JSON: numbers, lists, true and false", placeholder: "NAME=JSON" },
  argv: { kind: "switch", about: "Let the daemon find the operation that makes the command line behind --" },
  repo: { kind: "text", about: "Repository to act on, when the project has several", placeholder: "OWNER/NAME" },
  timeout: { kind: "text", about: "A shorter time limit than the operation's own", placeholder: "SECONDS" },
  "no-stdin": { kind: "switch", short: "n", about: "Send no standard input" },
  json: { kind: "switch", about: "At the end, print the outcome as JSON on standard error" },
  host: { kind: "text", about: "The daemon's host", placeholder: "NAME" },
  port: { kind: "text", about: "The daemon's TCP port", placeholder: "NUMBER" },
  socket: { kind: "text", about: "The daemon's Unix socket, used instead of host and port", placeholder: "PATH" },
  "token-file": { kind: "text", about: "File with the session token", placeholder: "FILE" },
} as const satisfies Options;

export interface CallLine {
  readonly request: RunRequest | ArgvRequest;
  readonly where: Whereabouts;
  readonly noStdin: boolean;
  readonly json: boolean;
}

function requestOf(line: Line, repo: string | undefined): RunRequest | ArgvRequest {
  const { words, behind } = line;
  const [operation, extra] = words;
  const common = {
    targetRepo: line.one("repo") ?? repo,
    timeoutSeconds: line.whole("timeout", line.one("timeout"), 1, 2_147_483),
  };
  if (line.has("argv")) {
    if (operation !== undefined)
      throw line.wrong(`unexpected argument ${quoted(operation)}`, "Write the command line behind --. ");
    if (line.has("param") || line.has("param-json")) throw line.wrong("--argv takes no parameters");
    if (behind === undefined || behind.length === 0) throw line.wrong("missing command line", "Write it behind --. ");
    return { argv: behind, ...common };
  }
  if (operation === undefined) throw line.wrong("missing OPERATION");
  if (extra !== undefined)
    throw line.wrong(`unexpected argument ${quoted(extra)}`, "Write the operation's flags behind --. ");
  return {
    operation,
    params: givenParams(line.many("param"), line.many("param-json"), line),
    flags: behind,
    ...common,
  };
}

/**
 * What the arguments behind `call` ask for; "help" when they ask for that.
 * @param repo the repository, when no option says which
 * @throws CodedError `usage`
 */
export function parseCallLine(argv: readonly string[], repo: string | undefined): CallLine | "help" {
  const line = new Line("call", CALL_OPTIONS, argv);
  if (line.has("help")) return "help";
  return {
    request: requestOf(line, repo),
    where: {
      host: line.one("host"),
      port: line.whole("port", line.one("port"), 1, 65_535),
      socket: line.one("socket"),
      tokenFile: line.one("token-file"),
    },
    noStdin: line.has("no-stdin"),
    json: line.has("json"),
  };
}
