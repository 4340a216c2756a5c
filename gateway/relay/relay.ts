import { randomUUID } from "node:crypto";
import { CodedError } from "../../wire/errors.ts";
import type { Live, OutputSink } from "../../wire/live.ts";
import type { OutcomeFields } from "../../wire/schema.ts";
import type { Approvals, Ruling } from "../../host/approval/approvals.ts";
import type { Place } from "../../host/limits/limits.ts";
import type { Agent, Via } from "../agents/agent.ts";
import type { AdmittedShell, Caller, GatewayCalls, ShellCall, ShellEnd } from "../calls.ts";
import type { CallerBook } from "../config/callers.ts";
import type { KnownTarget } from "../registry/known-target.ts";
import type { Pinger } from "../registry/pinger.ts";
import type { TargetState } from "../target.ts";
import type { Admission } from "./admission.ts";
import { allowed } from "./approving.ts";
import type { AdmittedCall, Asked } from "./asked.ts";
import { endedByStop, errorOf, failedFields, outcomeOfReply, type Written } from "./outcome.ts";
import type { Recorder } from "./recorder.ts";

const SHELL = "shell";
/** What the original says of a command that ran out of time, and what 0 seconds are there. */
const EXIT_TIMED_OUT = 137;
const ZERO_SECONDS = 60;

export interface RelayParts {
  readonly admission: Admission;
  readonly recorder: Recorder;
  readonly approvals: Approvals;
  readonly pinger: Pick<Pinger, "ping">;
  readonly callers: () => CallerBook;
  readonly defaultTimeoutSeconds: () => number;
  readonly agentOf: (target: KnownTarget) => Agent;
}

/** A call that was admitted: it holds its places until it has run or was given up. */
export interface Admitted {
  readonly call: AdmittedCall;
  /** Runs it. Whatever happens becomes an outcome, recorded. @throws CodedError `audit_unavailable` */
  run(live: Live, signal: AbortSignal): Promise<OutcomeFields>;
  /** Lets the target answer it at once, without a stream: a run in the background. @throws CodedError */
  ask(signal: AbortSignal): Promise<object>;
  giveUp(): void;
}

/** Takes requests of callers to targets: rights, limits, a person's word where one is needed, a record, and then the link. */
export class Relay implements GatewayCalls {
  readonly #parts: RelayParts;

  constructor(parts: RelayParts) {
    this.#parts = parts;
  }

  authenticate(key: string): Caller | undefined {
    return this.#parts.callers().authenticate(key);
  }

  targets(caller: Caller): readonly TargetState[] {
    return this.#parts.admission.targets(caller);
  }

  async ping(caller: Caller, name: string, signal: AbortSignal) {
    this.#parts.admission.target(caller, name);
    return this.#parts.pinger.ping(name, signal);
  }

  /** A target, and for whom it is asked. @throws CodedError as `Admission.target` */
  agent(caller: Caller, name: string): { readonly agent: Agent; readonly via: Via; readonly target: KnownTarget } {
    const target = this.#parts.admission.target(caller, name);
    const via = { caller: caller.name, target: name, id: randomUUID() };
    return { agent: this.#parts.agentOf(target), via, target };
  }

  get admission(): Admission {
    return this.#parts.admission;
  }

  admit(caller: Caller, call: ShellCall): AdmittedShell {
    const { target, command, timeoutSeconds, workDir, env, source, peer = source } = call;
    const seconds = timeoutSeconds ?? this.#parts.defaultTimeoutSeconds();
    const admitted = this.admitted({
      id: randomUUID(),
      caller,
      peer,
      transport: "http",
      route: source,
      target,
      operation: SHELL,
      argv: [SHELL, command],
      message: {
        operation: SHELL,
        params: { command },
        timeout_seconds: seconds === 0 ? ZERO_SECONDS : seconds,
        ...(workDir === "" ? {} : { work_dir: workDir }),
        ...(env.size === 0 ? {} : { env: Object.fromEntries(env) }),
        filtered: false,
      },
    });
    return {
      run: async (output, signal) => shellEnd(admitted, output, signal),
      giveUp: () => {
        admitted.giveUp();
      },
    };
  }

  /** Decides on a call. Nothing is sent yet. @throws CodedError every denial, which is recorded */
  admitted(asked: Asked): Admitted {
    const { admission, recorder } = this.#parts;
    let target: KnownTarget | undefined;
    let place: Place;
    try {
      target = admission.target(asked.caller, asked.target);
      admission.requireOperation(asked.caller, asked.operation);
      place = admission.place(asked.caller, target, asked.operation);
    } catch (error) {
      if (error instanceof CodedError) recorder.denied(asked, target, error);
      throw error;
    }
    const found = target;
    const call: AdmittedCall = { ...asked, target: found };
    return {
      call,
      run: async (live, signal) => this.#run(asked, call, place, live, signal),
      ask: async (signal) => this.#ask(asked, call, place, signal),
      giveUp: () => {
        place.giveBack();
      },
    };
  }

  async #cleared(asked: Asked, call: AdmittedCall, place: Place, live: Live, signal: AbortSignal): Promise<void> {
    const { admission, approvals, recorder } = this.#parts;
    try {
      let ruling: Ruling | undefined;
      if (admission.needsApproval(call.caller, call.operation)) {
        ruling = await allowed(approvals, call, live, signal);
        // A person took their time: rights may be others now.
        admission.target(asked.caller, asked.target);
        admission.requireOperation(asked.caller, asked.operation);
      }
      recorder.permitted(asked, call.target, ruling);
    } catch (error) {
      place.giveBack();
      if (error instanceof CodedError && error.code !== "audit_unavailable") recorder.denied(asked, call.target, error);
      throw error;
    }
  }

