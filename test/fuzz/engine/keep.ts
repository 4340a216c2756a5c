import { minimised } from "./minimise.ts";

/** What a kept corpus may be. */
export interface Bounds {
  readonly files: number;
  readonly bytes: number;
}

const MINIMISING = 300;

/**
 * The inputs that together reach the most with the fewest: always the one that adds the most features for its size, made
 * small as far as it still reaches what it was chosen for.
 */
export async function chosen(
  inputs: readonly Buffer[],
  featuresOf: (input: Buffer) => Promise<ReadonlySet<number>>,
  bounds: Bounds,
): Promise<readonly Buffer[]> {
  const known: (readonly [Buffer, ReadonlySet<number>])[] = [];
  for (const input of inputs) known.push([input, await featuresOf(input)]);
  const covered = new Set<number>();
  const out: Buffer[] = [];
  let bytes = 0;
  while (out.length < bounds.files) {
    let best: { readonly input: Buffer; readonly adds: readonly number[]; readonly worth: number } | undefined;
    for (const [input, features] of known) {
      const adds = [...features].filter((feature) => !covered.has(feature));
      const worth = adds.length / (32 + input.length);
      if (adds.length > 0 && bytes + input.length <= bounds.bytes && worth > (best?.worth ?? 0))
        best = { input, adds, worth };
    }
    if (best === undefined) break;
    const { adds } = best;
    const small = await minimised(
      best.input,
      async (candidate) => {
        const features = await featuresOf(candidate);
        return adds.every((feature) => features.has(feature));
      },
      MINIMISING,
    );
    for (const feature of await featuresOf(small)) covered.add(feature);
    out.push(small);
    bytes += small.length;
  }
  return out;
}
