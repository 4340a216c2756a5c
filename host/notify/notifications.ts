import type { Approvals, Pending } from "../approval/approvals.ts";
import type { Notifier } from "./notifier.ts";

/**
 * Tells people of every call that waits, by the ways that its operation names, and passes their answers on.
 * @param ways those that there are now
 */
export function notify(approvals: Approvals, ways: () => readonly Notifier[]): void {
  const waiting = new Map<string, { readonly stop: AbortController; readonly told: readonly Notifier[] }>();
  approvals.watch({
    asked: (pending) => {
      const told = ways().filter(({ name }) => isMeant(pending, name));
      const stop = new AbortController();
      waiting.set(pending.card.id, { stop, told });
      for (const notifier of told) {
        const by = notifier.name === "desktop" ? "desktop" : `webhook:${notifier.name}`;
        void notifier.asked(
          pending,
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
