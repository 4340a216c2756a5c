/** Counters of instrumented code: how often each pair of consecutive places was passed. `scripts/fuzz-instrument.ts` makes it. */
export interface Counters {
  readonly counts: Uint8Array;
  /** Which counts are not zero. */
  readonly touched: number[];
  before: number;
}

declare global {
  var cmd2hostCounters: Counters | undefined;
}

/** How often, roughly: 1, 2, 3, 4-7, 8-15, 16-31, 32-127, more. A loop that runs once more is seldom something new. */
function bucket(count: number): number {
  if (count <= 3) return count - 1;
  if (count < 8) return 3;
  if (count < 16) return 4;
  if (count < 32) return 5;
  return count < 128 ? 6 : 7;
}

/** Which places an input reached, and how often, as numbers. Empties the counters. */
export function takeFeatures(counters: Counters): readonly number[] {
  const features = counters.touched.map((at) => at * 8 + bucket(counters.counts[at] ?? 1));
  clear(counters);
  return features;
}

export function clear(counters: Counters): void {
  for (const at of counters.touched) counters.counts[at] = 0;
  counters.touched.length = 0;
  counters.before = 0;
}
