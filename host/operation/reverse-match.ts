import { CodedError } from "../../wire/errors.ts";
import { quoted, shortened } from "../../wire/text.ts";
import { interactiveOption } from "../project/interactive.ts";
import { programName } from "../project/push.ts";
import { listed } from "../project/listed.ts";
import { DEFAULT_HOST } from "../project/compile.ts";
import type { Project } from "../project/types.ts";
import type { Asked } from "./call.ts";
import { matchAnyOrder } from "./match-any-order.ts";
import { matchInOrder, typedInOrder } from "./match-in-order.ts";
import { noMatch, type NearMiss } from "./near-miss.ts";
import { typedForm } from "./typed-form.ts";
import { interactiveRefusal } from "./typed-refusals.ts";
import type { Injected, TypedPlace } from "./typed-word.ts";

/** The only one; undefined when there is none. @throws CodedError `argv_ambiguous` */
function theOnly(matches: readonly Asked[]): Asked | undefined {
  const [only, another] = matches;
  if (only === undefined || another === undefined) return only;
  const which = shortened(matches.map((match) => match.operation).join(", "), 1_000);
  throw new CodedError(
    "argv_ambiguous",
    `cmd2host: argv resolves to multiple allowed operations: ${which}; make it unambiguous`,
  );
}

/** The programs that can be called here. */
function commandsHint({ allowed, operations }: Project): string {
  const names = new Set(allowed.map((id) => programName(operations.get(id)?.command ?? "")));
  return names.size === 0 ? "This project allows no operations." : `Commands that work here: ${listed([...names])}.`;
}

/**
 * Finds the one allowed operation that a typed command line means: first of those whose template it follows word by word, then of those that it
 * fits with its options in any order. What the types accept decides, an enum's list included; patterns, lengths and ranges are applied to the winner.
 * @param missed is told of the program's operations when the line is none of them
 * @throws CodedError `argv_no_match`, `argv_ambiguous`, `template_defect`, `interactive_command`; the message begins `cmd2host:`
 */
export function reverseMatch(
  project: Project,
  injected: Injected,
  argv: readonly string[],
  missed?: (misses: readonly NearMiss[], place: TypedPlace) => void,
): Asked {
  const [command = "", ...words] = argv;
  const name = programName(command);
  const host = project.repos.find((repo) => repo.name === injected.repo)?.host ?? DEFAULT_HOST;
  const place: TypedPlace = { injected, host, repos: project.repos.map((repo) => repo.name) };
  const candidates = project.allowed
    .flatMap((id) => project.operations.get(id) ?? [])
    .filter((operation) => programName(operation.command) === name)
    .map((operation) => ({ operation, inOrder: typedInOrder(operation.template), form: typedForm(operation) }));
  if (candidates.length === 0)
    throw new CodedError(
      "argv_no_match",
      `cmd2host: no allowed operation matches command ${quoted(shortened(command, 120))}`,
      { hint: commandsHint(project) },
    );
  const inOrder = candidates.flatMap(
    ({ operation, inOrder: form }) => matchInOrder(operation, form, words, place) ?? [],
  );
  const exact = theOnly(inOrder.flatMap(({ asked, doubtful }) => (doubtful ? [] : [asked])));
  if (exact !== undefined) return exact;
  const attempts = candidates.map(({ operation, form }) => matchAnyOrder(operation, form, words, place));
  const free = theOnly(attempts.flatMap((attempt) => (attempt.kind === "found" ? [attempt.asked] : [])));
  // What is doubtful is denied later, for its value: that says more than that nothing matches.
  const found = free ?? theOnly(inOrder.map(({ asked }) => asked));
  if (found !== undefined) return found;
  const why = interactiveOption(name, words);
  if (why !== undefined) throw interactiveRefusal(why);
  const misses = candidates.flatMap(({ operation, form, inOrder: { dropped } }, index) => {
    const attempt = attempts[index];
    if (attempt?.kind !== "missed") return [];
    const { understood } = attempt;
    const automatic = dropped.filter((option) => words.includes(option));
    return [{ operation, understood, isNear: understood >= form.head.length, why: attempt.why, automatic }];
  });
  missed?.(misses, place);
  throw noMatch(name, argv, misses, place);
}
