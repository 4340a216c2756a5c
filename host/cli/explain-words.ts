import type { Verdict } from "../../wire/names.ts";
import type { Explanation } from "../../wire/schema.ts";
import { printable, quoted, shortened } from "../../wire/text.ts";
import type { Style } from "./style.ts";
import { table } from "./table.ts";

/** An explanation for people. */

/** Longest word of an argument list that is shown whole, in bytes. */
const MAX_WORD_BYTES = 400;

const VERDICT_WORDS: Readonly<Record<Verdict, string>> = {
  allow: "It would run.",
  ask: "It would run when a person allows it.",
  deny: "It would be denied.",
  fail: "It would be allowed, and fail.",
};

const PLACE_WORDS = {
  workspace: "the workspace",
  empty_directory: "an empty directory of the daemon's own",
  own_repository: "a repository of the daemon's own",
  fleet: "a machine of the fleet",
} as const;

/** An argument list as an array, so that it shows where each word begins and ends. */
export function argvWords(argv: readonly string[]): string {
  return `[${argv.map((word) => quoted(shortened(word, MAX_WORD_BYTES))).join(", ")}]`;
}

function stepLines({ steps, message = "" }: Explanation, style: Style): string {
  const reached = steps.filter(({ result }) => result !== "not_reached");
  const rows = reached.map(({ step, result, rule, says }): readonly string[] => {
    const what = result === "stopped" ? message : (says ?? "");
    const decided = rule === undefined ? "" : `[${rule}]`;
    return [`  ${result === "passed" ? "ok" : "no"}`, step, `${printable(what)} ${style.quiet(decided)}`];
  });
  const left = steps.filter(({ result }) => result === "not_reached").map(({ step }) => step);
  return `${table(rows)}${left.length === 0 ? "" : `  -   not reached: ${left.join(", ")}\n`}`;
}

function asksWords({ asks }: Explanation): string {
  if (asks?.person !== true) return "nobody";
  const via = asks.via === undefined ? "" : ` (told by ${asks.via.join(", ")})`;
  return `a person${via}: ${asks.why ?? ""}; a grant for it lets it through`;
}

function planLines(explanation: Explanation): string {
  const { plan } = explanation;
  if (plan === undefined) return "";
  const { argv, program = "", cwd, profile = "", env = [], commit, inputs = [], output, notice } = plan;
  const isMachines = plan.user !== undefined && plan.runs_in === "workspace";
  const place = isMachines ? "the working directory" : PLACE_WORDS[plan.runs_in];
  const limits = [
    `${plan.timeout_seconds} s`,
    `${plan.max_stdout_bytes ?? 0} bytes of standard output`,
    `${plan.max_stderr_bytes ?? 0} of standard error`,
    ...(plan.max_stdin_bytes === undefined ? [] : [`${plan.max_stdin_bytes} of standard input`]),
  ];
  const rows: readonly (readonly [string, string | undefined])[] = [
    ["argv", argvWords(argv)],
    ["program", program],
    ["as user", plan.user],
    ["in", cwd === undefined ? place : `${place}, ${cwd}`],
    ["profile", profile],
    ["env", env.join(" ")],
    ["limits", limits.join(", ")],
    ["stdin", plan.stdin],
    ["reads", inputs.length === 0 ? undefined : inputs.map(({ path, bytes }) => `${path} (${bytes} bytes)`).join(", ")],
    ["writes", output],
    ["commit", commit],
    ["note", notice],
    ["asks", asksWords(explanation)],
  ];
  const shown = rows.flatMap(([name, text]) => (text === undefined ? [] : [[`  ${name}`, printable(text)]]));
  return `\nWhat would run:\n${table(shown)}`;
}

function nearLines({ near = [] }: Explanation): string {
  if (near.length === 0) return "";
  const lines = near.map(({ operation, why, form }) => `  ${operation}: ${printable(why)}\n      ${printable(form)}\n`);
  return `\nOperations of this program, the nearest first:\n${lines.join("")}`;
}

/** @param seenBy who looked: one sentence */
export function explanationText(explanation: Explanation, seenBy: string, style: Style): string {
  const { verdict, code, hint } = explanation;
  const said = VERDICT_WORDS[verdict];
  const mark = { allow: style.good, ask: style.careful, deny: style.bad, fail: style.bad }[verdict];
  const why = code === undefined ? "" : `\nCode: ${code}\nTo do: ${printable(hint ?? "")}\n`;
  return `Dry run: nothing was run, written or counted. ${seenBy}\n${mark(said)}\n\n${stepLines(explanation, style)}${why}${nearLines(explanation)}${planLines(explanation)}`;
}
