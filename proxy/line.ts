import { basename } from "node:path";
import { parseArgs } from "node:util";
import { CodedError, messageOf } from "../wire/errors.ts";
import { quoted } from "../wire/text.ts";
import type { Whereabouts } from "../wire/whereabouts.ts";

/** What a command line of the stand-in means. */

export const USAGE = `Usage: cmd2host-proxy [options] [--] COMMAND [ARGUMENT...]

Runs a command on the host, if the owner allowed it there. A link to this program with the name
of a command (gh, aws, …) does the same for that command, with its settings from the environment.

Options (one or two dashes; -name VALUE or -name=VALUE):
  -host NAME         host of the daemon (default host.docker.internal)
  -port NUMBER       TCP port of the daemon (default 9876)
  -socket PATH       Unix socket of the daemon; used instead of -host and -port
  -token-file PATH   file with the session token (default /run/cmd2host-token)
  -target-repo NAME  repository to act on, when the project has several
  -version           print the version and exit
  -help, -h          print this text and exit

Environment:
  HOST_CMD_PROXY_SOCKET, HOST_CMD_PROXY_HOST, HOST_CMD_PROXY_PORT, HOST_CMD_PROXY_TOKEN_FILE,
  HOST_CMD_PROXY_TARGET_REPO: the same as the options
  CMD2HOST_TOKEN: the session token, when there is no file

Exit codes: the command's own; 220 denied, 230 refused whatever is allowed, 200 no daemon or no
answer, 201 no token, 141 nobody reads standard output, 129, 130, 143 ended by a signal.
`;

export type StandInLine =
  | { readonly kind: "help" }
  | { readonly kind: "version" }
  | {
      readonly kind: "command";
      readonly words: readonly string[];
      readonly where: Whereabouts;
      readonly targetRepo: string | undefined;
    };

const OPTIONS = {
  host: { type: "string" },
  port: { type: "string" },
  socket: { type: "string" },
  "token-file": { type: "string" },
  "target-repo": { type: "string" },
  version: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

const NOTHING: Whereabouts = { socket: undefined, host: undefined, port: undefined, tokenFile: undefined };
const TAKES_VALUE: readonly string[] = ["host", "port", "socket", "token-file", "target-repo"];

/** How many words at the beginning are options of ours. */
function ownWords(args: readonly string[]): number {
  let at = 0;
  while (at < args.length) {
    const word = args[at] ?? "";
    if (word === "--" || !word.startsWith("-") || word === "-") return at;
    const [, name = "", equals] = /^--?([\w-]+)(=)?/.exec(word) ?? [];
    at += TAKES_VALUE.includes(name) && equals === undefined ? 2 : 1;
  }
  return args.length;
}

function values(args: readonly string[]) {
  const doubled = args.map((word) => (/^-[A-Za-z][\w-]+(?:=|$)/.test(word) ? `-${word}` : word));
  try {
    return parseArgs({ args: doubled, options: OPTIONS, strict: true }).values;
  } catch (error) {
    throw new CodedError("usage", messageOf(error).split(". To specify")[0]?.replaceAll("\n", " ") ?? "");
  }
}

function portOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535) return Number(text);
  throw new CodedError("usage", `-port ${quoted(text)} is not a whole number from 1 to 65535`);
}

/** @throws CodedError `usage` */
function direct(args: readonly string[]): StandInLine {
  const end = ownWords(args);
  const given = values(args.slice(0, end));
  if (given.help === true) return { kind: "help" };
  if (given.version === true) return { kind: "version" };
  const words = args.slice(args[end] === "--" ? end + 1 : end);
  if (words.length === 0 || words[0] === "")
    throw new CodedError("usage", "missing host command", { hint: "Write it behind the options." });
  const where = { socket: given.socket, host: given.host, port: portOf(given.port), tokenFile: given["token-file"] };
  return { kind: "command", words, where, targetRepo: given["target-repo"] };
}

/**
 * @param called the path that the program was called by
 * @throws CodedError `usage`
 */
export function parseLine(called: string, args: readonly string[]): StandInLine {
  const name = basename(called);
  if (name.startsWith("cmd2host-proxy")) return direct(args);
  return { kind: "command", words: [name, ...args], where: NOTHING, targetRepo: undefined };
}
