/** The words that start a program: this Node runs bundles, everything else runs by itself. */
export function wordsOf(program: string): readonly [string, ...string[]] {
  return /\.[cm]?js$/.test(program) ? [process.execPath, program] : [program];
}
