import type { RunInfo } from "../wire/schema.ts";
import { printable } from "../wire/text.ts";
import { clipped } from "./budget.ts";
import { cancelCall, readCall, statusCall } from "./reading.ts";
import { grouped } from "./shown.ts";

const SENTENCE_TOKENS = 600;

/** `1.2 s`, `3 min 5 s`. */
function duration(milliseconds: number): string {
  const seconds = milliseconds / 1_000;
  if (seconds < 60) return `${Number(seconds.toFixed(1))} s`;
  return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
}

function size({ bytes, lines }: RunInfo["stdout"]): string {
  return bytes === 0 ? "nothing" : `${grouped(bytes)} bytes, ${grouped(lines)} lines`;
}

function state({ state, background, duration_ms: time }: RunInfo): string {
  if (state === "running") return `running for ${duration(time)}${background ? ", in the background" : ""}`;
  return state === "completed" ? `completed after ${duration(time)}` : `failed after ${duration(time)}`;
}

/** What to call next. */
export function nextSteps(run: RunInfo): string {
  const { run_id: id } = run;
  if (run.state === "running")
    return `${statusCall(id, 30)} waits for its end; ${readCall(id, "stdout", { line: -50 })} reads its last lines; ${cancelCall(id)} ends it`;
  const withOutput = (["stdout", "stderr"] as const).filter((name) => run[name].bytes > 0);
  if (withOutput.length === 0) return "nothing: it printed nothing";
  return `${withOutput.map((name) => readCall(id, name, {})).join("; ")} (line=-50 for the end)`;
}

/** How a run is, one fact on a line. Whatever the program printed stays on its line. */
export function renderRunInfo(run: RunInfo): string {
  const facts: readonly (readonly [string, string | undefined])[] = [
    ["Run", run.run_id],
    ["Operation", run.operation],
    ["State", state(run)],
    ["Exit code", run.exit_code === undefined ? undefined : String(run.exit_code)],
    ["Signal", run.signal],
    ["stdout", size(run.stdout)],
    ["stderr", size(run.stderr)],
    ["Last line", run.last_line],
    ["Reason", run.message],
    ["Code", run.code],
    ["Hint", run.hint],
    ["Notice", run.notice],
    ["Next", nextSteps(run)],
  ];
  return facts
    .map(([name, fact]) =>
      fact === undefined || fact === "" ? "" : `${name}: ${printable(clipped(fact, SENTENCE_TOKENS))}\n`,
    )
    .join("");
}
