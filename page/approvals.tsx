import type { JSX } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import type { Answer } from "../host/page/desk.ts";
import type { ShownApproval } from "../host/page/shown.ts";
import { Argv, differenceWords } from "./argv.tsx";
import { Action, Badge, Empty } from "./parts.tsx";
import { useStore } from "./store.ts";
import { hasForeign, isCut, Shown, spoken } from "./text.tsx";
import { ago, clock, count, duration, size } from "./words.ts";

/** How long an answered card stays in its place. */
const LINGER_MS = 4_000;
const TIMES: readonly (readonly [string, string])[] = [
  ["", "until its session ends"],
  ["900", "for 15 minutes"],
  ["3600", "for an hour"],
  ["28800", "for 8 hours"],
];

interface FactsProps {
  readonly approval: ShownApproval;
}

function Facts({ approval }: FactsProps): JSX.Element {
  const { cwd, target, stdinBytes, stdinDigest, session, peer, route, askedAt, via } = approval;
  const { now } = useStore();
  return (
    <dl class="facts">
      <dt>Runs in</dt>
      <dd>
        <Shown text={cwd} most={200} mono />
      </dd>
      {target === undefined ? undefined : (
        <>
          <dt>Target</dt>
          <dd>
            <Shown text={target} most={200} mono />
          </dd>
        </>
      )}
      <dt>Standard input</dt>
      <dd>
        {stdinBytes === undefined && stdinDigest === undefined ? "none" : undefined}
        {stdinBytes === undefined ? undefined : `${size(stdinBytes)} `}
        {stdinDigest === undefined ? undefined : <Shown text={stdinDigest} most={24} mono />}
      </dd>
      <dt>Asked by</dt>
      <dd>
        session <Shown text={session} most={32} mono /> over <Shown text={peer} most={60} mono /> (
        <Shown text={route} most={32} />
        ),{" "}
        <time dateTime={new Date(askedAt).toISOString()} title={clock(askedAt, now.value)}>
          {ago(askedAt, now.value)}
        </time>
        {via.length === 0 ? undefined : (
          <>
            ; also asked: <Shown text={via.join(", ")} most={120} />
          </>
        )}
      </dd>
    </dl>
  );
}

interface AnswersProps {
  readonly approval: ShownApproval;
  readonly unless: string | undefined;
  readonly onAnswer: (answer: Answer, words: string) => void;
}

function Answers({ approval, unless, onAnswer }: AnswersProps): JSX.Element {
  const { answers } = approval;
  const operation = spoken(approval.operation);
  const [form, setForm] = useState<"none" | "deny" | "more">("none");
  const [note, setNote] = useState("");
  const [seconds, setSeconds] = useState("");
  const has = (kind: Answer["kind"]): boolean => answers.includes(kind);
  const toggle = (wanted: "deny" | "more"): void => {
    setForm(form === wanted ? "none" : wanted);
  };
  const deny = (): void => {
    onAnswer({ kind: "deny", note: note.trim() }, "Denied");
  };
  return (
    <div class="answers">
      <div class="row">
        {has("once") ? (
          <Action
            tone="primary"
            unless={unless}
            label={`Allow once: ${operation}`}
            onAct={() => {
              onAnswer({ kind: "once" }, "Allowed once");
            }}
          >
            Allow once
          </Action>
        ) : undefined}
        {has("deny") ? (
          <button
            type="button"
            class="action plain"
            aria-expanded={form === "deny"}
            aria-label={`Deny ${operation}, with a note`}
            onClick={() => {
              toggle("deny");
            }}
          >
            Deny…
          </button>
        ) : undefined}
        {has("call") || has("operation") ? (
          <button
            type="button"
            class="action quiet"
            aria-expanded={form === "more"}
            aria-label={`Allow more than this one run of ${operation}`}
            onClick={() => {
              toggle("more");
            }}
          >
            Allow more…
          </button>
        ) : undefined}
      </div>
      {unless === undefined ? undefined : <p class="careful">{unless}</p>}
      {form === "deny" ? (
        <form
          class="answer-form"
          onSubmit={(event) => {
            event.preventDefault();
          }}
        >
          <label>
            Note to the agent (optional)
            <textarea
              rows={2}
              maxLength={2_000}
              value={note}
              ref={(field) => {
                if (field !== null && note === "") field.focus();
              }}
              onInput={(event) => {
                setNote(event.currentTarget.value);
              }}
            />
          </label>
          <Action tone="danger" label={`Deny ${operation}`} onAct={deny}>
            Deny
          </Action>
        </form>
      ) : undefined}
      {form === "more" ? (
        <div class="answer-form">
          {has("call") ? (
            <Action
              unless={unless}
              onAct={() => {
                onAnswer({ kind: "call" }, "This call is allowed until its session ends");
              }}
            >
              This exact call, until its session ends
            </Action>
          ) : undefined}
          {has("operation") ? (
            <div class="row">
              <Action
                tone="danger"
                unless={unless}
                onAct={() => {
                  const chosen = seconds === "" ? undefined : Number(seconds);
                  onAnswer({ kind: "operation", seconds: chosen }, `${operation} is allowed`);
                }}
              >
                Every call of {operation}
              </Action>
              <select
                aria-label={`How long every call of ${operation} is allowed`}
                value={seconds}
                onChange={(event) => {
                  setSeconds(event.currentTarget.value);
                }}
              >
                {TIMES.map(([value, words]) => (
                  <option key={value} value={value}>
                    {words}
                  </option>
                ))}
              </select>
              <p class="hint">Whatever its arguments are, for this session only.</p>
            </div>
          ) : undefined}
        </div>
      ) : undefined}
    </div>
  );
}

