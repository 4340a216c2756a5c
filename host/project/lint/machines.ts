import type { OperationRule } from "./finding.ts";

/** Shells, files and users of a machine's operations. */
export const machineOperation: OperationRule = (operation, at, report) => {
  const { machine } = operation;
  if (machine?.shell !== undefined && operation.approval === undefined)
    report({
      severity: "warning",
      rule: "shell_unasked",
      pointer: `${at}/shell`,
      message: "whoever may call this operation can do whatever the user that it runs as can do, and nobody is asked",
      fix: 'Add "approval": {}, or "run_as" with a user that may do little, or typed operations in its place.',
    });
  if (machine?.transfer?.roots.includes("/") === true)
    report({
      severity: machine.transfer.direction === "push" ? "error" : "warning",
      rule: "transfer_anywhere",
      pointer: `${at}/transfer/roots`,
      message: "files of the whole machine can be reached",
      fix: "Name the directories that are meant.",
    });
  if (machine?.transfer?.roots.length === 0)
    report({
      severity: "warning",
      rule: "transfer_nowhere",
      pointer: `${at}/transfer/roots`,
      message: "no file can be reached, so the operation never works",
      fix: "Name the directories that are meant.",
    });
};
