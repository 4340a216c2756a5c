import { digestOf, type Card, type CardPlan, type Requester } from "../approval/card.ts";
import type { CallTexts } from "../approval/conditions.ts";
import type { Call } from "../operation/call.ts";
import { sha256Hex } from "../util/hash.ts";
import type { Plan } from "./plan.ts";

/** Where work runs that has no directory of the owner's. */
const ELSEWHERE = "(an empty directory of the daemon's own)";
const OWN_REPOSITORY = "(a repository of the daemon's own)";

/** Where it runs, for people and records. */
export function cwdOf({ work }: Plan): string {
  if (work.kind === "fleet") return `(on ${work.target})`;
  if (work.kind === "remote_git") return OWN_REPOSITORY;
  if (work.kind === "program" && work.runIn === "empty") return ELSEWHERE;
  return work.launch.cwd;
}

/** The program that a person is asked about: on a machine, not what becomes its user. */
function programOf(work: Plan["work"]): string {
  return work.kind === "program" && work.machine !== undefined ? work.machine.program : work.launch.command.file;
}

/** What would run, as an answer is bound to it. @param stdin what the program would read */
export function cardPlan(plan: Plan, stdin: Buffer | undefined): CardPlan {
  const { project, target, operation, work, files } = plan;
  return {
    project: project.id,
    configHash: project.configHash,
    operation: operation.id,
    program: programOf(work),
    argv: plan.argv,
    cwd: cwdOf(plan),
    repo: target.repo.name,
    url: target.url,
    inputs: files.inputs,
    output: files.outputPath,
    stdin: stdin === undefined ? undefined : { bytes: stdin.length, sha256: sha256Hex(stdin) },
    commit: work.kind === "remote_git" ? work.source?.id : undefined,
    timeoutMs: work.launch.timeoutMs,
    machine:
      work.kind === "program" && work.machine !== undefined
        ? { user: work.machine.user, env: work.machine.callerEnv }
        : undefined,
  };
}

function textsOfValue(call: Call, name: string): readonly string[] | undefined {
  const value = call.values.get(name);
  if (value === undefined) return undefined;
  return value.kind === "text" ? [value.text] : value.items;
}

/** The values of a call, for conditions. */
export function callTexts(call: Call): CallTexts {
  return {
    param: (name) => textsOfValue(call, name),
    flag: (name) => {
      const values = call.flagValues.flatMap(({ spec, value }) => (spec.flag === name ? [value] : []));
      return values.length > 0 || call.flags.includes(name) ? values : undefined;
    },
  };
}

/** What the call would do, in the operation's own words. */
function saysOf({ operation, call }: Plan): string {
  const says = operation.approval?.says;
  if (says === undefined) return operation.description;
  const text = (name: string): string => textsOfValue(call, name)?.join(", ") ?? "(nothing)";
  switch (says.kind) {
    case "literal":
      return says.text;
    case "whole":
      return text(says.name);
    case "inline":
      return says.parts.map((part) => (part.kind === "text" ? part.text : text(part.name))).join("");
  }
}

/** A plan for the eyes of a person. */
export function cardOf(id: string, plan: Plan, stdin: Buffer | undefined, asker: Omit<Requester, "session">): Card {
  const shown = cardPlan(plan, stdin);
  const { id: session, key } = plan.session;
  return {
    id,
    plan: shown,
    digest: digestOf(shown),
    requester: { ...asker, session: { id: session, key } },
    title: plan.operation.title,
    says: saysOf(plan),
  };
}
