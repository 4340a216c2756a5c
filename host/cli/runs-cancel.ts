import { CodedError } from "../../wire/errors.ts";
import type { RunInfo } from "../../wire/schema.ts";
import { command, JSON_SWITCH } from "./command.ts";
import { findRun } from "./runs-find.ts";
import { endingWords, runWords } from "./runs-words.ts";
import { RUNS_OPTIONS, withRuns, type RunsClient } from "./target-runs.ts";

/** At the same time: the daemon keeps some places for its owner. */
const AT_ONCE = 8;
/** A run that is told to end has ended a moment later, whatever its program does. */
const WAIT_SECONDS = 30;

/** `work` for every item, some at the same time, in the order of the items. */
async function some<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = [];
  for (let at = 0; at < items.length; at += AT_ONCE)
    results.push(...(await Promise.all(items.slice(at, at + AT_ONCE).map(work))));
  return results;
}

interface Wanted {
  readonly given: readonly string[];
  readonly project: string | undefined;
}

async function chosen(owner: RunsClient, { given, project }: Wanted): Promise<readonly RunInfo[]> {
  if (given.length === 0)
    return (await owner.runs()).filter(
      (run) => run.state === "running" && (project === undefined || run.project === project),
    );
  // All are found before one is ended.
  const found = await some(given, async (one) => findRun(owner, one));
  return [...new Map(found.map((run) => [run.run_id, run])).values()];
}

function lines(title: string, runs: readonly RunInfo[]): string {
  return runs.length === 0
    ? ""
    : `${title}:\n${runs.map((run) => `  ${runWords(run)}, ${endingWords(run)}\n`).join("")}`;
}

function count(runs: readonly RunInfo[]): string {
  return `${runs.length} ${runs.length === 1 ? "run" : "runs"}`;
}

export const runsCancel = command({
  path: ["runs", "cancel"],
  about: "End runs that go on, with every process that they started.",
  options: {
    run: { kind: "words", about: "Ids of runs, or their first characters (at least 4)" },
    project: { kind: "text", about: "Every run of this project that goes on", placeholder: "ID" },
    all: { kind: "switch", about: "Every run that goes on" },
    ...RUNS_OPTIONS,
    json: JSON_SWITCH,
  },
  examples: [
    ["runs cancel 1f3a", "End one run"],
    ["runs cancel --project=OWNER_NAME", "End everything that goes on in a project"],
  ],
  more: "A program that does not end when it is asked to is killed. Exits with 1 when a run still goes on after 30 seconds.",
  run: async (values, context) => {
    const { run: given, project, all } = values;
    if ([given.length > 0, project !== undefined, all].filter(Boolean).length !== 1)
      throw new CodedError("usage", "name the runs in one way: ids, --project or --all", {
        hint: "See cmd2host runs cancel --help.",
      });
    return withRuns(values, context, async (owner) => {
      const found = await chosen(owner, { given, project });
      const active = found.filter(({ state }) => state === "running");
      const over = found.filter(({ state }) => state !== "running");
      await some(active, async ({ run_id: id }) => owner.cancel(id));
      const ended = await some(active, async ({ run_id: id }) => owner.status(id, WAIT_SECONDS));
      const stubborn = ended.filter(({ state }) => state === "running");
      const cancelled = ended.filter(({ state }) => state !== "running");
      return {
        exit: stubborn.length === 0 ? 0 : 1,
        human:
          found.length === 0
            ? "No runs to cancel.\n"
            : [
                lines(`Cancelled ${count(cancelled)}`, cancelled),
                lines(`Told to end, but still at work: ${count(stubborn)}`, stubborn),
                lines(`Had ended before: ${count(over)}`, over),
              ].join(""),
        json: { cancelled, running: stubborn, ended_before: over },
      };
    });
  },
});
