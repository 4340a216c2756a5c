import type { ArgvRequest, MachinePlace, RunRequest } from "../../wire/daemon-calls.ts";
import { quoted, shortened } from "../../wire/text.ts";
import type { GivenPlace } from "../fleet/gateway-place.ts";
import type { Options } from "./command.ts";
import { givenParams, Line } from "./line.ts";

/** The command line of `exec`. Read without the parser of most commands, as that of `call`. */

/** On every command that asks a gateway. */
export const GATEWAY_OPTIONS = {
  gateway: { kind: "text", about: "Address of the gateway", placeholder: "URL" },
  "key-file": { kind: "text", about: "File with the key for it", placeholder: "FILE" },
} as const satisfies Options;

export const EXEC_OPTIONS = {
  target: { kind: "optional_word", about: "The machine; left out where options choose several" },
  command: { kind: "optional_word", about: "A command for its shell, as one word, byte for byte" },
  words: { kind: "words", about: "Behind --: a command line for which the machine's policy finds the operation" },
  operation: { kind: "text", about: "Run this operation of the machine's policy", placeholder: "NAME" },
  param: {
    kind: "texts",
    about: "With --operation: a parameter's value, as text; given again it makes a list",
    placeholder: "NAME=VALUE",
  },
  "param-json": { kind: "texts", about: "With --operation: a value as JSON", placeholder: "NAME=JSON" },
  flag: { kind: "texts", about: "With --operation: a flag of it", placeholder: "FLAG" },
  env: { kind: "texts", about: "Set a variable for the command", placeholder: "NAME=VALUE" },
  workdir: { kind: "text", about: "Run it in this directory of the machine", placeholder: "DIR" },
  timeout: { kind: "text", about: "End it after so many seconds (0: 60)", placeholder: "SECONDS" },
  "no-stdin": { kind: "switch", short: "n", about: "Send no standard input" },
  background: { kind: "switch", about: "Start it, print the id of the run, and leave" },
  profile: { kind: "switch", about: "At the end, print on standard error where the time went" },
  json: {
    kind: "switch",
    about: "At the end, print the outcome as JSON on standard error; with --background the run, on standard output",
  },
  tag: { kind: "texts", about: "Run it on the machines with this tag, or with one of several", placeholder: "TAG" },
  all: { kind: "switch", about: "Run it on all machines" },
  node: { kind: "text", about: "Run it on the machines of this node", placeholder: "NAME" },
  match: { kind: "texts", about: "Run it on the machines whose name fits", placeholder: "GLOB" },
  targets: { kind: "text", about: "Run it on these machines", placeholder: "A,B,C" },
  concurrency: { kind: "text", about: "So many at the same time (default: 16)", placeholder: "N" },
  "fail-fast": { kind: "switch", about: "Cancel the others as soon as one does not end with 0" },
  format: { kind: "text", about: "grouped, table or jsonl (default: grouped)", placeholder: "FORMAT" },
  "dry-run": { kind: "switch", about: "Print the machines that would be chosen, and run nothing" },
  ...GATEWAY_OPTIONS,
} as const satisfies Options;

export const FORMATS = ["grouped", "table", "jsonl"] as const;
export type Format = (typeof FORMATS)[number];

/** Which targets a command line chooses. */
export interface TargetChoice {
  readonly names: readonly string[];
  readonly globs: readonly string[];
  readonly tags: readonly string[];
  readonly node: string | undefined;
  readonly all: boolean;
}

/** One command on several targets. */
export interface Several {
  readonly choice: TargetChoice;
  readonly concurrency: number;
  readonly failFast: boolean;
  readonly format: Format;
  readonly dryRun: boolean;
}

export interface ExecLine {
  readonly request: RunRequest | ArgvRequest;
  readonly gateway: GivenPlace;
  /** The name of one target, or what chooses several. */
  readonly to: string | Several;
  readonly noStdin: boolean;
  readonly json: boolean;
  readonly profile: boolean;
  readonly background: boolean;
}

/** What 0 seconds are in the original. */
const ZERO_SECONDS = 60;
const MAX_SECONDS = 2_147_483;
const MAX_CONCURRENCY = 256;
const USUAL_CONCURRENCY = 16;

const CHOOSING = ["tag", "all", "node", "match", "targets"] as const;
const OF_SEVERAL = ["concurrency", "fail-fast", "format", "dry-run"] as const;
const OF_ONE = ["profile", "background", "json", "no-stdin"] as const;
const OF_OPERATIONS = ["param", "param-json", "flag"] as const;

