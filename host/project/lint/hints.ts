import { printable } from "../../../wire/text.ts";
import type { OperationRule } from "./finding.ts";
import { plainWrite } from "./writes.ts";

/** Hints that are not true: clients run what is marked read-only without asking anybody. */
export const hints: OperationRule = (operation, at, report) => {
  const { read_only: readOnly, destructive } = operation.source.annotations ?? {};
  if (readOnly !== true) return;
  const why = plainWrite(operation);
  if (why !== undefined) {
    report({
      severity: "error",
      rule: "read_only_writes",
      pointer: `${at}/annotations/read_only`,
      message: `it is marked read-only, but it ${printable(why)}; clients may run it without asking`,
      fix: "Remove read_only.",
    });
  }
  if (destructive === true) {
    report({
      severity: "warning",
      rule: "hints_contradict",
      pointer: `${at}/annotations/destructive`,
      message: "what is read-only deletes nothing",
      fix: "Remove destructive, or read_only.",
    });
  }
};
