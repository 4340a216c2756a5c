import { CodedError } from "../../wire/errors.ts";
import type { Live } from "../../wire/live.ts";
import type { Peer, Rooms } from "./rooms.ts";
import type { Trail } from "./trail.ts";

/** Everything that is the same for all steps of one request. */
export interface Case {
  readonly id: string;
  readonly peer: Peer;
  readonly trail: Trail;
  readonly signal: AbortSignal;
  readonly live: Live | undefined;
}

/** What is said of an error: a bug is reported to the owner, and gives nothing of itself away. */
export function knownError(rooms: Pick<Rooms, "reportBug">, error: unknown, id: string): CodedError {
  if (error instanceof CodedError) return error;
  rooms.reportBug(error, id);
  return new CodedError("internal", `cmd2host: internal error (${id})`);
}