/** True for a word that cannot be the name of a program: it was meant for a shell. */
function isForShell(word: string): boolean {
  return word.startsWith("-") || /[\s;&|<>()$`"'\\*?[\]#~!{}]/.test(word);
}

function shellRequest(command: string): RunRequest {
  return { operation: "shell", params: { command } };
}

/** @param command the word that stands for it in front of `--` */
function commandOf(line: Line, command: string | undefined): RunRequest | ArgvRequest {
  const { behind } = line;
  const operation = line.one("operation");
  if (operation !== undefined) {
    if (command !== undefined)
      throw line.wrong(`unexpected argument ${quoted(shortened(command, 80))}`, "--operation says what is run. ");
    return {
      operation,
      params: givenParams(line.many("param"), line.many("param-json"), line),
      flags: [...line.many("flag"), ...(behind ?? [])],
    };
  }
  const lonely = OF_OPERATIONS.find((option) => line.has(option));
  if (lonely !== undefined) throw line.wrong(`--${lonely} goes with --operation`);
  if (command !== undefined) {
    if (behind !== undefined && behind.length > 0)
      throw line.wrong(
        "there is a command in front of -- and another one behind it",
        "A command for the shell is one word; put it in quotes. ",
      );
    return shellRequest(command);
  }
  const [only = "", second] = behind ?? [];
  if (behind === undefined || behind.length === 0) throw line.wrong("missing COMMAND");
  return second === undefined && isForShell(only) ? shellRequest(only) : { argv: behind };
}

function placeOf(line: Line): MachinePlace | undefined {
  const given = line.many("env").map((text) => line.named("env", text, "NAME=VALUE"));
  const workDir = line.one("workdir");
  if (given.length === 0 && workDir === undefined) return undefined;
  return { workDir, env: given.length === 0 ? undefined : Object.fromEntries(given) };
}

function formatOf(line: Line): Format {
  const text = line.one("format") ?? "grouped";
  const found = FORMATS.find((format) => format === text);
  if (found !== undefined) return found;
  throw line.wrong(`--format ${quoted(shortened(text, 40))} is none of ${FORMATS.join(", ")}`);
}

function severalOf(line: Line): Several {
  const foreign = OF_ONE.find((option) => line.has(option));
  if (foreign !== undefined)
    throw line.wrong(
      `--${foreign} goes with one target only`,
      foreign === "json" ? "Write --format=jsonl. " : "Name one target in front of the command. ",
    );
  const list = line.one("targets");
  const names = (list ?? "").split(",").filter((name) => name !== "");
  if (list !== undefined && names.length === 0) throw line.wrong("--targets names none");
  return {
    choice: {
      names,
      globs: line.many("match"),
      tags: line.many("tag"),
      node: line.one("node"),
      all: line.has("all"),
    },
    concurrency: line.whole("concurrency", line.one("concurrency"), 1, MAX_CONCURRENCY) ?? USUAL_CONCURRENCY,
    failFast: line.has("fail-fast"),
    format: formatOf(line),
    dryRun: line.has("dry-run"),
  };
}

/**
 * What the arguments behind `exec` ask for; "help" when they ask for that.
 * @throws CodedError `usage`
 */
export function parseExecLine(argv: readonly string[]): ExecLine | "help" {
  const line = new Line("exec", EXEC_OPTIONS, argv);
  if (line.has("help")) return "help";
  const isChosen = CHOOSING.some((option) => line.has(option));
  const [first, ...others] = line.words;
  const [command, extra] = isChosen ? line.words : others;
  if (!isChosen) {
    if (first === undefined)
      throw line.wrong(
        "missing TARGET",
        "Name one, or choose several with --tag, --node, --match, --targets or --all. ",
      );
    const foreign = OF_SEVERAL.find((option) => line.has(option));
    if (foreign !== undefined)
      throw line.wrong(
        `--${foreign} goes with a choice of targets`,
        "Choose them with --tag, --node, --match, --targets or --all. ",
      );
  }
  if (extra !== undefined)
    throw line.wrong(
      `unexpected argument ${quoted(shortened(extra, 80))}`,
      isChosen
        ? "Options choose the targets, and the command is one word; put it in quotes. "
        : "A command for the shell is one word; put it in quotes, or write a command line behind --. ",
    );
  const isDry = line.has("dry-run");
  const isEmpty = command === undefined && line.behind === undefined && !line.has("operation");
  const request = isDry && isEmpty ? shellRequest("") : commandOf(line, command);
  const seconds = line.whole("timeout", line.one("timeout"), 0, MAX_SECONDS);
  return {
    request: { ...request, timeoutSeconds: seconds === 0 ? ZERO_SECONDS : seconds, place: placeOf(line) },
    gateway: { gateway: line.one("gateway"), keyFile: line.one("key-file") },
    to: isChosen ? severalOf(line) : (first ?? ""),
    noStdin: line.has("no-stdin"),
    json: line.has("json"),
    profile: line.has("profile"),
    background: line.has("background"),
  };
}
