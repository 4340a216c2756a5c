import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { ShownApproval } from "../host/page/shown.ts";
import { ApprovalCard } from "./approval-card.tsx";
import { Empty } from "./parts.tsx";
import { useStore } from "./store.ts";
import { count } from "./words.ts";

/** How long an answered card stays in its place. */
const LINGER_MS = 4_000;
const NONE: readonly ShownApproval[] = [];

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
        <ApprovalCard
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
