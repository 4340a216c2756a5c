import { setTimeout as sleep } from "node:timers/promises";
import { CodedError } from "../../wire/errors.ts";
import type { RunInfo } from "../../wire/schema.ts";
import { KillSwitch } from "../limits/kill-switch.ts";
import { listProjectIds, requireProjectId } from "../project/project-id.ts";
import type { BaseDirectory } from "../util/base-directory.ts";
import { command, JSON_SWITCH } from "./command.ts";
import { asOwner, type OwnerClient } from "./owner-client.ts";
import { runWords } from "./runs-words.ts";

/** A run that is told to end has ended a moment later, whatever its program does. */
const WAIT_SECONDS = 30;
/** What was decided before the stop has begun to run by then. */
const LATE_MS = 100;

/** What stopping ended. */
interface Ended {
  readonly runs: readonly RunInfo[];
  /** Still at work although they were told to end. */
  readonly stubborn: readonly RunInfo[];
  readonly denied: number;
}

/** Which project is meant; undefined is all of them. @throws CodedError `usage`, `project_unknown` */
export function stoppable(base: BaseDirectory, project: string | undefined, all: boolean): string | undefined {
  if ((project !== undefined) === all)
    throw new CodedError("usage", "say what is meant: --project ID, or --all", { hint: "See cmd2host projects." });
  if (project === undefined) return undefined;
  const id = requireProjectId(project);
  if (!listProjectIds(base.projects).includes(id))
    throw new CodedError("project_unknown", `there is no project ${id}`, { hint: "See cmd2host projects." });
  return id;
}

async function endAll(owner: OwnerClient, project: string | undefined, note: string): Promise<Ended> {
  const isMeant = (one: string | undefined): boolean => project === undefined || one === project;
  const { approvals } = await owner.approvals("", 0);
  const waiting = approvals.filter((one) => isMeant(one.project));
  for (const { id } of waiting)
    await owner.answer(id, { answer: "deny", note: note === "" ? "everything was stopped" : note }).catch(ifGone);
  const ended = new Map<string, RunInfo>();
  for (let round = 0; round < 2; round++) {
    if (round > 0) await sleep(LATE_MS);
    const active = (await owner.runs()).filter((run) => run.state === "running" && isMeant(run.project));
    for (const { run_id: id } of active) await owner.cancel(id);
    for (const { run_id: id } of active) ended.set(id, await owner.status(id, WAIT_SECONDS));
  }
  const runs = [...ended.values()];
  return { runs, stubborn: runs.filter(({ state }) => state === "running"), denied: waiting.length };
}

/** It was answered meanwhile. */
function ifGone(error: unknown): void {
  if (!(error instanceof CodedError) || error.code !== "approval_unknown") throw error;
}

/** Undefined when no daemon runs. */
async function endedBy(base: BaseDirectory, project: string | undefined, note: string): Promise<Ended | undefined> {
  try {
    return await asOwner(base, async (owner) => endAll(owner, project, note));
  } catch (error) {
    if (error instanceof CodedError && error.code === "daemon_unreachable") return undefined;
    throw error;
  }
}

function endedText(ended: Ended | undefined): string {
  if (ended === undefined) return "No daemon runs; it holds when one is started.\n";
  const { runs, stubborn, denied } = ended;
  return [
    `Ended ${runs.length} ${runs.length === 1 ? "run" : "runs"}, denied ${denied} that waited for approval.\n`,
    ...runs.map((run) => `  ${runWords(run)}${stubborn.includes(run) ? ", which is still at work" : ""}\n`),
  ].join("");
}

export const stop = command({
  path: ["stop"],
  about: "Deny everything of a project at once, and end what runs, until cmd2host resume.",
  options: {
    project: { kind: "text", about: "The project", placeholder: "ID" },
    all: { kind: "switch", about: "Every project" },
    note: { kind: "text", about: "What agents are told", placeholder: "TEXT", default: "" },
    json: JSON_SWITCH,
  },
  examples: [
    ["stop --project=OWNER_NAME", "An agent does what it should not"],
    ["stop --all --note='Back on Monday'", "Nothing runs for anybody"],
  ],
  more: "It works without the daemon, and holds when the daemon is started again. Exits with 1 when a run still goes on after 30 seconds.",
  run: async ({ project, all, note }, context) => {
    const base = context.base();
    const id = stoppable(base, project, all);
    // First of all nothing new begins.
    new KillSwitch(base.stopped).stop(id, note);
    const ended = await endedBy(base, id, note);
    return {
      exit: ended === undefined || ended.stubborn.length === 0 ? 0 : 1,
      human: `Stopped ${id ?? "everything"}.\n${endedText(ended)}Go on with: cmd2host resume ${id === undefined ? "--all" : `--project=${id}`}\n`,
      json: {
        stopped: id ?? null,
        daemon: ended !== undefined,
        ended: ended?.runs ?? [],
        running: ended?.stubborn ?? [],
        denied: ended?.denied ?? 0,
      },
    };
  },
});
