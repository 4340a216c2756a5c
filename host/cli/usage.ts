import { CodedError } from "../../wire/errors.ts";
import { quoted } from "../../wire/text.ts";
import { nearest } from "../project/nearest.ts";
import type { Command, Option } from "./command.ts";

/** What the parser says, put in our own words, with a suggestion. */

function startsWith(path: readonly string[], words: readonly string[]): boolean {
  return words.every((word, index) => path[index] === word);
}

/** The words of `argv` that lead towards a command. */
function wordsOf(argv: readonly string[], commands: readonly Command[]): readonly string[] {
  const words: string[] = [];
  for (const token of argv) {
    if (token.startsWith("-")) continue;
    if (!commands.some((command) => startsWith(command.path, [...words, token]))) break;
    words.push(token);
  }
  return words;
}

const WORDS = new Set<Option["kind"]>(["word", "optional_word", "words"]);

/** True for an option that stands without a dash, before `--`. */
export function isWord(option: Option): boolean {
  return WORDS.has(option.kind);
}

function suggestion(given: string, candidates: readonly string[]): string {
  const meant = nearest(given, candidates);
  return meant === undefined ? "" : `Did you mean ${meant}? `;
}

function list(text: string): readonly string[] {
  return text.split(", ").filter((item) => item !== "");
}

/** How `name` was spelled in `argv`: with one dash or two. */
function spelled(name: string, argv: readonly string[]): string {
  const token = argv.find((one) => one.startsWith("-") && one.replace(/^-+/, "").split("=", 1)[0] === name);
  return token?.split("=", 1)[0] ?? (name.length === 1 ? `-${name}` : `--${name}`);
}

interface Situation {
  readonly argv: readonly string[];
  /** The command that was named, if it was. */
  readonly command: Command | undefined;
  /** Words that could stand where the first unknown one does. */
  readonly next: readonly string[];
}

function explain(
  message: string,
  { argv, command, next }: Situation,
): { readonly message: string; readonly suggestion: string } {
  const [, kind, rest = ""] =
    /^(Unknown commands?|Unknown arguments?|Missing required arguments?|Not enough arguments following): (.*)$/s.exec(
      message,
    ) ?? [];
  const [first = ""] = list(rest);
  const flags = Object.entries(command?.options ?? {}).flatMap(([name, option]) =>
    isWord(option) ? [] : [`--${name}`],
  );
  switch (kind) {
    case "Unknown command":
    case "Unknown commands":
      if (next.length === 0) return { message: `unexpected argument ${quoted(first)}`, suggestion: "" };
      return { message: `unknown command ${quoted(first)}`, suggestion: suggestion(first, next) };
    case "Unknown argument":
    case "Unknown arguments": {
      const given = spelled(first, argv);
      return { message: `unknown option ${quoted(given)}`, suggestion: suggestion(given, [...flags, "--help"]) };
    }
    case "Missing required argument":
    case "Missing required arguments":
      return {
        message: `missing ${list(rest)
          .map((name) => `--${name}`)
          .join(", ")}`,
        suggestion: "",
      };
    case "Not enough arguments following":
      return { message: `--${first} needs a value`, suggestion: "" };
    default:
  }
  if (message.startsWith("Not enough non-option arguments")) {
    const word = Object.entries(command?.options ?? {}).find(([, option]) => option.kind === "word")?.[0];
    return { message: `missing ${(word ?? "argument").toUpperCase()}`, suggestion: "" };
  }
  return { message, suggestion: "" };
}

/** A `usage` error for what the parser said about `argv`. */
export function usageError(said: string, argv: readonly string[], commands: readonly Command[]): CodedError {
  const words = wordsOf(argv, commands);
  const next = [
    ...new Set(
      commands
        .filter((command) => startsWith(command.path, words))
        .flatMap((command) => command.path.slice(words.length, words.length + 1)),
    ),
  ];
  const command = commands.find((one) => one.path.length === words.length && startsWith(one.path, words));
  const { message, suggestion: meant } = explain(said, { argv, command, next });
  return new CodedError("usage", message, { hint: `${meant}See ${["cmd2host", ...words].join(" ")} --help.` });
}
