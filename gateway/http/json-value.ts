import { isUtf8 } from "node:buffer";
import { isJsonSpace, JsonScanner } from "../../wire/json.ts";

/** The JSON value that some bytes are, under the rules of wire/json.ts; undefined when they are none. */
export function jsonValue(bytes: Buffer): { readonly value: unknown } | undefined {
  if (!isUtf8(bytes)) return undefined;
  const scanner = new JsonScanner();
  const first = scanner.write(bytes);
  const result = first.state === "more" ? scanner.end() : first;
  if (result.state !== "done" || !bytes.subarray(result.end).every(isJsonSpace)) return undefined;
  return { value: JSON.parse(bytes.toString("utf8")) as unknown };
}

/** An object's members, for those who look at them one by one; undefined when it is something else. */
export function members(value: unknown): ReadonlyMap<string, unknown> | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  return new Map(Object.entries(value));
}
