import type { JSX } from "preact";
import type { RunInfo } from "../wire/schema.ts";
import { Action, Badge, Empty } from "./parts.tsx";
import { readableOutput } from "./output-text.ts";
import { RunOutput } from "./run-output.tsx";
import { useStore } from "./store.ts";
import { Shown, spoken } from "./text.tsx";
import { hrefOf } from "./where.ts";
import { ago, clock, count, took } from "./words.ts";

function StateBadge({ run }: RunProps): JSX.Element {
  const { state, exit_code: exit = 0, signal } = run;
  if (state === "running") return <Badge tone="busy">running</Badge>;
  if (state === "failed")
    return (
      <Badge tone="bad">
        <Shown text={run.code ?? "failed"} most={40} />
      </Badge>
    );
  if (signal !== undefined)
    return (
      <Badge tone="careful">
        <Shown text={signal} most={40} />
      </Badge>
    );
  return <Badge tone={exit === 0 ? "good" : "careful"}>exit {exit}</Badge>;
}

interface RunProps {
  readonly run: RunInfo;
}

function RunDetails({ run }: RunProps): JSX.Element {
  const store = useStore();
  return (
    <div class="details">
      <div class="row">
        <span class="hint">
          Run <Shown text={run.run_id} mono /> of session <Shown text={run.session ?? "?"} mono />
          {run.background ? ", in the background" : ""}
        </span>
        {run.state === "running" ? (
          <Action
            tone="danger"
            label={`Cancel the run: ${spoken(run.operation)}`}
            onAct={() => {
              void store.attempt(
                async () => store.calls.change(`runs/${encodeURIComponent(run.run_id)}/cancel`),
                `${spoken(run.operation)} is being ended`,
              );
            }}
          >
            Cancel the run
          </Action>
        ) : undefined}
      </div>
      {run.message === undefined ? undefined : (
        <p>
          <Shown text={run.message} />
        </p>
      )}
      <RunOutput key={run.run_id} run={run} />
    </div>
  );
}

function RunRow({ run }: RunProps): JSX.Element {
  const store = useStore();
  const { where, now } = store;
  const place = where.value;
  const isOpen = place.view === "now" && place.run === run.run_id;
  const startedAt = Date.parse(run.started_at);
  const running = run.state === "running";
  return (
    <li class={isOpen ? "run open" : "run"} data-run={run.run_id}>
      <button
        type="button"
        aria-expanded={isOpen}
        onClick={() => {
          location.hash = isOpen ? hrefOf("now") : hrefOf("now", run.run_id);
        }}
      >
        <StateBadge run={run} />
        <strong>
          <Shown text={run.operation} most={64} mono />
        </strong>
        <span class="project">
          <Shown text={run.project ?? ""} most={60} />
        </span>
        <span class="when" title={clock(startedAt, now.value)}>
          {running
            ? took(Math.max(1_000, now.value - startedAt))
            : `${took(run.duration_ms)}, ${ago(startedAt, now.value)}`}
        </span>
        {run.last_line === undefined || isOpen ? undefined : (
          <span class="last mono">
            <Shown text={readableOutput(run.last_line).slice(0, 160)} />
          </span>
        )}
      </button>
      {isOpen ? <RunDetails run={run} /> : undefined}
    </li>
  );
}

/** What runs, the oldest first so that nothing moves when another begins; then what has ended, the newest first. */
export function Runs(): JSX.Element {
  const { board } = useStore();
  const runs = board.value.runs ?? [];
  const running = runs.filter(({ state }) => state === "running").reverse();
  const ended = runs.filter(({ state }) => state !== "running");
  return (
    <section class="runs" aria-labelledby="runs">
      <h2 id="runs" tabIndex={-1}>
        Running <span class="count">{running.length}</span>
      </h2>
      {running.length === 0 ? <Empty>Nothing runs.</Empty> : undefined}
      <ul>
        {running.map((run) => (
          <RunRow key={run.run_id} run={run} />
        ))}
      </ul>
      <h2>Lately</h2>
      {ended.length === 0 ? <Empty>Nothing ran yet.</Empty> : undefined}
      <ul>
        {ended.map((run) => (
          <RunRow key={run.run_id} run={run} />
        ))}
      </ul>
      {ended.length > 0 ? <p class="hint">{count(ended.length, "run")}; cmd2host runs lists more.</p> : undefined}
    </section>
  );
}
