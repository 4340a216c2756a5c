import type { IncomingMessage } from "node:http";
import { CODES, type Code } from "../../wire/codes.ts";
import { CodedError } from "../../wire/errors.ts";
import { printable, shortened } from "../../wire/text.ts";

/** Answers of a gateway over HTTP. What is in them comes from outside. */

const MAX_ANSWER_BYTES = 33_554_432;

function memberOf(body: unknown, name: string): string | undefined {
  if (typeof body !== "object" || body === null) return undefined;
  const value: unknown = Object.getOwnPropertyDescriptor(body, name)?.value;
  return typeof value === "string" ? value : undefined;
}

/** What an answer means that is an error. What it says comes from outside. */
export function errorIn(status: number, body: unknown, text: string): CodedError {
  const said = memberOf(body, "error") ?? text;
  const message = printable(shortened(said === "" ? `HTTP ${status}` : said, 2_000));
  if (status === 401) return new CodedError("gateway_refused", `the gateway does not accept the key: ${message}`);
  const code = memberOf(body, "code");
  const hint = memberOf(body, "hint");
  if (code === undefined || !Object.hasOwn(CODES, code))
    return new CodedError("gateway_unreachable", `the gateway answers ${status}: ${message}`);
  return new CodedError(code as Code, message, hint === undefined ? {} : { hint: printable(shortened(hint, 1_000)) });
}

/** The whole of an answer. @throws CodedError `gateway_unreachable` when it is too long */
export async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response) {
    const bytes = chunk as Buffer;
    length += bytes.length;
    if (length > MAX_ANSWER_BYTES) throw new CodedError("gateway_unreachable", "the gateway's answer is too long");
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** What a text holds as JSON; undefined when it is none. */
export function jsonIn(text: string): unknown {
  try {
    return text === "" ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
