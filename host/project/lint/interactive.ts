import { interactiveOption, interactiveSubcommand } from "../interactive.ts";
import type { OperationRule } from "./finding.ts";

/** Commands that ask somebody at a terminal: typed ones are refused, and on the host nobody answers. */
export const interactive: OperationRule = (operation, at, report) => {
  const words = operation.template.map((element) => element.text);
  const what =
    interactiveSubcommand(operation.command, words) ??
    interactiveOption(operation.command, [...words, ...operation.flags.keys()]);
  if (what === undefined) return;
  report({
    severity: "warning",
    rule: "interactive_command",
    pointer: `${at}/args_template`,
    message: `${what} requires interactive TTY; a typed command line that asks for it is refused`,
    fix: "Leave it out of a policy, and do it on the host yourself.",
  });
};
