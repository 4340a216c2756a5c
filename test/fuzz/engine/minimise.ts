/**
 * Makes an input smaller, then plainer, as long as `holds` of it. At most `budget` attempts.
 * @param holds whether an input still does what it is kept for
 */
export async function minimised(
  input: Buffer,
  holds: (candidate: Buffer) => Promise<boolean>,
  budget: number,
): Promise<Buffer> {
  let best = input;
  let left = budget;
  const takes = async (candidate: Buffer): Promise<boolean> => {
    if (left-- <= 0 || !(await holds(candidate))) return false;
    best = candidate;
    return true;
  };
  for (let before = -1; before !== best.length && left > 0;) {
    before = best.length;
    for (let size = Math.max(1, best.length >> 1); size >= 1 && left > 0; size >>= 1) {
      for (let at = 0; at < best.length && left > 0;) {
        const shorter = Buffer.concat([best.subarray(0, at), best.subarray(at + size)]);
        if (!(await takes(shorter))) at += size;
      }
    }
  }
  for (let at = 0; at < best.length && left > 0; at++) {
    if (best[at] === 0x61) continue;
    const plainer = Buffer.from(best);
    plainer[at] = 0x61;
    await takes(plainer);
  }
  return best;
}
