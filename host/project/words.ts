import { ALLOWANCES, type RunPlace } from "../../wire/names.ts";
import type { FlagRule, Param } from "../../wire/schema.ts";
import { printable, quoted } from "../../wire/text.ts";
import { isSecretName } from "../util/secret-name.ts";
import { redactWords } from "./redact-words.ts";
import type { ApprovalCondition, ApprovalRule, FilterRules, FlagSpec, Hints, LimitRule, Operation } from "./types.ts";

/** A policy in words, for the person who approves it. Everything that comes from a configuration is made printable. */

const PLAIN_WORD = /^[A-Za-z0-9_@%+=:,./{}*^-]+$/;

/** One argument as it may be shown in a line of them. */
export function word(text: string): string {
  return PLAIN_WORD.test(text) ? text : quoted(text);
}

/** The program and its template, in one line. */
export function commandLine(operation: Operation): string {
  return [
    operation.command === "" ? "(no command)" : operation.command,
    ...operation.template.map((element) => element.text),
  ]
    .map(word)
    .join(" ");
}

function range(low: number | undefined, high: number | undefined, unit: string): readonly string[] {
  const suffix = unit === "" ? "" : ` ${unit}`;
  if (low !== undefined && high !== undefined) return [`${low} to ${high}${suffix}`];
  if (low !== undefined) return [`at least ${low}${suffix}`];
  return high === undefined ? [] : [`at most ${high}${suffix}`];
}

/** A limit that is off when it is 0 or less. */
export function limit(value: number | undefined): number | undefined {
  return value === undefined || value <= 0 ? undefined : value;
}

function listWords(what: string, list: readonly string[] = []): readonly string[] {
  return list.length === 0 ? [] : [`${what} ${list.map(word).join(" or ")}`];
}

function sharedWords(rule: Param | FlagRule): readonly string[] {
  const choices = rule.enum ?? [];
  return [
    ...range(rule.min, rule.max, ""),
    ...(choices.length === 0 ? [] : [`one of ${choices.map(word).join(", ")}`]),
    ...(rule.pattern === undefined || rule.pattern === "" ? [] : [`matching ${printable(rule.pattern)}`]),
    ...listWords("scheme", rule.schemes),
    ...listWords("host", rule.hosts),
    ...(rule.allow_leading_dash === true ? ["may begin with '-'"] : []),
  ];
}

/** What a parameter accepts: `string, 1 to 255 bytes, matching ^…$`. */
export function paramWords(schema: Param): string {
  return [
    schema.type === undefined || schema.type === "" ? "(no type)" : printable(schema.type),
    ...(schema.optional === true ? ["optional"] : []),
    ...range(limit(schema.minLength), limit(schema.maxLength), "bytes"),
    ...(schema.type === "workspace_path" ? [schema.direction === "input" ? "input" : "output"] : []),
    ...(schema.max_bytes === undefined ? [] : [`at most ${schema.max_bytes} bytes of file`]),
    ...sharedWords(schema),
  ].join(", ");
}

/** What a flag accepts: `--limit (integer, 1 to 1000)`. */
export function flagWords(spec: FlagSpec): string {
  const { rule } = spec;
  const values = spec.takes === "several" ? ["several values"] : [];
  const rules =
    rule === undefined
      ? []
      : [
          ...(rule.type === undefined ? [] : [rule.type]),
          ...sharedWords(rule),
          ...(rule.repeat === true ? ["may be repeated"] : []),
        ];
  const about =
    spec.takes === "none"
      ? ["no value"]
      : [...values, ...(rules.length === 0 && values.length === 0 ? ["any value"] : rules)];
  return `${word(spec.flag)} (${about.join(", ")})`;
}

/** How long an operation may run, as the configuration says it. */
export function timeoutWords(operation: Operation): string {
  return operation.timeoutSeconds === undefined ? "the daemon's default" : `${operation.timeoutSeconds} s`;
}

export function profileWords(operation: Operation): string {
  return operation.profile ?? "by the program's name";
}

/** Where an operation's program runs, as the configuration says it. */
export function placeWords(place: RunPlace | undefined): string {
  if (place === undefined) return "the directory that is usual for the program";
  return place === "empty" ? "an empty directory" : "the workspace";
}

/** Whether an operation reads what its caller sends: `takes standard input, at most 5 bytes`. */
export function stdinWords({ stdin, maxStdinBytes: most }: Pick<Operation, "stdin" | "maxStdinBytes">): string {
  if (stdin === "none") return "takes no standard input";
  const bound = most === undefined ? "" : `, at most ${most} bytes`;
  return `${stdin === "required" ? "needs" : "takes"} standard input${bound}`;
}

function conditionWords({ name, pattern, unless }: ApprovalCondition): string {
  if (unless !== undefined) return `${word(name)} is not ${printable(unless.source)}`;
  return pattern === undefined ? `${word(name)} is given` : `${word(name)} matches ${printable(pattern.source)}`;
}

