import { CodedError } from "../../wire/errors.ts";
import { STREAMS } from "../../wire/names.ts";
import type { RunInfo } from "../../wire/schema.ts";
import { quoted, shortened } from "../../wire/text.ts";
import { command } from "./command.ts";
import type { Context } from "./context.ts";
import type { Start } from "./runs-copy.ts";
import { findRun, newestRunning } from "./runs-find.ts";
import { say, showOutput } from "./runs-output.ts";
import { endingWords, runWords } from "./runs-words.ts";
import { RUNS_OPTIONS, withRuns, type RunsClient } from "./target-runs.ts";

/** `10`: so many last lines; `+10`: from line 10 on. */
function startOf(text: string): Start | "end" {
  const [, plus, digits = ""] = /^(\+)?(\d{1,9})$/.exec(text) ?? [];
  if (digits === "")
    throw new CodedError("usage", `--lines ${quoted(shortened(text, 60))} is no number of lines`, {
      hint: "Write --lines=20 for the last 20, or --lines=+20 for everything from line 20 on.",
    });
  const number = Number(digits);
  if (plus !== undefined) return { line: Math.max(1, number) };
  return number === 0 ? "end" : { line: -number };
}

/** A run that was ended by the daemon has not succeeded, whatever its program said. */
function exitOf({ state, exit_code: exitCode = 1 }: RunInfo): number {
  return state === "failed" && exitCode === 0 ? 1 : exitCode & 0xff;
}

interface Tail {
  /** Undefined: the newest run that goes on. */
  readonly given: string | undefined;
  readonly start: Start | "end";
  readonly follow: boolean;
  readonly wantsExit: boolean;
}

async function tailOf(owner: RunsClient, tail: Tail, context: Context): Promise<number> {
  const { given, start, follow, wantsExit } = tail;
  const { direct } = context;
  const run = given === undefined ? await newestRunning(owner) : await findRun(owner, given);
  const { run_id: runId } = run;
  // What we say ourselves is for people: it does not belong to what the run wrote.
  const tell = async (text: string): Promise<void> => {
    if (context.stderrIsTerminal) await say(direct, text);
  };
  if (given === undefined) await tell(runWords(run));
  const show = async (streams: typeof STREAMS, from: Start): Promise<void> =>
    showOutput(owner, { runId, streams, start: from, follow }, context);
  if (start !== "end") await show(STREAMS, start);
  else if (follow) await followFromEnd(owner, run, context);
  if (!follow) return 0;
  const ended = await owner.status(runId, 1, { signal: direct.signal });
  await tell(endingWords(ended));
  return wantsExit ? exitOf(ended) : 0;
}

/** Each stream from where it ends now. */
async function followFromEnd(
  owner: RunsClient,
  { run_id: runId, stdout, stderr }: RunInfo,
  context: Context,
): Promise<void> {
  const shown = { runId, follow: true } as const;
  await Promise.all([
    showOutput(owner, { ...shown, streams: ["stdout"], start: { offset: stdout.bytes } }, context),
    showOutput(owner, { ...shown, streams: ["stderr"], start: { offset: stderr.bytes } }, context),
  ]);
}

export const runsTail = command({
  path: ["runs", "tail"],
  about: "Write the end of a run's output, and with --follow what comes until the run ends.",
  options: {
    run: {
      kind: "optional_word",
      about: "The run's id, or its first characters (at least 4); with --follow, without it, the newest that goes on",
    },
    follow: { kind: "switch", short: "f", about: "Go on until the run ends" },
    lines: {
      kind: "text",
      short: "n",
      about: "So many last lines of each stream; with a plus sign, from that line on",
      placeholder: "NUMBER",
      default: "10",
    },
    "exit-status": { kind: "switch", about: "With --follow: exit with the run's exit code" },
    ...RUNS_OPTIONS,
  },
  examples: [
    ["runs tail -f", "Watch what goes on now"],
    ["runs tail -n 100 1f3a", "The last 100 lines of a run"],
    ["runs tail -f --exit-status 1f3a", "Wait for a run, and fail as it does"],
  ],
  more: "Standard output goes to standard output and standard error to standard error, byte for byte; on a terminal, characters that could steer it are shown as escapes. Ending it does not end the run. The exit code is 141 when nobody reads standard output any more.",
  run: async (values, context) => {
    const { run, follow, lines, "exit-status": wantsExit } = values;
    const start = startOf(lines);
    if (wantsExit && !follow)
      throw new CodedError("usage", "--exit-status goes with --follow", { hint: "Write runs tail -f --exit-status." });
    if (run === undefined && !follow)
      throw new CodedError("usage", "missing RUN", { hint: "See cmd2host runs, and cmd2host runs tail --help." });
    return context.direct.report(async () =>
      withRuns(values, context, async (owner) => tailOf(owner, { given: run, start, follow, wantsExit }, context)),
    );
  },
});
