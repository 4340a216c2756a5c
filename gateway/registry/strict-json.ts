import { isUtf8 } from "node:buffer";
import { isBlank } from "../../wire/framing.ts";
import { JsonScanner } from "../../wire/json.ts";

/** One JSON value, read strictly: no duplicate members, no unbounded depth, nothing behind it. Undefined when the bytes are anything else. */
export function strictJson(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) return undefined;
  const scanner = new JsonScanner();
  let result = scanner.write(bytes);
  if (result.state === "more") result = scanner.end();
  if (result.state !== "done" || !isBlank(bytes.subarray(result.end))) return undefined;
  return JSON.parse(bytes.toString("utf8")) as unknown;
}