/** When a person is asked before an operation runs, in words. */
export function approvalWords(rule: ApprovalRule | undefined): string {
  if (rule === undefined) return "nobody is asked";
  const { when, after, timeoutMs, via, answers } = rule;
  const reasons = [
    ...when.map(conditionWords),
    ...(after === undefined ? [] : [`it has run ${after.runs} times within ${after.perMs / 1_000} s`]),
  ];
  return [
    reasons.length === 0 ? "a person is asked every time" : `a person is asked when ${reasons.join(", or ")}`,
    ...(timeoutMs === undefined ? [] : [`waits ${timeoutMs / 1_000} s`]),
    ...(via === undefined ? [] : [`tells ${via.length === 0 ? "nobody" : via.map(word).join(", ")}`]),
    ...(answers.length === ALLOWANCES.length ? [] : [`may be allowed by: ${answers.join(", ")}`]),
  ].join("; ");
}

/** How often something may run, in words. */
export function limitWords(rule: LimitRule | undefined): string {
  const { rate, concurrent, perDay } = rule ?? {};
  const all = [
    ...(rate === undefined ? [] : [`${rate.runs} runs within ${rate.perMs / 1_000} s`]),
    ...(concurrent === undefined ? [] : [`${concurrent} at the same time`]),
    ...(perDay === undefined ? [] : [`${perDay} a day`]),
  ];
  return all.length === 0 ? "as often as it likes" : `at most ${all.join(", ")}`;
}

/** What is left out of an operation's output, in words. */
export function filterWords(filter: FilterRules | undefined): string {
  if (filter === undefined) return "nothing";
  const { head = 0, tail = 0 } = filter.maxLines ?? {};
  const ends = [...(head === 0 ? [] : [`the first ${head}`]), ...(tail === 0 ? [] : [`the last ${tail}`])];
  return [
    ...(filter.stripAnsi ? ["terminal escapes"] : []),
    ...(filter.collapseProgress ? ["overwritten and repeated lines"] : []),
    ...(ends.length === 0 ? [] : [`all lines but ${ends.join(" and ")}`]),
    ...(filter.jsonFields.length === 0
      ? []
      : [`all members but ${filter.jsonFields.map((path) => word(path.join("."))).join(", ")}`]),
  ].join(", ");
}

/** What clients show of an operation: `read-only, idempotent`. */
export function hintWords({ readOnly, destructive, idempotent, openWorld }: Hints): string {
  return [
    readOnly ? "read-only" : "writing",
    ...(destructive ? ["destructive"] : []),
    ...(idempotent ? ["idempotent"] : []),
    ...(openWorld ? [] : ["closed world"]),
  ].join(", ");
}

/** What an operation reads, what becomes of its output, and what clients show of it, one line each. */
export function streamDetails(operation: Operation): readonly string[] {
  return [
    ...(operation.stdin === "none" ? [] : [stdinWords(operation)]),
    ...(operation.output === "text" ? [] : [`prints ${operation.output}`]),
    ...(operation.filter === undefined ? [] : [`leaves out ${filterWords(operation.filter)}`]),
    ...(operation.rtk ? ["runs through rtk where the host has it"] : []),
    ...(operation.source.redact === undefined ? [] : [`redaction: ${redactWords(operation.source.redact)}`]),
    ...(operation.title === "" ? [] : [`shown as ${quoted(operation.title)}`]),
    ...(operation.source.annotations === undefined ? [] : [`marked as ${hintWords(operation.annotations)}`]),
  ];
}

/** What the caller of an operation may fill in and add, one line each. */
export function operationDetails(operation: Operation): readonly string[] {
  return [
    ...[...operation.params.values()].map((rule) => `param ${word(rule.name)}: ${paramWords(rule.schema)}`),
    ...[...operation.flags.values()].map((spec) => `flag ${flagWords(spec)}`),
    ...(operation.profile === undefined ? [] : [`profile ${operation.profile}`]),
    ...(operation.timeoutSeconds === undefined ? [] : [`timeout ${operation.timeoutSeconds} s`]),
    ...(operation.runIn === undefined ? [] : [`runs in ${placeWords(operation.runIn)}`]),
    ...(operation.onDisconnect === "finish" ? ["runs to its end when the client goes away"] : []),
    ...streamDetails(operation),
    ...(operation.approval === undefined ? [] : [approvalWords(operation.approval)]),
    ...(operation.limits === undefined ? [] : [`runs ${limitWords(operation.limits)}`]),
  ];
}

/** `NAME=value`, without the value when the name says that it is a secret. */
export function setting(name: string, value: string): string {
  return isSecretName(name) ? `${word(name)} (value not shown)` : `${word(name)}=${word(value)}`;
}
