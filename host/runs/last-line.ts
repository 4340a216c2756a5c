import { printable } from "../../wire/text.ts";
import { unfinished } from "./characters.ts";

/** How much of the end of a stream is looked at. */
export const LAST_LINE_WINDOW = 1_024;
const MAX_LAST_LINE = 200;

function cut(bytes: Buffer): Buffer {
  if (bytes.length <= MAX_LAST_LINE) return bytes;
  const head = bytes.subarray(0, MAX_LAST_LINE);
  return head.subarray(0, head.length - unfinished(head));
}

/**
 * The last line that is not blank among the last bytes of a stream, complete or not, for one line of a terminal: at most 200 bytes. What a carriage return
 * would have overwritten is left out.
 */
export function lastLine(bytes: Buffer): string | undefined {
  const lines = bytes.toString("latin1").split(/[\r\n]/);
  let end = bytes.length;
  for (const line of lines.reverse()) {
    const start = end - line.length;
    if (line.trim() !== "") {
      const text = printable(cut(bytes.subarray(start, end)).toString("utf8").trim());
      if (text !== "") return cut(Buffer.from(text, "utf8")).toString("utf8");
    }
    end = start - 1;
  }
  return undefined;
}
