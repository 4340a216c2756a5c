/** An agent for tests that runs nothing and always says the same. */
import { CodedError } from "../../wire/errors.ts";
import type { OutputSink } from "../../wire/live.ts";
import { Attempts } from "../../capnp/commando/attempts.ts";
import type { AgentHost } from "../../capnp/commando/host.ts";
import type { ExecRequest, ExecResult, Pong } from "../../capnp/commando/schema.ts";

/** A result without output. */
export function ended(request: ExecRequest, exitCode = 0): ExecResult {
  return {
    stdout: Buffer.alloc(0),
    stderr: Buffer.alloc(0),
    exitCode,
    durationMs: 12,
    timedOut: false,
    truncated: false,
    requestId: request.requestId,
    profilerJson: "",
  };
}

/** Resolves when a signal is aborted. */
export async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise((resolve) => {
    signal.addEventListener("abort", resolve, { once: true });
  });
}

/**
 * Its commands: `sleep…` runs until it is aborted, `full` is refused, `break` is a bug, `write STREAM TEXT` writes, anything else writes `out` and
 * `err` and ends with 3.
 */
export class ScriptedHost implements AgentHost {
  readonly psk = Buffer.from("secret");
  readonly attempts = new Attempts();
  readonly requests: ExecRequest[] = [];
  /** How many commands were aborted. */
  aborted = 0;

  ping(): Pong {
    return { hostname: "scripted", uptimeSecs: 7, shell: "none", version: "0.5.13" };
  }

  async exec(request: ExecRequest, signal: AbortSignal): Promise<ExecResult> {
    await this.#begin(request, signal);
    return { ...ended(request, 3), stdout: Buffer.from("out\n"), stderr: Buffer.from("err\n"), truncated: true };
  }

  async execStream(request: ExecRequest, output: OutputSink, signal: AbortSignal): Promise<ExecResult> {
    await this.#begin(request, signal);
    const [verb, stream, text = ""] = request.command.split(" ");
    if (verb === "write") {
      await output.write(stream === "stderr" ? "stderr" : "stdout", Buffer.from(text));
      return ended(request);
    }
    await output.write("stdout", Buffer.from("out\n"));
    await output.write("stderr", Buffer.from("err\n"));
    return { ...ended(request, 3), profilerJson: '{"execute_ms":1.5}' };
  }

  async #begin(request: ExecRequest, signal: AbortSignal): Promise<void> {
    this.requests.push(request);
    if (request.command === "full") throw new CodedError("agent_full", "8 commands run already");
    if (request.command === "break") throw new TypeError("a secret of the host");
    if (!request.command.startsWith("sleep")) return;
    await aborted(signal);
    this.aborted++;
    throw new CodedError("cancelled", "the command was ended");
  }
}
