import { Fragment, type JSX } from "preact";
import { useId, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Answer } from "../host/page/desk.ts";
import type { ShownApproval } from "../host/page/shown.ts";
import { Answers } from "./answers.tsx";
import { Argv, differenceWords } from "./argv.tsx";
import { Badge } from "./parts.tsx";
import { useStore } from "./store.ts";
import { hasForeign, isCut, lengthOf, Shown } from "./text.tsx";
import { ago, clock, count, duration, size } from "./words.ts";

interface FactsProps {
  readonly approval: ShownApproval;
}

function Facts({ approval }: FactsProps): JSX.Element {
  const { cwd, target, facts, stdinBytes, stdinDigest, session, peer, route, askedAt, via } = approval;
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
      {facts.map(({ name, value }) => (
        <Fragment key={name}>
          <dt>{name}</dt>
          <dd>
            <Shown text={value} most={200} mono />
          </dd>
        </Fragment>
      ))}
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

interface CardProps {
  readonly approval: ShownApproval;
  /** How it was answered; undefined while it waits. */
  readonly closed: string | undefined;
  readonly onAnswered: (words: string) => void;
}

const NOT_ALL = "Not all of it is shown. Show everything before you allow it.";

/** A call that waits, with all that is needed to decide; afterwards, how it was answered. */
export function ApprovalCard({ approval, closed, onAnswered }: CardProps): JSX.Element {
  const store = useStore();
  const card = useRef<HTMLElement>(null);
  const [whole, setWhole] = useState<ShownApproval>();
  const [busy, setBusy] = useState(false);
  const heading = useId();
  // Without its buttons it is as high as before: what is below stays where it is.
  const [height, setHeight] = useState(0);
  useLayoutEffect(() => {
    if (closed === undefined && card.current !== null) setHeight(card.current.getBoundingClientRect().height);
  });
  const { id, operation, project, title, says, lastApproved, expiresAt } = approval;
  const { argv } = whole ?? approval;
  const before = (whole ?? approval).lastApproved?.argv;
  const left = expiresAt - store.now.value;
  // Up to 16,000 marked characters, and the card is drawn anew each second, for its clock.
  const commandLine = useMemo(
    () => <Argv argv={argv} before={before} label="Command line, one argument a line" whole={whole !== undefined} />,
    [argv, before, whole],
  );
  const foreign = useMemo(() => hasForeign(argv), [argv]);

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
      style={closed === undefined ? undefined : { minHeight: `${String(height)}px` }}
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
      {commandLine}
      {whole === undefined ? undefined : (
        <p class="careful">
          {count(argv.words.length, "argument")}, {count(lengthOf(argv), "character")}: scroll to read all of it.
        </p>
      )}
      {isCut(argv) ? (
        <button type="button" class="action plain" onClick={showAll}>
          Show everything
        </button>
      ) : undefined}
      {foreign ? (
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
