/** Texts inside a word, between texts that are fixed. Every text is as short as the rest permits, and none is empty. */

/** Where the character at `at` ends. */
function endOfCharacter(word: string, at: number): number {
  return at + ((word.codePointAt(at) ?? 0) > 0xffff ? 2 : 1);
}

/**
 * The texts between the fixed ones, which are one more; undefined when the word is another. The first place where a fixed text is found leaves
 * most to the rest, so nothing has to be tried twice: a long word takes time in proportion to its length.
 */
export function textsBetween(word: string, fixed: readonly string[]): readonly string[] | undefined {
  const [first = "", ...rest] = fixed;
  const last = rest.pop() ?? "";
  if (!word.startsWith(first)) return undefined;
  const texts: string[] = [];
  let at = first.length;
  for (const text of rest) {
    const found = word.indexOf(text, endOfCharacter(word, at));
    if (found < 0 || at >= word.length) return undefined;
    texts.push(word.slice(at, found));
    at = found + text.length;
  }
  const end = word.length - last.length;
  if (end <= at || !word.endsWith(last)) return undefined;
  return [...texts, word.slice(at, end)];
}
