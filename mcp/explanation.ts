import type { Verdict } from "../wire/names.ts";
import type { Explanation } from "../wire/schema.ts";
import { printable, quoted, shortened } from "../wire/text.ts";
import { tokensForOutput } from "./budget.ts";
import { fenced } from "./render.ts";
import { tokensOf } from "./tokens.ts";

/** What a dry run came to, within what a result may have. */

/** Longest word of the argument list that is shown, in bytes; shorter when there are many. */
const WORD_BYTES = 400;
const LEAST_WORD_BYTES = 16;

const VERDICT_WORDS: Readonly<Record<Verdict, string>> = {
  allow: "It would run.",
  ask: "It would run when a person on the host allows it.",
  deny: "It would be denied.",
  fail: "It would be allowed, and fail.",
};

/** The words, cut so far that the list stays within the tokens; at last, the list itself. */
function shownArgv(argv: readonly string[], maxTokens: number): readonly string[] {
  const budget = tokensForOutput(maxTokens);
  for (let bytes = WORD_BYTES; bytes >= LEAST_WORD_BYTES; bytes /= 2) {
    const words = argv.map((word) => shortened(word, bytes));
    if (tokensOf(JSON.stringify(words)) <= budget) return words;
  }
  const most = Math.max(1, Math.floor(budget / (LEAST_WORD_BYTES * 2)));
  const left = argv.length - most;
  return [
    ...argv.slice(0, most).map((word) => shortened(word, LEAST_WORD_BYTES)),
    ...(left > 0 ? [`(${left} more words)`] : []),
  ];
}

/** The same as data. */
export function explanationData(explanation: Explanation, maxTokens: number): Readonly<Record<string, unknown>> {
  const { verdict, operation, plan, asks, near, message, code, hint, steps } = explanation;
  const stopped = steps.find(({ result }) => result === "stopped")?.step;
  return {
    verdict,
    ...(operation === undefined ? {} : { operation }),
    ...(plan === undefined ? {} : { argv: shownArgv(plan.argv, maxTokens) }),
    ...(stopped === undefined ? {} : { stopped_at: stopped }),
    ...(asks?.person === true ? { why_asked: asks.why } : {}),
    ...(near === undefined ? {} : { near }),
    ...(message === undefined ? {} : { reason: message }),
    ...(code === undefined ? {} : { code }),
    ...(hint === undefined ? {} : { hint }),
  };
}

function argvLines({ plan }: Explanation, maxTokens: number): string {
  if (plan === undefined) return "";
  const words = shownArgv(plan.argv, maxTokens).map(quoted).join(", ");
  return `argv: [${words}]\nTime limit: ${plan.timeout_seconds} s\n`;
}

/** A few lines; every line of it ends with a line feed. */
export function renderExplanation(explanation: Explanation, maxTokens: number): string {
  const { verdict, asks, near = [], message, code, hint, steps } = explanation;
  const stopped = steps.find(({ result }) => result === "stopped")?.step;
  const why = message === undefined ? "" : `Stopped at: ${stopped ?? ""}\n${fenced(message)}`;
  const asked = asks?.person === true ? `A person is asked: ${printable(asks.why ?? "")}\n` : "";
  const nearest = near.map(({ operation, form }) => `Near: ${operation}: ${printable(form)}\n`).join("");
  const more = code === undefined ? "" : `Code: ${code}\nHint: ${printable(hint ?? "")}\n`;
  return `Dry run, nothing was run. ${VERDICT_WORDS[verdict]}\n${argvLines(explanation, maxTokens)}${asked}${why}${nearest}${more}`;
}
