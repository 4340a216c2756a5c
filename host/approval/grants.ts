import { randomUUID } from "node:crypto";
import { Deadline, type Clock } from "../util/deadline.ts";
import type { Card } from "./card.ts";

/** An answer that is remembered: the same call again, or every call of the operation, in one session. */
export interface Grant {
  readonly id: string;
  readonly kind: "call" | "operation";
  readonly project: string;
  readonly configHash: string;
  readonly operation: string;
  readonly session: { readonly id: string; readonly key: string };
  /** Of the one call that it is for. */
  readonly digest: string | undefined;
  readonly argv: readonly string[] | undefined;
  /** Milliseconds since 1970. */
  readonly grantedAt: number;
  /** Ends with the session when undefined. */
  readonly deadline: Deadline | undefined;
  /** By which way it was given. */
  readonly by: string;
  /** Runs that it let through. */
  readonly uses: number;
}

export interface NewGrant {
  readonly kind: Grant["kind"];
  /** Milliseconds; undefined is until the session ends. */
  readonly forMs: number | undefined;
  readonly by: string;
}

/** The oldest go when there are more: then a person is asked again. */
const MAX_GRANTS = 1_024;

/**
 * Grants live in the daemon's memory only, so none outlives it. One is for a session, a project with exactly the bytes of its configuration, and an
 * operation; one for a call also for the digest of its plan. Whatever changes, it does not fit any more.
 */
export class Grants {
  readonly #clock: Clock;
  readonly #all = new Map<string, Grant>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add({ plan, digest, requester }: Card, { kind, forMs, by }: NewGrant): Grant {
    const grant: Grant = {
      id: randomUUID(),
      kind,
      project: plan.project,
      configHash: plan.configHash,
      operation: plan.operation,
      session: requester.session,
      digest: kind === "call" ? digest : undefined,
      argv: kind === "call" ? plan.argv : undefined,
      grantedAt: this.#clock.wall(),
      deadline: forMs === undefined ? undefined : new Deadline(this.#clock, forMs),
      by,
      uses: 0,
    };
    this.#all.set(grant.id, grant);
    const [oldest] = this.#all.keys();
    if (this.#all.size > MAX_GRANTS && oldest !== undefined) this.#all.delete(oldest);
    return grant;
  }

  /** The grant that lets this plan run, counted as used; undefined when there is none. */
  use({ plan, digest, requester }: Pick<Card, "plan" | "digest" | "requester">): Grant | undefined {
    for (const grant of this.#live()) {
      const fits =
        grant.session.key === requester.session.key &&
        grant.project === plan.project &&
        grant.configHash === plan.configHash &&
        grant.operation === plan.operation &&
        (grant.kind === "operation" || grant.digest === digest);
      if (!fits) continue;
      const used = { ...grant, uses: grant.uses + 1 };
      this.#all.set(grant.id, used);
      return used;
    }
    return undefined;
  }

  /** Newest first. */
  list(): readonly Grant[] {
    return [...this.#live()].reverse();
  }

  /** Takes back those that fit, and says which. */
  revoke(fits: (grant: Grant) => boolean): readonly Grant[] {
    const gone = this.list().filter(fits);
    for (const { id } of gone) this.#all.delete(id);
    return gone;
  }

  *#live(): Iterable<Grant> {
    for (const grant of [...this.#all.values()]) {
      if (grant.deadline?.isOver === true) this.#all.delete(grant.id);
      else yield grant;
    }
  }
}
