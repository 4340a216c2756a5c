import { CodedError } from "../wire/errors.ts";
import { VERSION } from "../host/util/version.ts";
import type { LinkHub } from "./agents/link-hub.ts";
import type { Caller } from "./calls.ts";
import type { CallerBook } from "./config/callers.ts";
import type { AddedTarget, EnrolledTarget, KnownTarget } from "./registry/known-target.ts";
import type { Registry } from "./registry/registry.ts";
import type { Choice } from "./registry/selection.ts";
import type { Answered } from "./registry/pinger.ts";
import type { Relay } from "./relay/relay.ts";

export interface DeskParts {
  readonly registry: Registry;
  readonly relay: Relay;
  readonly hub: LinkHub;
  readonly callers: () => CallerBook;
  /** Where agents that dial out reach this gateway, as HOST:PORT. */
  readonly addresses: () => readonly string[];
  /** Tells the log, and so whoever wonders later, that an administrator changed something. */
  readonly changed: (what: string, fields: Readonly<Record<string, string>>) => void;
}

/** What our own clients ask about the fleet, and what administrators change in it. */
export class FleetDesk {
  readonly #parts: DeskParts;

  constructor(parts: DeskParts) {
    this.#parts = parts;
  }

  /** @throws CodedError `caller_not_allowed` */
  requireAdmin(caller: Caller): Caller {
    if (this.#parts.callers().mayChange(caller)) return caller;
    throw new CodedError("caller_not_allowed", `${caller.name} may not change the fleet: it is no administrator`);
  }

  /** @throws CodedError `target_unknown`, `too_many_targets`, `target_invalid` */
  select(caller: Caller, choice: Choice): readonly KnownTarget[] {
    const { registry, callers } = this.#parts;
    return registry.select(choice, (target) => callers().mayUse(caller, target));
  }

  async ping(caller: Caller, name: string, signal: AbortSignal): Promise<Answered> {
    return this.#parts.relay.ping(caller, name, signal);
  }

  async add(target: AddedTarget): Promise<KnownTarget> {
    const added = await this.#parts.registry.add(target);
    this.#parts.changed("target added", { target: added.name });
    return added;
  }

  async tag(name: string, add: readonly string[], remove: readonly string[]): Promise<KnownTarget> {
    const tagged = await this.#parts.registry.tag(name, add, remove);
    this.#parts.changed("target tagged", { target: name, tags: tagged.tags.join(" ") });
    return tagged;
  }

  /** Removes a target that was added, or forgets a machine that is enrolled: its key is worth nothing then. @throws CodedError */
  async remove(name: string): Promise<void> {
    const { registry, hub, changed } = this.#parts;
    const isEnrolled = await hub.forget(name);
    if (!isEnrolled || registry.get(name)?.source === "added") await registry.remove(name);
    changed("target removed", { target: name });
  }

  async redeem(
    code: string,
    wanted: { readonly name: string | undefined; readonly tags: readonly string[] | undefined },
  ): Promise<EnrolledTarget> {
    return this.#parts.hub.redeem(code, wanted);
  }

  async invite(wanted: {
    readonly name: string | undefined;
    readonly tags: readonly string[] | undefined;
    readonly addresses: readonly string[];
    readonly minutes: number | undefined;
  }): Promise<{ readonly code: string; readonly expiresAt: Date }> {
    const { hub, addresses } = this.#parts;
    if (hub.port === undefined)
      throw new CodedError("enrolment_invalid", "agents cannot dial in: gateway.toml has no [link]", {
        hint: "Add [link] to gateway.toml and start the gateway again, or let the agent listen (`cmd2host agent enroll`).",
      });
    const { name, tags, minutes } = wanted;
    return hub.invite({
      addresses: wanted.addresses.length === 0 ? addresses() : wanted.addresses,
      ...(name === undefined ? {} : { name }),
      // Always said, so that the machine itself cannot choose its tags, on which rights may hang.
      about: { tags: [...(tags ?? [])] },
      ...(minutes === undefined ? {} : { lifetimeMs: minutes * 60_000 }),
    });
  }

  async rotate(): Promise<object> {
    const next = await this.#parts.hub.rotate();
    return { ...this.facts(), next_key: next };
  }

  async promote(): Promise<object> {
    await this.#parts.hub.promote();
    return this.facts();
  }

  /** What an administrator is shown of the gateway itself. */
  facts(): object {
    const { hub, registry } = this.#parts;
    return {
      version: VERSION,
      key: hub.fingerprint,
      targets: registry.size,
      ...(hub.port === undefined ? {} : { link_port: hub.port }),
      ...(hub.waitingForKey === undefined ? {} : { next_key_unknown_to: hub.waitingForKey }),
    };
  }
}
