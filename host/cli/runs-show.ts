import { CodedError } from "../../wire/errors.ts";
import type { StreamName } from "../../wire/names.ts";
import type { OutputPage, RunInfo } from "../../wire/schema.ts";
import { printable } from "../../wire/text.ts";
import { command, JSON_SWITCH, type Report } from "./command.ts";
import type { Context } from "./context.ts";
import { whileTold } from "./progress.ts";
import { findRun } from "./runs-find.ts";
import { showOutput } from "./runs-output.ts";
import { checkPart, checkStreams, pageText, readPart, type Part } from "./runs-part.ts";
import { factsOf } from "./runs-words.ts";
import { RUNS_OPTIONS, withRuns, type GivenTarget, type RunsClient } from "./target-runs.ts";

type Shown =
  | { readonly stream: StreamName; readonly page: OutputPage }
  | { readonly stream: StreamName; readonly error: CodedError };

/** A stream that was lost takes nothing of the rest with it. */
async function shownOf(owner: RunsClient, runId: string, stream: StreamName, part: Part): Promise<Shown> {
  try {
    return { stream, page: await readPart(owner, runId, stream, part) };
  } catch (error) {
    if (error instanceof CodedError && error.code === "output_lost") return { stream, error };
    throw error;
  }
}

function factsText(run: RunInfo, { style }: Context): string {
  return factsOf(run)
    .map(([title, value]) => `${style.strong(`${title}:`)} ${value}\n`)
    .join("");
}

function shownText(shown: Shown, part: Part, { style }: Context): string {
  if ("error" in shown) return `\n${style.careful(`${shown.stream}: ${printable(shown.error.message)}`)}\n`;
  return shown.page.total_bytes === 0 ? "" : pageText(shown.page, part, style.strong);
}

function shownJson(shown: Shown): unknown {
  if ("page" in shown) return shown.page;
  const { code, message, hint } = shown.error;
  return { stream: shown.stream, error: { code, message, hint } };
}

interface Wanted {
  readonly given: string;
  readonly json: boolean;
  readonly streams: readonly StreamName[];
  readonly on: GivenTarget;
}

async function describe({ given, streams, json, on }: Wanted, part: Part, context: Context): Promise<Report> {
  return withRuns(on, context, async (owner) => {
    const run = await findRun(owner, given);
    const shown: Shown[] = [];
    const readAll = async (): Promise<void> => {
      for (const stream of streams) shown.push(await shownOf(owner, run.run_id, stream, part));
    };
    await (json ? readAll() : whileTold("searching", context, readAll));
    const texts = shown.map((one) => shownText(one, part, context));
    return {
      exit: 0,
      human: factsText(run, context) + texts.join(""),
      json: { run, output: shown.map(shownJson) },
    };
  });
}

/** The whole output, and nothing else. */
async function pour({ given, streams, on }: Wanted, context: Context): Promise<Report> {
  return context.direct.report(async () =>
    withRuns(on, context, async (owner) => {
      const { run_id: runId } = await findRun(owner, given);
      await showOutput(owner, { runId, streams, start: { offset: 0 }, follow: false }, context);
      return 0;
    }),
  );
}

export const runsShow = command({
  path: ["runs", "show"],
  about: "Say what is known of a run, with the last lines of its output or another part of it.",
  options: {
    run: { kind: "word", about: "The run's id, or its first characters (at least 4)" },
    stream: { kind: "text", about: "stdout, stderr or both", placeholder: "STREAM", default: "both" },
    lines: { kind: "text", about: "These lines, for example 20-40, or 20- to the end", placeholder: "A-B" },
    grep: { kind: "text", about: "Lines that hold this pattern, in RE2 syntax", placeholder: "RE2" },
    tail: { kind: "text", about: "So many last lines (default: 20)", placeholder: "NUMBER" },
    output: {
      kind: "switch",
      about: "Nothing but the whole output: stdout to stdout, stderr to stderr, byte for byte",
    },
    ...RUNS_OPTIONS,
    json: JSON_SWITCH,
  },
  examples: [
    ["runs show 1f3a", "How a run ended, and what it said last"],
    ["runs show 1f3a --grep='(?i)error'", "Lines with an error, each behind its number"],
    ["runs show 1f3a --output > log", "The whole standard output in a file"],
  ],
  more: "On a terminal, characters that could steer it are shown as escapes. With --output the exit code is 141 when nobody reads standard output any more.",
  run: async (values, context) => {
    const { run, stream, lines, grep, tail, output, json } = values;
    const wanted = { given: run, json, streams: checkStreams(stream), on: values };
    const part = checkPart({ lines, grep, tail });
    if (!output) return describe(wanted, part, context);
    if (json || [lines, grep, tail].some((one) => one !== undefined))
      throw new CodedError("usage", "--output gives the whole output and nothing else", {
        hint: "Leave out --json, --lines, --grep and --tail.",
      });
    return pour(wanted, context);
  },
});
