import { basename } from "node:path";
import { CodedError } from "../../wire/errors.ts";
import { quoted } from "../../wire/text.ts";
import type { Project } from "../project/types.ts";

/** Names of files that the container's PATH is given. */
const COMMAND = /^[A-Za-z0-9_][A-Za-z0-9_.+-]{0,63}$/;

/** The programs that a project's operations run, each once, by the names that an agent types. */
export function commandsOf({ allowed, operations }: Project): readonly string[] {
  return [...new Set(allowed.map((id) => basename(operations.get(id)?.command ?? "")))].sort();
}

/** The members of a list separated by commas, each once. */
export function commaList(text: string): readonly string[] {
  return [...new Set(text.split(",").map((one) => one.trim()))].filter((one) => one !== "");
}

/**
 * The names of a list separated by commas, each once.
 * @throws CodedError `usage` when one of them is no name
 */
export function commandNames(list: string): readonly string[] {
  const names = commaList(list);
  const wrong = names.find((name) => !COMMAND.test(name));
  if (wrong === undefined) return names;
  throw new CodedError("usage", `--commands ${quoted(wrong)} is no name of a command`, {
    hint: "Names separated by commas: gh,git",
  });
}
