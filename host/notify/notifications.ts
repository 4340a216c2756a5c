import type { Approvals, Pending } from "../approval/approvals.ts";
import type { Notifier } from "./notifier.ts";

/**
 * Tells people of every call that waits, by the ways that its operation names, and passes their answers on.
 * @param ways those that there are now
 * @param mask takes secrets out of what leaves this machine, or stays on a screen
 */
export function notify(
  approvals: Approvals,
  ways: () => readonly Notifier[],
  mask: (text: string) => string = (text) => text,
): void {
  const waiting = new Map<string, { readonly stop: AbortController; readonly told: readonly Notifier[] }>();
  approvals.watch({
    asked: (pending) => {
      const told = ways().filter(({ name }) => isMeant(pending, name));
      const stop = new AbortController();
      waiting.set(pending.card.id, { stop, told });
      for (const notifier of told) {
        const by = notifier.name === "desktop" ? "desktop" : `webhook:${notifier.name}`;
        void notifier.asked(
          masked(pending, mask),
          (answer) => {
            approvals.answer(pending.card.id, answer, by);
          },
          stop.signal,
        );
      }
    },
    settled: (pending, how) => {
      const { stop, told = [] } = waiting.get(pending.card.id) ?? {};
      waiting.delete(pending.card.id);
      stop?.abort();
      for (const notifier of told) void notifier.settled(pending, how);
    },
  });
}

function isMeant({ via }: Pending, name: string): boolean {
  return via === undefined || via.includes(name);
}

/** The same call with its texts masked. The digest stays that of what would run. */
function masked(pending: Pending, mask: (text: string) => string): Pending {
  const { card } = pending;
  const { plan, says } = card;
  return {
    ...pending,
    why: mask(pending.why),
    card: { ...card, says: mask(says), plan: { ...plan, argv: plan.argv.map(mask) } },
  };
}
