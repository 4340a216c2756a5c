import { printable, quoted, shortened } from "../../../wire/text.ts";
import type { ValueRule } from "../types.ts";
import { valueAccepts } from "./accepts.ts";
import { pointerTo, type OperationRule, type Report } from "./finding.ts";

/** Members that belong to one type, and do nothing for the others. */
const OWN: readonly (readonly [member: "direction" | "max_bytes" | "schemes" | "hosts", type: string])[] = [
  ["direction", "workspace_path"],
  ["max_bytes", "workspace_path"],
  ["schemes", "url"],
  ["hosts", "url"],
];

function checkMembers(rule: ValueRule, at: string, report: Report): void {
  for (const [member, type] of OWN) {
    if (rule.type === undefined || rule.type === type || rule.schema[member] === undefined) continue;
    report({
      severity: "warning",
      rule: "member_of_other_type",
      pointer: `${at}/${member}`,
      message: `${member} does nothing for type ${rule.type}`,
      fix: `Remove it; it belongs to ${type}.`,
    });
  }
}

/** Choices that the rest of the rules refuse. */
function checkChoices(rule: ValueRule, at: string, report: Report): void {
  if (rule.type === undefined || rule.type === "integer" || rule.type === "number") return;
  (rule.schema.enum ?? []).forEach((choice, index) => {
    if (valueAccepts(rule, choice)) return;
    report({
      severity: "warning",
      rule: "choice_refused",
      pointer: at + pointerTo("enum", index),
      message: `${quoted(shortened(choice, 60))} is in enum, but the other rules refuse it`,
      fix: "Remove it, or change the type or pattern.",
    });
  });
}

function checkHosts(rule: ValueRule, name: string, at: string, report: Report): void {
  const { hosts = [], enum: choices = [] } = rule.schema;
  if (rule.type !== "url" || hosts.length > 0 || choices.length > 0 || rule.pattern !== undefined) return;
  report({
    severity: "warning",
    rule: "url_any_host",
    pointer: at,
    message: `${printable(name)} accepts any host, also one of the host's own network`,
    fix: "List the hosts that are meant in hosts.",
  });
}

/** Rules for values, of parameters and flags, that contradict each other or do less than they seem to. */
export const values: OperationRule = (operation, here, report) => {
  const flagAt = (flag: string): string => {
    const entries = operation.source.allowed_flags ?? [];
    return pointerTo(
      "allowed_flags",
      entries.findIndex((entry) => typeof entry !== "string" && entry.flag === flag),
    );
  };
  const all = [
    ...[...operation.params.values()].map((rule) => ({ rule, name: rule.name, at: pointerTo("params", rule.name) })),
    ...[...operation.flags.values()].flatMap(({ flag, rule, value }) =>
      rule === undefined ? [] : [{ rule: value, name: flag, at: flagAt(flag) }],
    ),
  ];
  for (const { rule, name, at } of all) {
    checkMembers(rule, here + at, report);
    checkChoices(rule, here + at, report);
    checkHosts(rule, name, here + at, report);
  }
};
