import { streamBytes } from "../wire/client.ts";
import type { OperationReply } from "../wire/schema.ts";

/**
 * Clients close the connection at a message of more than 10 MB (the limit of the SDK's own), and what a program prints
 * may be six times as long as JSON. Streams that would come near to it are cut, so that no output can end a session.
 */
const MAX_STREAMS_JSON_BYTES = 8_388_608;
const MAX_STREAM_JSON_BYTES = MAX_STREAMS_JSON_BYTES / 2;

function jsonBytes(text: string): number {
  return Buffer.byteLength(JSON.stringify(text), "utf8");
}

/** Whether both streams may stand in one message twice, as text and as data. */
export function fitsTwice({ stdout, stderr }: OperationReply): boolean {
  return 2 * (jsonBytes(stdout) + jsonBytes(stderr)) <= MAX_STREAMS_JSON_BYTES;
}

/** At most `length` characters, never half of one: no lone surrogate, whole groups of base64. */
function head(text: string, length: number, encoding: string | undefined): string {
  if (encoding === "base64") return text.slice(0, length - (length % 4));
  return text.slice(0, length).replace(/[\ud800-\udbff]$/, "");
}

function cut(text: string, encoding: string | undefined): string {
  let part = text;
  for (let bytes = jsonBytes(part); bytes > MAX_STREAM_JSON_BYTES; bytes = jsonBytes(part)) {
    part = head(part, Math.floor(part.length * Math.min(0.9, MAX_STREAM_JSON_BYTES / bytes)), encoding);
  }
  return part;
}

/** The same reply with streams that fit into a message; a stream that is cut says so as one that the daemon cut. */
export function bounded(reply: OperationReply): OperationReply {
  const { stdout, stderr, stdout_encoding: outEncoding, stderr_encoding: errEncoding } = reply;
  if (jsonBytes(stdout) + jsonBytes(stderr) <= MAX_STREAMS_JSON_BYTES) return reply;
  const out = cut(stdout, outEncoding);
  const err = cut(stderr, errEncoding);
  const outBytes = reply.stdout_original_bytes ?? streamBytes(stdout, outEncoding).length;
  const errBytes = reply.stderr_original_bytes ?? streamBytes(stderr, errEncoding).length;
  return {
    ...reply,
    ...(out === stdout ? {} : { stdout: out, stdout_truncated: true, stdout_original_bytes: outBytes }),
    ...(err === stderr ? {} : { stderr: err, stderr_truncated: true, stderr_original_bytes: errBytes }),
  };
}
