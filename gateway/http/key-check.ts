import { CodedError } from "../../wire/errors.ts";
import type { Caller, GatewayCalls } from "../calls.ts";
import type { Penalty } from "./bounds.ts";

/** Case counts, as in the original. */
const SCHEME = "Bearer ";

/** The answer to a request without a good key. */
export function unauthorized(): CodedError {
  return new CodedError("unauthenticated", "unauthorized", {
    hint: "Send the header `Authorization: Bearer KEY` with a key of this gateway.",
  });
}

/** Who sends a request, by its key. */
export class KeyCheck {
  readonly #calls: GatewayCalls;
  readonly #penalty: Penalty;
  readonly #failed: (peer: string) => void;

  /** @param failed told of each failed authentication */
  constructor(calls: GatewayCalls, penalty: Penalty, failed: (peer: string) => void) {
    this.#calls = calls;
    this.#penalty = penalty;
    this.#failed = failed;
  }

  /**
   * The caller, at once. Undefined behind a delay when nobody has this key; `drop` when that may not even be said, because too many wait already.
   * @param authorization the header
   */
  async callerOf(authorization: string | undefined, peer: string): Promise<Caller | "drop" | undefined> {
    const key = authorization?.startsWith(SCHEME) === true ? authorization.slice(SCHEME.length) : "";
    const caller = key === "" ? undefined : this.#calls.authenticate(key);
    if (caller !== undefined) return caller;
    this.#failed(peer);
    return (await this.#penalty.serve()) ? undefined : "drop";
  }
}
