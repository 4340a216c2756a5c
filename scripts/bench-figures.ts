/** One line of the table. `figures` is what `--json` prints. */
export interface Row {
  readonly what: string;
  readonly measured: string;
  readonly reference: string;
  readonly ratio: string;
  readonly figures: Readonly<Record<string, number>>;
}

/** How long everything is measured. */
export interface Effort {
  readonly rounds: number;
  readonly perRound: number;
  readonly total: number;
}

export function quantile(samples: readonly number[], q: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;
}

export function median(samples: readonly number[]): number {
  return quantile(samples, 0.5);
}

/** Milliseconds. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

export async function repeated(count: number, work: () => Promise<unknown>): Promise<readonly number[]> {
  const samples: number[] = [];
  for (let index = 0; index < count; index++) samples.push(await timed(work));
  return samples;
}

export const ms = (value: number): string => `${value.toFixed(value < 10 ? 3 : 1)} ms`;
export const mb = (value: number): string => `${value.toFixed(1)} MB`;
export const times = (value: number): string => `×${value.toFixed(2)}`;

/** Samples by name, for measurements that take turns so that whatever else the machine does falls on all of them. */
export class Samples {
  readonly #all = new Map<string, number[]>();

  add(name: string, ...more: readonly number[]): void {
    this.#all.set(name, [...this.of(name), ...more]);
  }

  of(name: string): readonly number[] {
    return this.#all.get(name) ?? [];
  }
}

/** p50 and p99 of both, and what ours costs on top. */
export function latencyRow(
  what: string,
  samples: readonly number[],
  reference: readonly number[],
  referenceName: string,
): Row {
  const [p50, p99] = [median(samples), quantile(samples, 0.99)];
  const [r50, r99] = [median(reference), quantile(reference, 0.99)];
  return {
    what,
    measured: `${ms(p50)} / ${ms(p99)}`,
    reference: `${referenceName}: ${ms(r50)} / ${ms(r99)}`,
    ratio: `${times(p50 / r50)}, ${p50 < r50 ? "-" : "+"}${ms(Math.abs(p50 - r50))}`,
    figures: { p50, p99, reference_p50: r50, reference_p99: r99, extra_p50: p50 - r50 },
  };
}
