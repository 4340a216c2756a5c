import { CodedError } from "../../wire/errors.ts";
import type { Live } from "../../wire/live.ts";
import type { Reply } from "../../wire/outcome.ts";
import { check } from "../../wire/parse.ts";
import { replyShapeOf, stayOf } from "../../wire/parse-request.ts";
import { refusal } from "../../wire/reply.ts";
import type { Peer, Via } from "../engine/rooms.ts";

/** Ids of requests that are remembered, so that none is used again. */
const MAX_IDS = 16_384;

export type Handle = (message: unknown, peer: Peer, signal: AbortSignal, live?: Live) => Promise<Reply>;

/** Requests that gateways pass on: who asked is taken out of them, and the session put in. */
export class PassedOn {
  readonly #handle: Handle;
  readonly #ids = new Set<string>();

  /** @param handle the engine's */
  constructor(handle: Handle) {
    this.#handle = handle;
  }

  /** @param tokenFor the token of a caller's session */
  for(tokenFor: (caller: string) => string): Handle {
    return async (message, peer, signal, live) => {
      const checked = check("passed_on", message);
      if (!checked.ok || typeof message !== "object" || message === null)
        return refused(message, "a gateway must say for whom it asks (via: caller, target, id)");
      const { via } = checked.value;
      if (stayOf(message) === "session") return refused(message, "there are no MCP sessions on a link");
      if (!this.#isNew(via)) return refused(message, `the id ${via.id} was used before`);
      const own = Object.fromEntries(Object.entries(message).filter(([name]) => name !== "via"));
      return this.#handle({ ...own, token: tokenFor(via.caller) }, { ...peer, via }, signal, live);
    };
  }

  /** A record and a run are found by their id, so none may have that of another. */
  #isNew({ id }: Via): boolean {
    if (this.#ids.has(id)) return false;
    if (this.#ids.size >= MAX_IDS)
      for (const oldest of this.#ids) {
        this.#ids.delete(oldest);
        break;
      }
    this.#ids.add(id);
    return true;
  }
}

function refused(message: unknown, why: string): Reply {
  return refusal(replyShapeOf(message), new CodedError("request_invalid", `Invalid request: ${why}`));
}
