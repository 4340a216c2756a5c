import { CANCEL_SYMBOL, confirm, log, select, text } from "@clack/prompts";
import { CodedError } from "../../wire/errors.ts";
import { printableLines } from "../../wire/text.ts";
import type { Choice, Questions } from "./context.ts";

function answered<T>(answer: T | typeof CANCEL_SYMBOL): T {
  if (answer === CANCEL_SYMBOL) throw new CodedError("not_confirmed", "ended before anything was changed");
  return answer;
}

/** Questions to a person at the terminal of this process. The only door to the library that asks them. */
export const terminalQuestions: Questions = {
  show: (lines) => {
    log.message(printableLines(lines));
  },
  choose: async (message, choices: readonly Choice[], signal) =>
    answered(
      await select({
        message,
        ...(signal === undefined ? {} : { signal }),
        options: choices.map(({ value, hint }) => ({
          value,
          label: printableLines(value),
          hint: printableLines(hint),
        })),
      }),
    ),
  ask: async (message, initial, complaint, signal) =>
    answered(
      await text({
        message,
        ...(signal === undefined ? {} : { signal }),
        initialValue: initial,
        validate: (value) => complaint(value ?? ""),
      }),
    ),
  confirm: async (message) => answered(await confirm({ message, initialValue: false })),
};
