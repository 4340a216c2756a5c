import { createHash, timingSafeEqual } from "node:crypto";
import type { Caller } from "../calls.ts";
import { MAX_KEY_BYTES } from "./caller-section.ts";
import { NameGlobs } from "./name-globs.ts";
import type { CallerLimits, CallerSettings } from "./settings.ts";

/** A caller, and what it may do. */
interface Entry {
  readonly caller: Caller;
  /** Of its key. */
  readonly digest: Buffer | undefined;
  readonly targets: NameGlobs;
  readonly tags: ReadonlySet<string>;
  readonly operations: NameGlobs;
  readonly approval: NameGlobs;
  readonly limits: CallerLimits;
  readonly expiresAt: number;
}

function entryOf(settings: CallerSettings): Entry {
  return {
    caller: { name: settings.name, isAdmin: settings.isAdmin },
    digest: settings.keyHash === undefined ? undefined : Buffer.from(settings.keyHash, "hex"),
    targets: new NameGlobs(settings.targets),
    tags: new Set(settings.tags),
    operations: new NameGlobs(settings.operations),
    approval: new NameGlobs(settings.approval),
    limits: settings.limits,
    expiresAt: settings.expiresAt ?? Number.POSITIVE_INFINITY,
  };
}

/** Never equal to the digest of a key: it is none. */
const NO_DIGEST = Buffer.alloc(32);
const NO_LIMITS: CallerLimits = { rate: undefined, concurrent: undefined, perDay: undefined };

/**
 * Who may use the gateway, and what for. Rights are asked by the caller's name, so a caller that a newer configuration does not have, or whose key
 * has ended, may nothing.
 */
export class CallerBook {
  readonly #entries: readonly Entry[];
  readonly #byName: ReadonlyMap<string, Entry>;
  readonly #now: () => number;

  /** @param now milliseconds since 1970 */
  constructor(callers: readonly CallerSettings[], now: () => number = Date.now) {
    this.#entries = callers.map(entryOf);
    this.#byName = new Map(this.#entries.map((entry) => [entry.caller.name, entry]));
    this.#now = now;
  }

  /** Whose key this is. Compared with every caller's, in a time that does not depend on where or how far it fits. */
  authenticate(key: string): Caller | undefined {
    if (key.length > MAX_KEY_BYTES) return undefined;
    const presented = createHash("sha256").update(key, "utf8").digest();
    let found: Entry | undefined;
    for (const entry of this.#entries) {
      const isSame = timingSafeEqual(entry.digest ?? NO_DIGEST, presented);
      found = isSame && entry.digest !== undefined ? entry : found;
    }
    return found !== undefined && this.#isCurrent(found) ? found.caller : undefined;
  }

  /** Whether the caller may use a target: one of its globs fits the name, or the target has one of its tags. */
  mayUse(caller: Caller, target: { readonly name: string; readonly tags: readonly string[] }): boolean {
    const entry = this.#current(caller);
    return entry !== undefined && (entry.targets.match(target.name) || target.tags.some((tag) => entry.tags.has(tag)));
  }

  /** Whether the caller may call an operation. `shell` is the one that takes command strings. */
  mayCall(caller: Caller, operation: string): boolean {
    return this.#current(caller)?.operations.match(operation) ?? false;
  }

  /** Whether the caller may change which targets there are. */
  mayChange(caller: Caller): boolean {
    return this.#current(caller)?.caller.isAdmin ?? false;
  }

  /** Whether a person must allow each call of the operation. True of a caller that there is not. */
  needsApproval(caller: Caller, operation: string): boolean {
    return this.#current(caller)?.approval.match(operation) ?? true;
  }

  limitsOf(caller: Caller): CallerLimits {
    return this.#current(caller)?.limits ?? NO_LIMITS;
  }

  #isCurrent({ expiresAt }: Entry): boolean {
    return this.#now() < expiresAt;
  }

  #current(caller: Caller): Entry | undefined {
    const entry = this.#byName.get(caller.name);
    return entry !== undefined && this.#isCurrent(entry) ? entry : undefined;
  }
}
