import type { Origin, Decision } from "../../host/audit/audit.ts";
import type { Caller } from "../calls.ts";
import type { KnownTarget } from "../registry/known-target.ts";

/** A request of a caller for one operation on one target. */
export interface Asked {
  /** Of the decision, here and at the target. */
  readonly id: string;
  readonly caller: Caller;
  /** Whom it came from, for records. */
  readonly peer: string;
  readonly transport: Origin["transport"];
  readonly route: Decision["route"];
  readonly target: string;
  readonly operation: string;
  /** What the caller sends, as one line of words: for records and for people. */
  readonly argv: readonly string[];
  /** What the target is sent. */
  readonly message: object;
}

/** One that may be sent. */
export interface AdmittedCall extends Omit<Asked, "target"> {
  readonly target: KnownTarget;
}