  async #run(asked: Asked, call: AdmittedCall, place: Place, live: Live, signal: AbortSignal): Promise<OutcomeFields> {
    await this.#cleared(asked, call, place, live, signal);
    const started = performance.now();
    const written: Written = { accepted: false, stdout: 0, stderr: 0 };
    const watched = watching(live, written, asked.id);
    let outcome: OutcomeFields;
    try {
      outcome = await this.#parts.agentOf(call.target).run(call.message, viaOf(asked), watched, signal);
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      outcome = failedFields(error, asked.id, written);
    } finally {
      place.release();
    }
    if (signal.reason === "shutting_down") outcome = endedByStop(outcome);
    // Whatever the target calls it: under its own id a caller would look for another run.
    if (outcome.run_id !== undefined) outcome = { ...outcome, run_id: asked.id };
    this.#parts.recorder.ended(asked, outcome, performance.now() - started);
    return outcome;
  }

  async #ask(asked: Asked, call: AdmittedCall, place: Place, signal: AbortSignal): Promise<object> {
    const nobody: Live = { accepted: ignore, notice: ignore, output: NO_SINK, stdin: undefined };
    await this.#cleared(asked, call, place, nobody, signal);
    const started = performance.now();
    const nothing: Written = { accepted: false, stdout: 0, stderr: 0 };
    try {
      const reply = await this.#parts.agentOf(call.target).ask(call.message, viaOf(asked), signal, 0);
      this.#parts.recorder.ended(asked, outcomeOfReply(reply), performance.now() - started);
      return reply;
    } catch (error) {
      if (error instanceof CodedError)
        this.#parts.recorder.ended(asked, failedFields(error, asked.id, nothing), performance.now() - started);
      throw error;
    } finally {
      place.release();
    }
  }
}

const NO_SINK: OutputSink = { write: () => undefined };

function ignore(): void {
  return undefined;
}

function viaOf({ caller, target, id }: Asked): Via {
  return { caller: caller.name, target, id };
}

/** Counts what comes of a call, so that its end can be told truly when the link is lost. */
function watching(live: Live, written: Written, id: string): Live {
  return {
    ...live,
    accepted: (accepted) => {
      written.accepted = true;
      live.accepted({ ...accepted, run_id: id });
    },
    output: {
      write: (stream, bytes): Promise<void> | undefined => {
        written[stream] += bytes.length;
        return live.output.write(stream, bytes);
      },
    },
  };
}

/** @throws CodedError when it could not be run */
async function shellEnd(admitted: Admitted, output: OutputSink, signal: AbortSignal): Promise<ShellEnd> {
  const started = performance.now();
  const live: Live = { accepted: ignore, notice: ignore, output, stdin: undefined };
  const outcome = await admitted.run(live, signal);
  const durationMs = performance.now() - started;
  const timings = new Map([["rpc_exec", durationMs], ...Object.entries(outcome.timings ?? {})]);
  const error = errorOf(outcome);
  if (error === undefined) return { exitCode: outcome.exit_code, durationMs, timedOut: false, timings };
  if (error.code === "timed_out") return { exitCode: EXIT_TIMED_OUT, durationMs, timedOut: true, timings };
  throw error;
}
