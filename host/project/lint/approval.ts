import { quoted } from "../../../wire/text.ts";
import type { ApprovalCondition, Operation } from "../types.ts";
import { pointerTo, type OperationRule } from "./finding.ts";

/** Texts that the value of a condition can be; undefined when they cannot be counted. */
function choicesOf({ kind, name }: ApprovalCondition, { params, flags }: Operation): readonly string[] | undefined {
  const schema = kind === "param" ? params.get(name)?.schema : flags.get(name)?.rule;
  return schema?.enum === undefined || schema.enum.length === 0 ? undefined : schema.enum;
}

/** A condition on a value that no value can fulfil. */
function neverHolds(condition: ApprovalCondition, operation: Operation): boolean {
  const { kind, name, pattern, unless } = condition;
  if (pattern !== undefined && kind === "flag" && operation.flags.get(name)?.takes === "none") return true;
  const choices = choicesOf(condition, operation);
  if (choices === undefined) return false;
  if (pattern !== undefined) return !choices.some((choice) => pattern.found(choice));
  // A parameter that may be left out is asked about then.
  const mayBeAbsent = kind === "param" && operation.params.get(name)?.schema.optional === true;
  return unless !== undefined && !mayBeAbsent && choices.every((choice) => unless.matchesWhole(choice));
}

/** Operations that destroy without a question, and questions that are never asked. */
export const approvals: OperationRule = (operation, at, report) => {
  const { approval, source, machine } = operation;
  if (approval === undefined) {
    // Of a shell the rule for machines says it.
    if (source.annotations?.destructive !== true || machine?.shell !== undefined) return;
    report({
      severity: "warning",
      rule: "destructive_unasked",
      pointer: `${at}/annotations/destructive`,
      message: "it is marked destructive, and runs without asking anybody",
      fix: 'Add "approval": "ask", or say with when which calls a person should see.',
    });
    return;
  }
  approval.when.forEach((condition, index) => {
    if (!neverHolds(condition, operation)) return;
    report({
      severity: "error",
      rule: "approval_never_asks",
      pointer: at + pointerTo("approval", "when", index),
      message: `no value of ${quoted(condition.name)} can fulfil the condition, so it never asks`,
      fix: "Write a pattern that one of the allowed values has, or remove the condition.",
    });
  });
};
