import { isAbsolute, join } from "node:path";
import { CodedError } from "../../wire/errors.ts";
import { RequestFramer } from "../../wire/framing.ts";
import { MAX_REQUEST_BYTES_ANNOUNCED } from "../../wire/limits.ts";
import { parseRequest } from "../../wire/parse-request.ts";
import type { Explanation } from "../../wire/schema.ts";
import { printable } from "../../wire/text.ts";
import { readPlainFile } from "../project/plain-file.ts";
import { projectIdFor } from "./checkout.ts";
import { command, JSON_SWITCH } from "./command.ts";
import type { Context } from "./context.ts";
import { explanationText } from "./explain-words.ts";
import { Complaints, givenParams } from "./line.ts";
import { asOwner } from "./owner-client.ts";

/** What is asked, as the options give it. */
interface Given {
  readonly request: string | undefined;
  readonly operation: string | undefined;
  readonly param: readonly string[];
  readonly "param-json": readonly string[];
  readonly flag: readonly string[];
  readonly "target-repo": string | undefined;
  readonly command: readonly string[];
}

function usage(message: string): CodedError {
  return new CodedError("usage", message, { hint: "See cmd2host explain --help." });
}

async function storedBytes(from: string, context: Context): Promise<Buffer> {
  if (from === "-") return Buffer.from(await context.stdin(), "utf8");
  const path = isAbsolute(from) ? from : join(context.cwd, from);
  const bytes = readPlainFile(path, MAX_REQUEST_BYTES_ANNOUNCED);
  if (bytes !== undefined) return bytes;
  throw new CodedError("not_found", `${printable(path)}: there is no such file`, { hint: "Check the path." });
}

/** A request that was kept, under the rules of the wire. A token in it is left out: the owner needs none. */
async function stored(from: string, context: Context): Promise<object> {
  const framer = new RequestFramer();
  const begun = framer.push(await storedBytes(from, context));
  const frame = begun.state === "more" ? framer.end() : begun;
  if (frame.state === "refused") throw frame.error;
  if (frame.state !== "message" || frame.trailing) throw usage("--request is not one JSON object");
  if (typeof frame.message !== "object" || frame.message === null) throw usage("--request is no JSON object");
  return Object.fromEntries(Object.entries(frame.message).filter(([name]) => name !== "token"));
}

/** The request, as it would come over the wire. */
async function requestOf(given: Given, context: Context): Promise<object> {
  const { request, operation, param, flag, command: line } = given;
  const ways = [request !== undefined, operation !== undefined, line.length > 0].filter(Boolean).length;
  if (ways !== 1) throw usage("give one of: --request, --operation, or a command line behind --");
  if (operation === undefined && param.length + given["param-json"].length + flag.length > 0)
    throw usage("--param, --param-json and --flag go with --operation");
  const target = given["target-repo"] === undefined ? {} : { target_repo: given["target-repo"] };
  if (request !== undefined) return { ...(await stored(request, context)), ...target };
  if (operation === undefined) return { raw_argv: line, ...target };
  return {
    operation,
    params: givenParams(param, given["param-json"], new Complaints("explain")),
    flags: flag,
    ...target,
  };
}

const BY_DAEMON = "Seen by the running daemon.";

/** The running daemon's view; where none runs, that of one which would be started here and now. */
async function explained(
  project: string,
  request: object,
  context: Context,
): Promise<{ readonly explanation: Explanation; readonly seenBy: "daemon" | "this_process"; readonly words: string }> {
  const base = context.base();
  // Broken requests are said here, in the words of the command line, whoever explains them.
  const parsed = parseRequest({ explain: { project, request } });
  try {
    const explanation = await asOwner(base, async (owner) => owner.explain(project, request));
    return { explanation, seenBy: "daemon", words: BY_DAEMON };
  } catch (error) {
    if (!(error instanceof CodedError) || error.code !== "daemon_unreachable" || parsed.kind !== "explain") throw error;
    const explanation = await context.daemon.explain(base, context.environment, project, parsed.asked);
    const words = "No daemon runs: seen by this process, with its environment and PATH.";
    return { explanation, seenBy: "this_process", words };
  }
}

export const explain = command({
  path: ["explain"],
  about:
    "Say what would become of a call, step by step, and what decides at each. A dry run: nothing is run, written or counted.",
  options: {
    project: { kind: "text", about: "The project's id (default: the project of this checkout)", placeholder: "ID" },
    operation: { kind: "text", about: "Operation by name", placeholder: "NAME" },
    param: {
      kind: "texts",
      about: "Its parameter's value, as text; given again it makes a list",
      placeholder: "NAME=VALUE",
    },
    "param-json": { kind: "texts", about: "A value as JSON: numbers, lists, true and false", placeholder: "NAME=JSON" },
    flag: { kind: "texts", about: "A flag of the operation, as --flag=--limit=5", placeholder: "FLAG" },
    "target-repo": {
      kind: "text",
      about: "Repository to act on, when the project has several",
      placeholder: "OWNER/NAME",
    },
    request: {
      kind: "text",
      about: "A request that was kept, as JSON on the wire; - is standard input. A token in it is not looked at",
      placeholder: "FILE",
    },
    json: JSON_SWITCH,
    command: { kind: "rest", about: "A command line, for which the operation is found" },
  },
  examples: [
    ["explain -- gh pr view 42", "What does this command line come to, in the project of this checkout?"],
    ["explain --project OWNER_NAME --operation gh_pr_view --param-json number=42", "The same by name"],
  ],
  more: `It is seen by the running daemon, with the daemon's own environment and PATH; where none runs, by this process, and that is said. Names of environment variables are shown, never values.

Exits with 0 when it would run or a person would be asked, and with 1 when it would be denied or fail.`,
  run: async (values, context) => {
    const project = projectIdFor(context, values.project);
    const { explanation, seenBy, words } = await explained(project, await requestOf(values, context), context);
    const { verdict } = explanation;
    return {
      exit: verdict === "allow" || verdict === "ask" ? 0 : 1,
      human: explanationText(explanation, words, context.style),
      json: { seen_by: seenBy, ...explanation },
    };
  },
});
