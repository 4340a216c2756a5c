import type { RunInfo } from "../../wire/schema.ts";
import { printable } from "../../wire/text.ts";
import { sizeWords } from "./call-status.ts";
import { command, JSON_SWITCH, type Command } from "./command.ts";
import { checkState, wholeNumber } from "./runs-find.ts";
import { exitWords, idLength, runDuration, startWords, stateWords } from "./runs-words.ts";
import { table } from "./table.ts";
import { RUNS_OPTIONS, withRuns } from "./target-runs.ts";

const HEADINGS = ["RUN", "STATE", "EXIT", "PROJECT", "OPERATION", "SESSION", "STARTED", "DURATION", "STDOUT", "STDERR"];
const MAX_LIMIT = 1_000;

function row(run: RunInfo, length: number): readonly string[] {
  const cell = (text = ""): string => (text === "" ? "-" : printable(text));
  return [
    cell(run.run_id.slice(0, length)),
    stateWords(run),
    exitWords(run),
    cell(run.project),
    cell(run.operation),
    cell(run.session),
    startWords(run),
    runDuration(run.duration_ms),
    sizeWords(run.stdout.bytes),
    sizeWords(run.stderr.bytes),
  ];
}

/** The same command under two names. */
function listing(path: readonly string[]): Command {
  const name = path.join(" ");
  return command({
    path,
    about: "List the runs that go on and those that are kept, of all sessions, the newest first.",
    options: {
      project: { kind: "text", about: "Only the runs of this project", placeholder: "ID" },
      state: { kind: "text", about: "Only runs that are running, completed or failed", placeholder: "STATE" },
      limit: { kind: "text", about: `How many at most, up to ${MAX_LIMIT}`, placeholder: "NUMBER", default: "20" },
      ...RUNS_OPTIONS,
      json: JSON_SWITCH,
    },
    examples: [
      [name, "What agents did lately"],
      [`${name} --state=running`, "What they do now"],
    ],
    run: async (values, context) => {
      const { project, state, limit } = values;
      const wanted = checkState(state);
      const most = wholeNumber("--limit", limit, 1, MAX_LIMIT);
      const all = await withRuns(values, context, async (owner) => owner.runs());
      const matching = all.filter(
        (run) => (project === undefined || run.project === project) && (wanted === undefined || run.state === wanted),
      );
      const runs = matching.slice(0, most);
      const length = idLength(all.map(({ run_id: id }) => id));
      const rest = matching.length - runs.length;
      return {
        exit: 0,
        human: runs.length === 0 ? "No runs.\n" : table([HEADINGS, ...runs.map((run) => row(run, length))]),
        json: { runs, matching: matching.length },
        ...(rest === 0
          ? {}
          : { stderr: `${rest} older ${rest === 1 ? "run is" : "runs are"} not shown; see --limit.\n` }),
      };
    },
  });
}

export const runs = listing(["runs"]);
export const runsList = listing(["runs", "list"]);
