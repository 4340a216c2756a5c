import { printable } from "../wire/printable.ts";

/** What a program wrote, as text. */

/** CSI, strings up to their end or the end of the line, other escapes; in the 7-bit and the 8-bit form. */
const ESCAPES =
  /(?:\u001b\[|\u009b)[\u0020-\u003f]*[\u0040-\u007e]?|(?:\u001b[PX\]^_]|[\u0090\u0098\u009d-\u009f])[^\u0007\u001b\u009c\n]*(?:\u0007|\u001b\\|\u009c)?|\u001b[\u0020-\u002f]*[\u0030-\u007e]?/g;

/** A line as it would look at its end: what was overwritten is not shown. */
function overwritten(line: string): string {
  const bare = line.endsWith("\r") ? line.slice(0, -1) : line;
  return bare.slice(bare.lastIndexOf("\r") + 1);
}

/** Text with terminal escapes taken out and everything else that cannot be shown written as an escape. */
export function readableOutput(raw: string): string {
  return raw
    .replace(ESCAPES, "")
    .split("\n")
    .map((line) => overwritten(line).split("\t").map(printable).join("\t"))
    .join("\n");
}

/** The end of a text, from the beginning of a line on, and how many characters were left out. */
export function tailOf(text: string, most: number): { readonly text: string; readonly left: number } {
  if (text.length <= most) return { text, left: 0 };
  const from = text.length - most;
  const line = text.indexOf("\n", from);
  const start = line === -1 || line > from + 2_000 ? from : line + 1;
  return { text: text.slice(start), left: start };
}
