/** `widens`: may permit more than before. `changes`: permits neither more nor less. `narrows`: permits less. */
export type Effect = "widens" | "changes" | "narrows";

export interface Change {
  readonly effect: Effect;
  /** One line, printable. */
  readonly text: string;
  readonly details?: readonly string[];
}

export const widens = (text: string, details?: readonly string[]): Change => ({
  effect: "widens",
  text,
  ...(details === undefined || details.length === 0 ? {} : { details }),
});
export const changes = (text: string): Change => ({ effect: "changes", text });
export const narrows = (text: string): Change => ({ effect: "narrows", text });

/** What was added to and taken from a list, duplicates aside. */
export function listDifference(
  before: readonly string[],
  after: readonly string[],
): { readonly added: readonly string[]; readonly removed: readonly string[] } {
  const [old, now] = [new Set(before), new Set(after)];
  return { added: [...now].filter((item) => !old.has(item)), removed: [...old].filter((item) => !now.has(item)) };
}
