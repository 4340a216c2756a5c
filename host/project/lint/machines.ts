import { quoted } from "../../../wire/text.ts";
import { compileGlob } from "../../util/glob.ts";
import { pointerTo, type OperationRule } from "./finding.ts";

/** Variables by which programs find others, or code of theirs; a few of many. */
const POWERFUL = ["PATH", "NODE_OPTIONS", "PYTHONPATH", "PERL5OPT", "RUBYOPT", "BASH_ENV", "GIT_SSH_COMMAND", "EDITOR"];

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
  // The commands of a shell could set them themselves.
  if (machine?.shell !== undefined) return;
  (operation.source.env_allow ?? []).forEach((source, index) => {
    const glob = compileGlob(source);
    const name = glob.ok ? POWERFUL.find((one) => glob.glob.matches(one, false)) : undefined;
    if (name === undefined) return;
    report({
      severity: "warning",
      rule: "env_allow_wide",
      pointer: at + pointerTo("env_allow", index),
      message: `${quoted(source)} lets callers set ${name}, which can choose what is run`,
      fix: "Name the variables that are meant.",
    });
  });
};
