import { parseArgs } from "node:util";
import type { ArgvRequest, RunRequest } from "../../wire/daemon-calls.ts";
import { CodedError, messageOf } from "../../wire/errors.ts";
import { quoted, shortened } from "../../wire/text.ts";
import type { Whereabouts } from "../../wire/whereabouts.ts";
import { nearest } from "../project/nearest.ts";
import type { Option, Options } from "./command.ts";

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

function wrong(message: string, advice = ""): CodedError {
  return new CodedError("usage", message, { hint: `${advice}See cmd2host call --help.` });
}

interface Form {
  readonly kind: "text" | "texts" | "switch";
  readonly short?: string;
}

const FORMS = new Map<string, Form>([
  ...Object.entries<Option>(CALL_OPTIONS).flatMap(([name, option]) =>
    option.kind === "text" || option.kind === "texts" || option.kind === "switch" ? [[name, option] as const] : [],
  ),
  ["help", { kind: "switch", short: "h" }],
]);

/** What was given of each option, and the words in front of `--` and behind it. */
interface Tokens {
  readonly values: ReadonlyMap<string, readonly string[]>;
  readonly words: readonly string[];
  readonly behind: readonly string[] | undefined;
}

function tokensOf(argv: readonly string[]): Tokens {
  const options = Object.fromEntries(
    [...FORMS].map(([name, { kind, short }]) => [
      name,
      { type: kind === "switch" ? "boolean" : "string", ...(short === undefined ? {} : { short }) } as const,
    ]),
  );
  const { tokens } = parseArgs({ args: [...argv], options, strict: false, allowPositionals: true, tokens: true });
  const values = new Map<string, string[]>();
  const words: string[] = [];
  let behind: string[] | undefined;
  for (const token of tokens) {
    if (token.kind === "option-terminator") behind = [];
    else if (token.kind === "positional") (behind ?? words).push(token.value);
    else {
      const kind = FORMS.get(token.name)?.kind;
      if (kind === undefined) throw unknownOption(token.rawName);
      if (kind === "switch" && token.value !== undefined) throw wrong(`--${token.name} takes no value`);
      if (kind !== "switch" && token.value === undefined) throw wrong(`--${token.name} needs a value`);
      const given = values.get(token.name) ?? [];
      if (kind === "text" && given.length > 0) throw wrong(`--${token.name} is given twice`);
      values.set(token.name, [...given, token.value ?? ""]);
    }
  }
  return { values, words, behind };
}

function unknownOption(given: string): CodedError {
  const meant = nearest(
    given,
    [...FORMS.keys()].map((name) => `--${name}`),
  );
  return wrong(`unknown option ${quoted(given)}`, meant === undefined ? "" : `Did you mean ${meant}? `);
}

/** `NAME=VALUE`, cut at the first equals sign. */
function named(option: string, text: string, form: string): readonly [string, string] {
  const at = text.indexOf("=");
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw wrong(`--${option} ${quoted(shortened(text, 80))} is not ${form}`);
}

function json(name: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw wrong(
      `--param-json: the value of ${quoted(name)} is not JSON: ${messageOf(error)}`,
      "Put texts in double quotes, or use --param. ",
    );
  }
}

/**
 * The parameters that `--param NAME=VALUE` and `--param-json NAME=JSON` give.
 * @throws CodedError `usage`
 */
export function givenParams(texts: readonly string[], jsons: readonly string[]): Readonly<Record<string, unknown>> {
  const params = new Map<string, unknown>();
  for (const given of texts) {
    const [name, value] = named("param", given, "NAME=VALUE");
    const before = params.get(name);
    if (before === undefined) params.set(name, value);
    else params.set(name, Array.isArray(before) ? [...(before as readonly unknown[]), value] : [before, value]);
  }
  for (const given of jsons) {
    const [name, value] = named("param-json", given, "NAME=JSON");
    if (params.has(name)) throw wrong(`parameter ${quoted(name)} is given twice`, "Write a list as one --param-json. ");
    params.set(name, json(name, value));
  }
  return Object.fromEntries(params);
}

/** A whole number from `min` to `max`. */
function whole(option: string, text: string | undefined, min: number, max: number): number | undefined {
  if (text === undefined) return undefined;
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw wrong(`--${option} ${quoted(shortened(text, 40))} is not a whole number from ${min} to ${max}`);
}

function requestOf({ values, words, behind }: Tokens, repo: string | undefined): RunRequest | ArgvRequest {
  const [operation, extra] = words;
  const common = {
    targetRepo: values.get("repo")?.[0] ?? repo,
    timeoutSeconds: whole("timeout", values.get("timeout")?.[0], 1, 2_147_483),
  };
  if (values.has("argv")) {
    if (operation !== undefined)
      throw wrong(`unexpected argument ${quoted(operation)}`, "Write the command line behind --. ");
    if (values.has("param") || values.has("param-json")) throw wrong("--argv takes no parameters");
    if (behind === undefined || behind.length === 0) throw wrong("missing command line", "Write it behind --. ");
    return { argv: behind, ...common };
  }
  if (operation === undefined) throw wrong("missing OPERATION");
  if (extra !== undefined)
    throw wrong(`unexpected argument ${quoted(extra)}`, "Write the operation's flags behind --. ");
  return {
    operation,
    params: givenParams(values.get("param") ?? [], values.get("param-json") ?? []),
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
  const tokens = tokensOf(argv);
  const { values } = tokens;
  if (values.has("help")) return "help";
  return {
    request: requestOf(tokens, repo),
    where: {
      host: values.get("host")?.[0],
      port: whole("port", values.get("port")?.[0], 1, 65_535),
      socket: values.get("socket")?.[0],
      tokenFile: values.get("token-file")?.[0],
    },
    noStdin: values.has("no-stdin"),
    json: values.has("json"),
  };
}
