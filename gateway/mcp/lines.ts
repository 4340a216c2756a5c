import type { Readable } from "node:stream";
import { CodedError } from "../../wire/errors.ts";

const LINE_FEED = 0x0a;
/** The longest line: some more than the longest body over HTTP. */
const MAX_LINE_BYTES = 4_194_304;

/**
 * The lines of a stream, without their ends; a last one without an end counts. The stream is read as fast as lines are taken.
 * @throws CodedError `frame_too_large` for a line that does not end
 */
export async function* linesOf(input: Readable): AsyncGenerator<Buffer> {
  let parts: Buffer[] = [];
  let length = 0;
  for await (const chunk of input as AsyncIterable<Buffer>) {
    let rest = chunk;
    for (let at = rest.indexOf(LINE_FEED); at !== -1; at = rest.indexOf(LINE_FEED)) {
      yield Buffer.concat([...parts, rest.subarray(0, at)]);
      parts = [];
      length = 0;
      rest = rest.subarray(at + 1);
    }
    length += rest.length;
    if (length > MAX_LINE_BYTES)
      throw new CodedError("frame_too_large", `a line of standard input is longer than ${MAX_LINE_BYTES} bytes`);
    if (rest.length > 0) parts.push(rest);
  }
  if (length > 0) yield Buffer.concat(parts);
}
