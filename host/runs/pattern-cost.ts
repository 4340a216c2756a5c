/** What a compiled pattern costs at most: the atoms that it has after its counted repetitions are written out. */

interface Level {
  total: number;
  last: number;
}

const REPETITION = /^\{(\d{1,4})(?:,(\d{0,4}))?\}/;

const CLASS_NAME = /^\[:\^?[a-z]+:\]/;

/** Where the character class that begins at `from` ends. */
function closingBracket(source: string, from: number): number {
  let at = from + (source[from + 1] === "^" ? 2 : 1);
  if (source[at] === "]") at++; // as the first it stands for itself
  for (; at < source.length; at++) {
    if (source[at] === "]") return at;
    if (source[at] === "\\") at++;
    else at += Math.max(0, (CLASS_NAME.exec(source.slice(at, at + 16))?.[0].length ?? 0) - 1);
  }
  return source.length;
}

/** Where what begins with a backslash at `from` ends: one character further, or at the end of a quotation. */
function escapeEnd(source: string, from: number): number {
  if (source[from + 1] !== "Q") return from + 1;
  const end = source.indexOf("\\E", from + 2);
  return end === -1 ? source.length - 1 : end + 1;
}

/** Never less than what the pattern's program needs; often more. For patterns that compile. */
export function patternCost(source: string): number {
  const levels: Level[] = [{ total: 0, last: 0 }];
  const atom = (cost: number): void => {
    const level = levels.at(-1);
    if (level === undefined) return;
    level.total += cost;
    level.last = cost;
  };
  for (let at = 0; at < source.length; at++) {
    const character = source[at];
    if (character === "\\") {
      const end = escapeEnd(source, at);
      atom(end - at);
      at = end;
    } else if (character === "[") {
      at = closingBracket(source, at);
      atom(1);
    } else if (character === "(") levels.push({ total: 0, last: 0 });
    else if (character === ")") atom(1 + (levels.length > 1 ? (levels.pop()?.total ?? 0) : 0));
    else if (character === "{") {
      const found = REPETITION.exec(source.slice(at, at + 12));
      const level = levels.at(-1);
      if (found === null || level === undefined) atom(1);
      else {
        const times = Math.max(Number(found[1]), Number(found[2] ?? 0));
        level.total += level.last * Math.max(0, times - 1);
        level.last *= Math.max(1, times);
        at += found[0].length - 1;
      }
    } else atom(1);
  }
  return levels.reduce((sum, { total }) => sum + total, 0);
}