interface CardProps {
  readonly approval: ShownApproval;
  /** How it was answered; undefined while it waits. */
  readonly closed: string | undefined;
  readonly onAnswered: (words: string) => void;
}

const NONE: readonly ShownApproval[] = [];
const NOT_ALL = "Not all of it is shown. Show everything before you allow it.";

function Card({ approval, closed, onAnswered }: CardProps): JSX.Element {
  const store = useStore();
  const card = useRef<HTMLElement>(null);
  const [whole, setWhole] = useState<ShownApproval>();
  const [busy, setBusy] = useState(false);
  const heading = useId();
  const { id, operation, project, title, says, lastApproved, expiresAt } = approval;
  const { argv } = whole ?? approval;
  const before = (whole ?? approval).lastApproved?.argv;
  const left = expiresAt - store.now.value;

  const answer = (given: Answer, words: string): void => {
    if (busy) return;
    setBusy(true);
    void store
      .attempt(async () => store.calls.change(`approvals/${encodeURIComponent(id)}`, given))
      .then((done) => {
        setBusy(false);
        if (!done) return;
        // The button that had the focus is about to go.
        if (card.current?.contains(document.activeElement)) card.current.focus();
        onAnswered(words);
      });
  };
  const showAll = (): void => {
    void store.attempt(async () => {
      setWhole((await store.calls.get(`approvals/${encodeURIComponent(id)}`)) as ShownApproval);
    });
  };

  return (
    <article
      ref={card}
      class={closed === undefined ? "card" : "card closed"}
      tabIndex={-1}
      aria-labelledby={heading}
      data-approval
    >
      <header>
        <h3 id={heading}>
          <Shown text={operation} most={64} mono />
        </h3>
        <Badge tone="plain">
          <Shown text={project} most={60} />
        </Badge>
        {closed === undefined ? (
          <span class={left < 30_000 ? "left soon" : "left"}>
            {left > 0 ? `${duration(left)} left` : "time is over"}
          </span>
        ) : (
          <strong class="left">{closed}</strong>
        )}
      </header>
      {title === "" ? undefined : (
        <p class="title">
          <Shown text={title} most={120} />
        </p>
      )}
      {says === "" ? undefined : (
        <p class="says">
          <Shown text={says} most={400} />
        </p>
      )}
      <Argv argv={argv} before={before} label="Command line, one argument a line" />
      {isCut(argv) ? (
        <button type="button" class="action plain" onClick={showAll}>
          Show everything
        </button>
      ) : undefined}
      {hasForeign(argv) ? (
        <p class="careful">Marked letters are not those of an English keyboard, though they may look like them.</p>
      ) : undefined}
      {lastApproved === undefined || before === undefined ? (
        <p class="hint">This operation was not allowed before.</p>
      ) : (
        <p class="hint">
          Compared with what was allowed {ago(lastApproved.at, store.now.value)}: {differenceWords(argv, before)}.
        </p>
      )}
      <Facts approval={approval} />
      {closed === undefined ? (
        <Answers approval={approval} unless={isCut(argv) ? NOT_ALL : undefined} onAnswer={answer} />
      ) : undefined}
    </article>
  );
}

interface Held {
  readonly approval: ShownApproval;
  readonly closed: string | undefined;
  readonly since: number;
}

/**
 * What waits for an answer, the oldest first. Newer ones come below, and one that was answered stays in its place for a while and as long as the pointer is on
 * the list: nothing moves under it.
 */
export function Approvals(): JSX.Element {
  const store = useStore();
  const section = useRef<HTMLElement>(null);
  const [held, setHeld] = useState<readonly Held[]>([]);
  const approvals = store.board.value.approvals;
  const list = approvals?.list ?? NONE;

  useEffect(() => {
    setHeld((before) => {
      const waiting = new Map(list.map((approval) => [approval.id, approval]));
      const known = new Set(before.map(({ approval }) => approval.id));
      const kept = before.map((one): Held => {
        if (waiting.has(one.approval.id) || one.closed !== undefined) return one;
        const isOver = one.approval.expiresAt <= store.daemonTime();
        return {
          ...one,
          closed: isOver ? "Time is over: denied" : "Answered elsewhere, or not wanted any more",
          since: Date.now(),
        };
      });
      const added = list.filter(({ id }) => !known.has(id));
      return [...kept, ...added.map((approval): Held => ({ approval, closed: undefined, since: Date.now() }))];
    });
  }, [list]);

  useEffect(() => {
    const timer = setInterval(() => {
      const isBusy =
        section.current?.matches(":hover") === true || section.current?.contains(document.activeElement) === true;
      setHeld((before) => {
        const left = before.filter(
          ({ closed, since }) => closed === undefined || Date.now() - since < LINGER_MS * (isBusy ? 8 : 1),
        );
        return left.length === before.length ? before : left;
      });
    }, 1_000);
    return () => {
      clearInterval(timer);
    };
  }, []);

  const close = (id: string, words: string): void => {
    store.say("good", words);
    setHeld((before) =>
      before.map((one) => (one.approval.id === id ? { ...one, closed: words, since: Date.now() } : one)),
    );
  };
  const beyond = (approvals?.waiting ?? 0) - list.length;
  return (
    <section ref={section} class="approvals" aria-labelledby="approvals">
      <h2 id="approvals" tabIndex={-1}>
        Waiting for you <span class="count">{store.waiting.value}</span>
      </h2>
      {held.length === 0 ? <Empty>Nothing waits for an answer.</Empty> : undefined}
      {held.map(({ approval, closed }) => (
        <Card
          key={approval.id}
          approval={approval}
          closed={closed}
          onAnswered={(words) => {
            close(approval.id, words);
          }}
        />
      ))}
      {beyond > 0 ? <p class="careful">{count(beyond, "more call")} waiting; answer these first.</p> : undefined}
    </section>
  );
}
