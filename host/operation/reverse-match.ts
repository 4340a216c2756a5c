import { CodedError } from "../../wire/errors.ts";
import { quoted, shortened } from "../../wire/text.ts";
import { interactiveOption } from "../project/interactive.ts";
import { programName } from "../project/push.ts";
import { listed } from "../project/listed.ts";
import { DEFAULT_HOST } from "../project/compile.ts";
import type { Operation, Project } from "../project/types.ts";
import type { Asked } from "./call.ts";
import { Effort, EffortSpent } from "./effort.ts";
import { matchAnyOrder } from "./match-any-order.ts";
import { matchInOrder, typedInOrder, type InOrder } from "./match-in-order.ts";
import { noMatch, type NearMiss } from "./near-miss.ts";
import { typedForm, type TypedForm } from "./typed-form.ts";
import { interactiveRefusal } from "./typed-refusals.ts";
import type { Injected, TypedPlace } from "./typed-word.ts";

/** An operation of the program that was typed, in the two ways in which it may be typed. */
interface Candidate {
  readonly operation: Operation;
  readonly inOrder: InOrder;
  readonly form: TypedForm;
}

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

/** What is said of a line that would take too long to read. */
function tooMuch(candidates: number, words: number): CodedError {
  return new CodedError(
    "argv_no_match",
    `cmd2host: the line is too long to be held against ${candidates} operations (words: ${words})`,
    { hint: "Call the operation by its name, which takes no search; or write less in one line." },
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
 * What a search may take is bounded, see effort.ts.
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
  const repos = project.repos.map((repo) => repo.name);
  const place: TypedPlace = { injected, host, repos, effort: new Effort() };
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
  try {
    return search(name, argv, candidates, place, missed);
  } catch (error) {
    if (error instanceof EffortSpent) throw tooMuch(candidates.length, words.length);
    throw error;
  }
}

/** @throws CodedError as `reverseMatch`; EffortSpent */
function search(
  name: string,
  argv: readonly string[],
  candidates: readonly Candidate[],
  place: TypedPlace,
  missed: ((misses: readonly NearMiss[], place: TypedPlace) => void) | undefined,
): Asked {
  const words = argv.slice(1);
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
