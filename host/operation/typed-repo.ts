import { programName } from "../project/push.ts";
import type { Operation, Project, Repo, TemplateElement } from "../project/types.ts";

/** A repository as gh takes it: `-R NAME`, `-RNAME`, `--repo NAME`, `--repo=NAME`, where NAME is owner/name or host/owner/name. */

const OPTIONS = ["-R", "--repo"];

/** True for a text that names the repository, in any case, as hosts of repositories read it. */
export function namesRepo(text: string, { name, host }: Pick<Repo, "name" | "host">): boolean {
  const given = text.toLowerCase();
  return given === name.toLowerCase() || given === `${host}/${name}`.toLowerCase();
}

/** The options that stand for the target repository in a template, under all their names. */
export function repoOptions(template: readonly TemplateElement[]): readonly string[] {
  return template.flatMap((element, index) => {
    const before = template[index - 1];
    if (element.kind !== "whole" || element.name !== "repo" || before?.kind !== "literal") return [];
    return OPTIONS.includes(before.text) ? OPTIONS : [];
  });
}

/** The repository that a word names, alone or with the word behind it; undefined when it is another option. */
export function repoWord(
  word: string,
  next: string | undefined,
): { readonly option: string; readonly value: string | undefined; readonly words: 1 | 2 } | undefined {
  if (OPTIONS.includes(word)) return { option: word, value: next, words: 2 };
  const long = /^--repo=(.*)$/s.exec(word);
  if (long !== null) return { option: "--repo", value: long[1], words: 1 };
  const short = /^-R=?(.*)$/s.exec(word);
  return short === null ? undefined : { option: "-R", value: short[1], words: 1 };
}

/** True for operations whose template says `-R {repo}` or `--repo {repo}`. */
export function takesRepo(operation: Operation | undefined): boolean {
  return operation !== undefined && repoOptions(operation.template).length > 0;
}

/**
 * The repository of the project that a command line asks for by such an option, when the program has an operation that puts it in. Undefined when
 * it names none or several. What the option really is shows when the line is matched.
 */
export function typedRepo(project: Project, [command = "", ...words]: readonly string[]): Repo | undefined {
  const name = programName(command);
  const may = project.allowed.some((id) => {
    const operation = project.operations.get(id);
    return operation !== undefined && programName(operation.command) === name && takesRepo(operation);
  });
  if (!may) return undefined;
  const end = words.indexOf("--");
  const named = words.slice(0, end < 0 ? undefined : end).flatMap((word, index) => {
    const value = repoWord(word, words[index + 1])?.value;
    return value === undefined ? [] : project.repos.filter((repo) => namesRepo(value, repo));
  });
  const [first] = named;
  return named.every((repo) => repo === first) ? first : undefined;
}
