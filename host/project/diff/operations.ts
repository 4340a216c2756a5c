import { isDeepStrictEqual } from "node:util";
import type { ApprovalRule, FlagSpec, Operation, Project } from "../types.ts";
import { machineDetails } from "../machine-words.ts";
import {
  approvalWords,
  commandLine,
  flagWords,
  operationDetails,
  paramWords,
  placeWords,
  profileWords,
  word,
} from "../words.ts";
import { changes, narrows, widens, type Change } from "./change.ts";
import { limitChanges } from "./limits.ts";
import { redactChanges } from "./redaction.ts";
import { machineOperationChanges } from "./machine.ts";
import { flagRuleChanges, paramChanges, upperBound } from "./rules.ts";
import { hintChanges, streamChanges } from "./streams.ts";

function paramSetChanges(before: Operation, after: Operation): readonly Change[] {
  const names = new Set([...before.params.keys(), ...after.params.keys()]);
  return [...names].flatMap((name): readonly Change[] => {
    const [old, now] = [before.params.get(name), after.params.get(name)];
    if (now === undefined) return [changes(`removes param ${word(name)} from ${word(after.id)}`)];
    if (old === undefined) return [widens(`adds param ${word(name)} to ${word(after.id)}: ${paramWords(now.schema)}`)];
    return paramChanges(`param ${word(name)} of ${word(after.id)}`, old.schema, now.schema);
  });
}

const TAKES = { none: "no value", one: "one value", several: "several values" } as const;

function flagChanges(id: string, old: FlagSpec, now: FlagSpec): readonly Change[] {
  const what = `flag ${word(now.flag)} of ${id}`;
  const takes = `${what}: takes ${TAKES[now.takes]} instead of ${TAKES[old.takes]}`;
  return [
    ...(old.takes === now.takes
      ? []
      : [now.takes === "none" ? narrows(`narrows ${takes}`) : widens(`widens ${takes}`)]),
    ...flagRuleChanges(what, old.rule, now.rule),
  ];
}

function flagSetChanges(before: Operation, after: Operation): readonly Change[] {
  const names = new Set([...before.flags.keys(), ...after.flags.keys()]);
  return [...names].flatMap((name): readonly Change[] => {
    const [old, now] = [before.flags.get(name), after.flags.get(name)];
    if (now === undefined) return [narrows(`takes flag ${word(name)} away from ${word(after.id)}`)];
    if (old === undefined) return [widens(`allows flag ${flagWords(now)} on ${word(after.id)}`)];
    return flagChanges(word(after.id), old, now);
  });
}

function runInChanges(before: Operation, after: Operation): readonly Change[] {
  if (before.runIn === after.runIn) return [];
  const text = `${word(after.id)} runs in ${placeWords(after.runIn)} instead of ${placeWords(before.runIn)}`;
  return [after.runIn === "empty" ? narrows(text) : widens(text)];
}

/** Sorted, so that the order of conditions does not count. */
function reasons({ when, after }: ApprovalRule): ReadonlySet<string> {
  const all = when.map(({ kind, name, pattern, unless }) =>
    JSON.stringify([kind, name, pattern?.source, unless?.source]),
  );
  return new Set(after === undefined ? all : [...all, `after ${after.runs} ${after.perMs}`]);
}

/** A rule that asks in every case in which the other one did, and lets a person allow no more. */
function isAsStrict(before: ApprovalRule, after: ApprovalRule): boolean {
  const [old, now] = [reasons(before), reasons(after)];
  const asksAlways = now.size === 0;
  const asksAsOften = asksAlways || (old.size > 0 && [...old].every((one) => now.has(one)));
  return asksAsOften && after.answers.every((one) => before.answers.includes(one));
}

function approvalChanges(id: string, before: Operation, after: Operation): readonly Change[] {
  const [old, now] = [approvalWords(before.approval), approvalWords(after.approval)];
  if (old === now && before.approval?.says?.text === after.approval?.says?.text) return [];
  if (old === now) return [changes(`changes what a person is told of ${id}`)];
  const text = `for ${id}, ${now} (before: ${old})`;
  if (after.approval === undefined) return [widens(text)];
  const isStrict = before.approval === undefined || isAsStrict(before.approval, after.approval);
  return [isStrict ? narrows(text) : widens(text)];
}

function operationChanges(before: Operation, after: Operation): readonly Change[] {
  const id = word(after.id);
  const [oldProfile, newProfile] = [profileWords(before), profileWords(after)];
  const sameTemplate = isDeepStrictEqual(
    before.template.map((element) => element.text),
    after.template.map((element) => element.text),
  );
  return [
    ...(before.command === after.command
      ? []
      : [widens(`command of ${id} changes from ${word(before.command)} to ${word(after.command)}`)]),
    ...(sameTemplate
      ? []
      : [widens(`arguments of ${id} change`, [`from ${commandLine(before)}`, `to   ${commandLine(after)}`])]),
    ...paramSetChanges(before, after),
    ...flagSetChanges(before, after),
    ...(oldProfile === newProfile ? [] : [widens(`profile of ${id} changes from ${oldProfile} to ${newProfile}`)]),
    ...upperBound(id, "timeout", before.timeoutSeconds, after.timeoutSeconds),
    ...upperBound(id, "max_stdout_bytes", before.maxStdoutBytes, after.maxStdoutBytes),
    ...upperBound(id, "max_stderr_bytes", before.maxStderrBytes, after.maxStderrBytes),
    ...(before.onDisconnect === after.onDisconnect
      ? []
      : [
          after.onDisconnect === "finish"
            ? widens(`${id} runs to its end when the client goes away`)
            : narrows(`${id} is ended when the client goes away`),
        ]),
    ...runInChanges(before, after),
    ...(before.keep === after.keep ? [] : [changes(`of too much output of ${id}, the ${after.keep} is let out`)]),
    ...machineOperationChanges(id, before, after),
    ...streamChanges(id, before, after),
    ...redactChanges(` of ${id}`, before.source.redact, after.source.redact),
    ...hintChanges(id, before, after),
    ...approvalChanges(id, before, after),
    ...limitChanges(id, before.limits, after.limits),
    ...(before.description === after.description ? [] : [changes(`changes the description of ${id}`)]),
  ];
}

/** Definitions that may not run are mentioned, because allowing one later is then a small change. */
function unallowedChanges(before: Operation | undefined, after: Operation | undefined): readonly Change[] {
  if (after === undefined)
    return before === undefined ? [] : [changes(`drops the definition of ${word(before.id)}, which was not allowed`)];
  if (before === undefined) return [changes(`defines ${word(after.id)} without allowing it: ${commandLine(after)}`)];
  return isDeepStrictEqual(before.source, after.source)
    ? []
    : [changes(`changes ${word(after.id)}, which is not allowed`)];
}

export function operationSetChanges(before: Project | undefined, after: Project): readonly Change[] {
  const ids = new Set([
    ...after.allowed,
    ...(before?.allowed ?? []),
    ...after.operations.keys(),
    ...(before?.operations.keys() ?? []),
  ]);
  return [...ids].flatMap((id): readonly Change[] => {
    const [old, now] = [before?.operations.get(id), after.operations.get(id)];
    const wasAllowed = before?.allowed.includes(id) === true;
    if (after.allowed.includes(id) && now !== undefined) {
      if (wasAllowed && old !== undefined) return operationChanges(old, now);
      return [
        widens(`adds operation ${word(id)}: ${commandLine(now)}`, [...machineDetails(now), ...operationDetails(now)]),
      ];
    }
    return wasAllowed ? [narrows(`removes operation ${word(id)}`)] : unallowedChanges(old, now);
  });
}
