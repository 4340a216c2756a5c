import { isUtf8 } from "node:buffer";
import { CodedError } from "./errors.ts";
import { isJsonSpace, JsonScanner, type JsonFault, type ScanResult } from "./json.ts";
import { MAX_REQUEST_BYTES, MAX_REQUEST_BYTES_ANNOUNCED } from "./limits.ts";

export type Frame =
  | { readonly state: "more" }
  /** Nothing but white space came: close without an answer. */
  | { readonly state: "nothing" }
  /** One JSON value. `trailing`: something other than white space stood behind it in the same bytes. */
  | { readonly state: "message"; readonly message: unknown; readonly trailing: boolean }
  | { readonly state: "refused"; readonly error: CodedError };

/** How a client says in its first bytes that it knows the newer protocol: the first member is `"protocol": 2`. */
const ANNOUNCEMENT = /^[\t\n\r ]*\{[\t\n\r ]*"protocol"[\t\n\r ]*:[\t\n\r ]*[2-9][\t\n\r ]*[,}]/;

function refused(error: CodedError): Frame {
  return { state: "refused", error };
}

function faultError(fault: JsonFault): CodedError {
  const code = fault.kind === "duplicate_key" ? "json_duplicate_key" : "json_invalid";
  return new CodedError(
    code,
    `Invalid JSON: ${fault.message}${fault.message.includes("EOF") ? "" : ` at byte ${fault.offset}`}`,
  );
}

const OPENINGS = new Map([
  ["[", "array"],
  ['"', "string"],
  ["t", "boolean"],
  ["f", "boolean"],
]);

/**
 * Judges the first byte that is not white space: a request begins with `{`. `null` is let through, it is a request of unknown
 * type. Refusing at once, without waiting for more, is what makes the port useless to a browser's POST.
 */
function notAnObject(chunk: Buffer): CodedError | undefined {
  const first = chunk.find((byte) => !isJsonSpace(byte)) ?? 0;
  const character = String.fromCharCode(first);
  if (character === "{" || character === "n") return undefined;
  const kind =
    OPENINGS.get(character) ?? (/[-0-9]/.test(character) ? "number" : `byte 0x${first.toString(16).padStart(2, "0")}`);
  return new CodedError("json_invalid", `Invalid JSON: expected an object, got ${kind}`);
}

/** True when every byte is JSON white space. */
export function isBlank(bytes: Uint8Array): boolean {
  return bytes.every(isJsonSpace);
}

/**
 * The JSON object that a whole payload is, under the same rules as a request on its own.
 * @throws CodedError `json_invalid`, `json_duplicate_key`, `json_trailing_data`
 */
export function readPayload(payload: Buffer): unknown {
  const framer = new RequestFramer(payload.length);
  const first = framer.push(payload);
  const frame = first.state === "more" ? framer.end() : first;
  if (frame.state === "refused") throw frame.error;
  if (frame.state !== "message") throw new CodedError("json_invalid", "Invalid JSON: unexpected EOF");
  if (frame.trailing) throw trailingData();
  return frame.message;
}

/** The answer to bytes behind a request. */
export function trailingData(): CodedError {
  return new CodedError(
    "json_trailing_data",
    "Invalid request: data after the JSON object; one request per connection",
  );
}

/** How many bytes of JSON white space come first. */
function leadingSpace(bytes: Uint8Array): number {
  const first = bytes.findIndex((byte) => !isJsonSpace(byte));
  return first < 0 ? bytes.length : first;
}

/** The answer to a client that sent no complete request within the read deadline. */
export function frameTimeout(): CodedError {
  return new CodedError("frame_timeout", "Invalid JSON: no complete request within 5 s (i/o timeout)");
}

/**
 * Collects the bytes of one connection until one JSON value is complete, wrong, or too large. Every byte is looked at once,
 * and the outcome does not depend on how the bytes were cut into chunks.
 */
export class RequestFramer {
  readonly #chunks: Buffer[] = [];
  readonly #scanner = new JsonScanner();
  #length = 0;
  #blank = true;
  #opened = false;
  #limit: number;

  /** @param limit greatest length in bytes; the usual one grows when the client announces the newer protocol */
  constructor(limit = MAX_REQUEST_BYTES) {
    this.#limit = limit;
  }

  push(chunk: Buffer): Frame {
    if (this.#blank && this.#length + leadingSpace(chunk) > this.#limit) return { state: "nothing" };
    if (this.#blank && this.#isOnlySpace(chunk)) {
      this.#length += chunk.length;
      this.#keep(chunk);
      return { state: "more" };
    }
    const opening = this.#opened ? undefined : notAnObject(chunk);
    if (opening !== undefined) return refused(opening);
    this.#opened = true;
    const taken = chunk.subarray(0, this.#room(chunk));
    const result = this.#scanner.write(taken);
    this.#keep(taken);
    this.#length += taken.length;
    if (result.state === "more" && taken.length < chunk.length) {
      return refused(new CodedError("frame_too_large", `Request too large (exceeded ${this.#limit} bytes)`));
    }
    return this.#finish(result, chunk, this.#length - taken.length);
  }

  /** The client will send nothing more. */
  end(): Frame {
    if (this.#blank) return { state: "nothing" };
    return this.#finish(this.#scanner.end(), Buffer.alloc(0), this.#length);
  }

  #isOnlySpace(chunk: Buffer): boolean {
    this.#blank = isBlank(chunk);
    if (this.#blank) this.#scanner.write(chunk);
    return this.#blank;
  }

  #keep(chunk: Buffer): void {
    this.#chunks.push(chunk);
  }

  /** How many bytes of `chunk` still fit; raises the limit when the first bytes announce the newer protocol. */
  #room(chunk: Buffer): number {
    if (this.#length + chunk.length > this.#limit && this.#limit === MAX_REQUEST_BYTES) {
      const head = Buffer.concat([...this.#chunks, chunk.subarray(0, 1_024)]).subarray(0, 1_024);
      if (ANNOUNCEMENT.test(head.toString("latin1"))) this.#limit = MAX_REQUEST_BYTES_ANNOUNCED;
    }
    return Math.max(0, Math.min(chunk.length, this.#limit - this.#length));
  }

  /** `chunkStart`: offset of `chunk` in all the bytes. */
  #finish(result: ScanResult, chunk: Buffer, chunkStart: number): Frame {
    if (result.state === "more") return result;
    if (result.state === "wrong") return refused(faultError(result.fault));
    const all =
      this.#chunks.length === 1 && this.#chunks[0] !== undefined ? this.#chunks[0] : Buffer.concat(this.#chunks);
    const text = all.subarray(0, result.end);
    if (!isUtf8(text)) return refused(new CodedError("json_invalid", "Invalid JSON: not UTF-8"));
    const message: unknown = JSON.parse(text.toString("utf8"));
    return { state: "message", message, trailing: !isBlank(chunk.subarray(result.end - chunkStart)) };
  }
}
