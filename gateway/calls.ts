import type { OutputSink } from "../wire/live.ts";
import type { Pong, TargetState } from "./target.ts";

/** Whoever presented a key. */
export interface Caller {
  readonly name: string;
  /** May change which targets there are. */
  readonly isAdmin: boolean;
}

/** A command for a shell of a target, byte for byte as it was sent: what commando's clients ask for. It is the target's operation `shell`. */
export interface ShellCall {
  readonly target: string;
  readonly command: string;
  /** Undefined: the gateway's default. 0: 60 seconds, as in the original. */
  readonly timeoutSeconds: number | undefined;
  /** Empty: the home directory of the user that it runs as. */
  readonly workDir: string;
  readonly env: ReadonlyMap<string, string>;
  readonly source: "rest" | "mcp";
  /** Whom it came from, for records. */
  readonly peer?: string;
}

/** How a command on a target ended. */
export interface ShellEnd {
  /** 0–255; 128+n when signal n ended it; 137 when it ran out of time, as in the original. */
  readonly exitCode: number;
  readonly durationMs: number;
  readonly timedOut: boolean;
  /** Where the time went, by stage, in milliseconds; the names of commando's profile. */
  readonly timings: ReadonlyMap<string, number>;
}

/** A call that may run: the caller's rights and the limits were kept. It holds a place until it has run or was given up. */
export interface AdmittedShell {
  /**
   * Runs it. Output that cannot be taken now holds the command.
   * @throws CodedError when it could not be run, or the link to its target was lost
   */
  run(output: OutputSink, signal: AbortSignal): Promise<ShellEnd>;
  giveUp(): void;
}

/** What the ways into a gateway (REST, MCP) ask of it. */
export interface GatewayCalls {
  /** Compared in constant time. Undefined when nobody has this key. */
  authenticate(key: string): Caller | undefined;
  /** Those that the caller may use, sorted by name. */
  targets(caller: Caller): readonly TargetState[];
  /** @throws CodedError `target_unknown`, `target_no_address`, `target_no_key`; `target_unreachable` and others of the failed kind */
  ping(
    caller: Caller,
    target: string,
    signal: AbortSignal,
  ): Promise<{ readonly pong: Pong; readonly latencyMs: number }>;
  /**
   * Decides on a call. Nothing is sent yet.
   * @throws CodedError `target_unknown`, `target_no_address`, `target_no_key`, `target_busy`, `caller_not_allowed`, `rate_limited`
   */
  admit(caller: Caller, call: ShellCall): AdmittedShell;
}
