import type { ShownArgv } from "../host/page/shown.ts";

/** A command line that came whole. */
export function wholeWords(argv: readonly string[]): ShownArgv {
  return { words: argv.map((text) => ({ text, cut: 0 })), more: 0 };
}
