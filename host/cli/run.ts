import yargs, { type Argv, type Options as YargsOptions } from "yargs";
import { CodedError, errnoOf } from "../../wire/errors.ts";
import { printableLines } from "../../wire/text.ts";
import { baseDirectory } from "../util/base-directory.ts";
import type { Command, Option, Report } from "./command.ts";
import type { Context, Surroundings } from "./context.ts";
import { hashToken } from "./hash-token.ts";
import { COMMANDS, GROUPS } from "./index.ts";
import { jsonText } from "./json-text.ts";
import { serve } from "./serve.ts";
import { styleFor } from "./style.ts";
import { synopsis } from "./synopsis.ts";
import { isWord, usageError } from "./usage.ts";
import { VERSION } from "../util/version.ts";

/** The command line: the only place that parses it, prints and exits, and the only door to yargs. */

export interface Output {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

const EXIT_CODES = "Exit codes: 0 done, 1 failed, 2 the command line is not understood.";
const MISSING_COMMAND = "missing command";

const FIRST_STEPS: Command["examples"] = [
  ["config init --repo=OWNER/NAME --template=readonly", "Write a first policy"],
  ["config allow OWNER_NAME", "Approve it"],
  ["token mint --project=OWNER_NAME --out=token", "Make a session token"],
];

interface Selection {
  readonly command: Command;
  readonly values: Readonly<Record<string, unknown>>;
}

type Parsed = { readonly kind: "help"; readonly text: string } | ({ readonly kind: "command" } & Selection);

function shortOf({ short }: { readonly short?: string }): Pick<YargsOptions, "alias"> {
  return short === undefined ? {} : { alias: short };
}

function yargsOption(option: Option): YargsOptions {
  switch (option.kind) {
    case "switch":
      return { type: "boolean", describe: option.about, ...shortOf(option) };
    case "texts":
      return {
        type: "string",
        array: true,
        requiresArg: true,
        demandOption: option.required === true,
        describe: option.about,
      };
    case "text":
      return {
        type: "string",
        requiresArg: true,
        demandOption: option.required === true,
        describe: option.about,
        ...(option.default === undefined ? {} : { default: option.default }),
        ...shortOf(option),
      };
    default:
      return { type: "string", describe: option.about };
  }
}

function wordForm(name: string, option: Option): string {
  if (option.kind === "word") return ` <${name}>`;
  return option.kind === "words" ? ` [${name}..]` : ` [${name}]`;
}

/** Not left to the parser, which breaks long command lines into columns. */
function examplesText(examples: Command["examples"]): string {
  return ["Examples:", ...examples.flatMap(([line, what]) => [`  cmd2host ${line}`, `      ${what}`])].join("\n");
}

/** Declares the command at `path`, and the ones below it. */
function declare(parent: Argv, path: readonly string[], select: (selection: Selection) => void): Argv {
  const own = COMMANDS.find((command) => command.path.join(" ") === path.join(" "));
  const below = COMMANDS.filter(
    (command) => command.path.length > path.length && path.every((word, index) => command.path[index] === word),
  );
  const children = [...new Set(below.map((command) => command.path[path.length] ?? ""))];
  const options = Object.entries(own?.options ?? {});
  const words = options.filter(([, option]) => isWord(option));
  const about = own?.about ?? GROUPS.get(path.join(" ")) ?? "";
  return parent.command({
    command: (path.at(-1) ?? "") + words.map(([name, option]) => wordForm(name, option)).join(""),
    describe: about,
    builder: (inner: Argv) => {
      let built = inner.usage(
        `Usage: ${own === undefined ? `cmd2host ${path.join(" ")} COMMAND` : synopsis(own)}\n\n${about}`,
      );
      for (const [name, option] of options) {
        if (option.kind === "rest") continue;
        built = isWord(option)
          ? built.positional(name, { type: "string", describe: option.about })
          : built.option(name, { ...yargsOption(option), global: false });
      }
      for (const child of children) built = declare(built, [...path, child], select);
      built = built.epilogue(
        [
          ...(own === undefined ? [] : [examplesText(own.examples)]),
          ...(own?.more === undefined ? [] : [own.more]),
          EXIT_CODES,
        ].join("\n\n"),
      );
      return own === undefined ? built.demandCommand(1, MISSING_COMMAND) : built;
    },
    handler: (values) => {
      if (own !== undefined) select({ command: own, values });
    },
  });
}

function parser(columns: number, select: (selection: Selection) => void): Argv {
  let built: Argv = yargs()
    .scriptName("cmd2host")
    .locale("en")
    .usage(
      "Usage: cmd2host COMMAND\n\nLets an AI agent in a container run exactly the host operations that you allowed.",
    )
    .parserConfiguration({
      "parse-numbers": false,
      "parse-positional-numbers": false,
      "camel-case-expansion": false,
      "boolean-negation": false,
      "dot-notation": false,
      "greedy-arrays": false,
    })
    .version(false)
    .help("help")
    .alias("help", "h")
    .describe("help", "Show help")
    .option("version", { alias: "v", type: "boolean", global: false, describe: "Show the version" })
    .option("hash-token", { type: "boolean", global: false, describe: "Print the hash of the token on standard input" })
    .wrap(columns);
  for (const child of new Set(COMMANDS.map((command) => command.path[0] ?? "")))
    built = declare(built, [child], select);
  return built
    .epilogue(`${examplesText(FIRST_STEPS)}\n\n${EXIT_CODES}`)
    .demandCommand(1, MISSING_COMMAND)
    .strictCommands()
    .strictOptions();
}

/** Values in the kinds that the options declare; what the parser lets pass and we do not is refused here. */
function checkValues(
  { command, values }: Selection,
  argv: readonly string[],
  rest: readonly string[],
): Readonly<Record<string, unknown>> {
  const refuse = (message: string): never => {
    throw usageError(message, argv, [command]);
  };
  const given = new Map(Object.entries(values));
  const checked = Object.entries(command.options).map(([name, option]): readonly [string, unknown] => {
    const value = given.get(name);
    if (option.kind === "rest") return [name, rest];
    if (option.kind === "texts" || option.kind === "words")
      return [name, Array.isArray(value) ? value.map(String) : []];
    if (Array.isArray(value)) refuse(`--${name} is given twice`);
    const word = argv.find((token) => token.startsWith(`--${name}=`));
    if (option.kind === "switch" && word !== undefined && !/=(?:true|false)$/.test(word))
      refuse(`--${name} takes no value`);
    return [name, option.kind === "switch" ? value === true : value];
  });
  return Object.fromEntries(checked);
}

/** Some commands hand on what stands behind `--`, untouched by the parser. */
function cutRest(argv: readonly string[]): readonly [argv: readonly string[], rest: readonly string[]] {
  const cut = argv.indexOf("--");
  const takesRest = COMMANDS.some(
    ({ path, options }) =>
      path.every((word, index) => argv[index] === word) && Object.values(options).some(({ kind }) => kind === "rest"),
  );
  return cut < 0 || !takesRest ? [argv, []] : [argv.slice(0, cut), argv.slice(cut + 1)];
}

async function parse(given: readonly string[], columns: number): Promise<Parsed> {
  const [argv, rest] = cutRest(given);
  let selected: Selection | undefined;
  const parsing = parser(columns, (selection) => (selected = selection));
  const { error, text } = await new Promise<{ error: Error | undefined; text: string }>((resolve, reject) => {
    Promise.resolve(
      parsing.parseAsync([...argv], {}, (failure: Error | undefined | null, _values: unknown, output: string) => {
        resolve({ error: failure ?? undefined, text: output });
      }),
    ).catch(reject);
  });
  if (error !== undefined) throw usageError(error.message, argv, COMMANDS);
  if (selected === undefined) return { kind: "help", text: `${text}\n` };
  return { kind: "command", command: selected.command, values: checkValues(selected, argv, rest) };
}

/**
 * Text for people, with everything that could steer a terminal as an escape: a net below what the commands do themselves, since configurations,
 * tokens and paths hold text of others. Only the colours of `style.ts` pass.
 */
function safe(text: string): string {
  return text
    .split(/(\u001b\[(?:1|2|22|31|32|33|39)m)/)
    .map((part, index) => (index % 2 === 1 ? part : printableLines(part)))
    .join("");
}

function printed(report: Report, asJson: boolean): Output {
  return {
    exit: report.exit,
    stdout: asJson ? jsonText(report.json) : safe(report.human),
    stderr: safe(report.stderr ?? ""),
  };
}

function failure(error: unknown, asJson: boolean, surroundings: Surroundings): Output {
  const style = styleFor(surroundings.stderrIsTerminal, surroundings.environment);
  const coded =
    error instanceof CodedError
      ? error
      : new CodedError("internal", error instanceof Error ? (error.stack ?? error.message) : String(error), {
          hint: "This is a bug; report it with the lines above.",
        });
  const { code, message, hint } = coded;
  return {
    exit: code === "usage" ? 2 : 1,
    stdout: asJson ? jsonText({ error: { code, message, hint } }) : "",
    stderr: safe(`${style.bad("error:")} ${message}\n${hint === "" ? "" : `${style.strong("hint:")} ${hint}\n`}`),
  };
}

async function answer(argv: readonly string[], surroundings: Surroundings): Promise<Output> {
  const context: Context = {
    ...surroundings,
    base: () => baseDirectory(surroundings.environment),
    style: styleFor(surroundings.stdoutIsTerminal, surroundings.environment),
  };
  const [only, ...rest] = argv;
  if (rest.length === 0 && (only === "--version" || only === "-v"))
    return { exit: 0, stdout: `cmd2host version ${VERSION}\n`, stderr: "" };
  if (rest.length === 0 && only === "--hash-token") return printed(await hashToken(context), false);
  // The original's service files start the daemon without a word; a person at a terminal wants to know what there is.
  if (only === undefined && !surroundings.stdoutIsTerminal) return printed(await serve.run({}, context), false);
  const parsed = await parse(only === undefined ? ["--help"] : argv, surroundings.columns);
  if (parsed.kind === "help") return { exit: 0, stdout: parsed.text, stderr: "" };
  return printed(await parsed.command.run(parsed.values, context), parsed.values["json"] === true);
}

/** Runs one command line and returns what it would print; never throws. */
export async function cli(argv: readonly string[], surroundings: Surroundings): Promise<Output> {
  try {
    return await answer(argv, surroundings);
  } catch (error) {
    return failure(error, argv.includes("--json"), surroundings);
  }
}

async function write(stream: NodeJS.WriteStream, text: string): Promise<void> {
  if (text === "") return;
  await new Promise<void>((resolve, reject) => {
    stream.once("error", reject);
    stream.write(text, (error) => {
      if (error === null || error === undefined) resolve();
      else reject(error);
    });
  });
}

/** Runs the command line of this process, prints, and ends the process. */
export async function runCli(argv: readonly string[], surroundings: Surroundings): Promise<never> {
  const { exit, stdout, stderr } = await cli(argv, surroundings);
  try {
    await write(process.stdout, stdout);
    await write(process.stderr, stderr);
  } catch (error) {
    // The reader went away (`| head`): what it wanted is printed.
    if (errnoOf(error) !== "EPIPE") throw error;
  }
  process.exit(exit);
}
