import type { OutputSink } from "./live.ts";
import type { OperationReply, OutcomeFields } from "./schema.ts";

/** A reply of protocol 1 as a stream would have given it. */

/** The bytes of a stream of a reply, whatever its encoding. */
export function streamBytes(text: string, encoding: string | undefined): Buffer {
  return Buffer.from(text, encoding === "base64" ? "base64" : "utf8");
}

/** What ended the operation. The original does not tell failed from completed; its exit code 124 or 127 does. */
function outcomeOf(reply: OperationReply, stdoutBytes: number, stderrBytes: number): OutcomeFields {
  const { request_id, run_id, exit_code, signal, code, hint, notice, denied_reason: message } = reply;
  const known = Object.entries({ request_id, run_id, signal, code, message, hint, notice }).filter(
    ([, value]) => value !== undefined,
  );
  return {
    ...Object.fromEntries(known),
    outcome: typeof message === "string" ? "denied" : (reply.outcome ?? "completed"),
    exit_code,
    stdout_bytes: reply.stdout_original_bytes ?? stdoutBytes,
    stderr_bytes: reply.stderr_original_bytes ?? stderrBytes,
    ...(reply.stdout_truncated === true ? { stdout_truncated: true } : {}),
    ...(reply.stderr_truncated === true ? { stderr_truncated: true } : {}),
    ...(reply.redacted === undefined ? {} : { redacted: reply.redacted }),
  };
}

/** Hands the output of a reply on, standard output first, and gives the outcome. */
export async function deliver(reply: OperationReply, output: OutputSink): Promise<OutcomeFields> {
  const stdout = streamBytes(reply.stdout, reply.stdout_encoding);
  const stderr = streamBytes(reply.stderr, reply.stderr_encoding);
  if (stdout.length > 0) await output.write("stdout", stdout);
  if (stderr.length > 0) await output.write("stderr", stderr);
  return outcomeOf(reply, stdout.length, stderr.length);
}
