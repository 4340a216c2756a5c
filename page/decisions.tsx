import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { DecisionPage, DecisionRow } from "../host/page/desk.ts";
import { wholeWords } from "./argv-words.ts";
import { Argv } from "./argv.tsx";
import { Chart } from "./chart.tsx";
import { Badge, Empty } from "./parts.tsx";
import { useStore } from "./store.ts";
import { Shown } from "./text.tsx";
import { clock, took } from "./words.ts";

interface Filter {
  readonly project: string;
  readonly operation: string;
  readonly session: string;
  readonly verdict: string;
}

const EVERYTHING: Filter = { project: "", operation: "", session: "", verdict: "" };
const TYPED_MS = 250;

function queryOf(filter: Filter, before: string | undefined): string {
  const entries = Object.entries({ ...filter, before: before ?? "" }).filter(([, value]) => value !== "");
  return new URLSearchParams(entries).toString();
}

function Verdict({ row }: RowProps): JSX.Element {
  return row.verdict === "permit" ? <Badge tone="good">permitted</Badge> : <Badge tone="bad">denied</Badge>;
}

function outcomeWords({ outcome, exitCode, durationMs, code }: DecisionRow): string {
  if (outcome === undefined) return code ?? "";
  return [
    outcome,
    ...(exitCode === undefined ? [] : [`exit ${String(exitCode)}`]),
    ...(durationMs === undefined ? [] : [took(durationMs)]),
  ].join(", ");
}

interface RowProps {
  readonly row: DecisionRow;
}

function Details({ row }: RowProps): JSX.Element {
  const facts: readonly (readonly [string, string | undefined])[] = [
    ["Session", row.session],
    ["From", row.peer],
    ["Way", row.route],
    ["Decided by", row.rule],
    ["Person", row.approver],
    ["Code", row.code],
    ["Id", row.id],
  ];
  return (
    <div class="details">
      {row.message === undefined ? undefined : (
        <p>
          <Shown text={row.message} most={600} />
        </p>
      )}
      {row.argv === undefined ? undefined : (
        <Argv argv={wholeWords(row.argv)} label="Command line, one argument a line" />
      )}
      <dl class="facts">
        {facts.map(([name, value]) =>
          value === undefined ? undefined : (
            <>
              <dt>{name}</dt>
              <dd>
                <Shown text={value} mono />
              </dd>
            </>
          ),
        )}
      </dl>
    </div>
  );
}

function Row({ row }: RowProps): JSX.Element {
  const { now } = useStore();
  const [open, setOpen] = useState(false);
  return (
    <li class={open ? "decision open" : "decision"}>
      <button
        type="button"
        aria-expanded={open}
        onClick={() => {
          setOpen(!open);
        }}
      >
        <time dateTime={new Date(row.at).toISOString()}>{clock(row.at, now.value)}</time>
        <Verdict row={row} />
        <strong>
          <Shown text={row.operation ?? row.route ?? "?"} most={64} mono />
        </strong>
        <span class="project">
          <Shown text={row.project ?? ""} most={60} />
        </span>
        <span class="outcome">
          <Shown text={outcomeWords(row)} most={80} />
        </span>
      </button>
      {open ? <Details row={row} /> : undefined}
    </li>
  );
}

interface FieldProps {
  readonly label: string;
  readonly name: keyof Filter;
  readonly filter: Filter;
  readonly onFilter: (filter: Filter) => void;
}

function Field({ label, name, filter, onFilter }: FieldProps): JSX.Element {
  return (
    <label>
      {label}
      <input
        type="search"
        name={name}
        maxLength={200}
        autoComplete="off"
        spellcheck={false}
        value={filter[name]}
        onInput={(event) => {
          onFilter({ ...filter, [name]: event.currentTarget.value.trim() });
        }}
      />
    </label>
  );
}

/** What was decided, the newest first. New ones are announced, not pushed in: nothing moves while one reads. */
export function Decisions(): JSX.Element {
  const store = useStore();
  const { calls, board } = store;
  const [filter, setFilter] = useState(EVERYTHING);
  const [rows, setRows] = useState<readonly DecisionRow[]>();
  const [more, setMore] = useState(false);
  const [shownAt, setShownAt] = useState<number>();
  const [turn, setTurn] = useState(0);
  const latest = useRef(0);
  const revision = board.value.decisions ?? 0;
  latest.current = revision;

  useEffect(() => {
    const stop = new AbortController();
    const timer = setTimeout(() => {
      const asked = latest.current;
      calls
        .get(`decisions?${queryOf(filter, undefined)}`, stop.signal)
        .then((page) => {
          const found = page as DecisionPage;
          setRows(found.rows);
          setMore(found.more);
          setShownAt(asked);
        })
        .catch(() => undefined);
    }, TYPED_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [calls, filter, turn]);

  const older = (): void => {
    void store.attempt(async () => {
      const page = (await calls.get(`decisions?${queryOf(filter, rows?.at(-1)?.id)}`)) as DecisionPage;
      setRows([...(rows ?? []), ...page.rows]);
      setMore(page.more);
    });
  };
  const isNews = shownAt !== undefined && revision !== shownAt;
  return (
    <section class="decisions" aria-labelledby="decisions">
      <h2 id="decisions" tabIndex={-1}>
        Decisions
      </h2>
      <Chart />
      <form
        class="filters"
        role="search"
        aria-label="Decisions"
        onSubmit={(event) => {
          event.preventDefault();
        }}
      >
        <label>
          Verdict
          <select
            name="verdict"
            value={filter.verdict}
            onChange={(event) => {
              setFilter({ ...filter, verdict: event.currentTarget.value });
            }}
          >
            <option value="">all</option>
            <option value="permit">permitted</option>
            <option value="deny">denied</option>
          </select>
        </label>
        <Field label="Project" name="project" filter={filter} onFilter={setFilter} />
        <Field label="Operation" name="operation" filter={filter} onFilter={setFilter} />
        <Field label="Session" name="session" filter={filter} onFilter={setFilter} />
        {/* Always there, so that nothing moves when it is needed. */}
        <button
          type="button"
          class="action plain"
          disabled={!isNews}
          onClick={() => {
            setTurn(turn + 1);
          }}
        >
          {isNews ? "Show new ones" : "Up to date"}
        </button>
      </form>
      {rows?.length === 0 ? <Empty>No decision matches.</Empty> : undefined}
      <ul>
        {rows?.map((row) => (
          <Row key={row.id} row={row} />
        ))}
      </ul>
      {more ? (
        <button type="button" class="action plain" onClick={older}>
          Show older ones
        </button>
      ) : undefined}
    </section>
  );
}
