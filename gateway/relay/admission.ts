import { CodedError } from "../../wire/errors.ts";
import { quoted, shortened } from "../../wire/text.ts";
import type { Limits, Place } from "../../host/limits/limits.ts";
import type { CallerBook } from "../config/callers.ts";
import type { Caller } from "../calls.ts";
import type { KnownTarget } from "../registry/known-target.ts";
import type { Registry } from "../registry/registry.ts";

/** What decides whether a call may be sent. */
export interface AdmissionParts {
  readonly registry: Registry;
  readonly limits: Limits;
  /** As they are now. */
  readonly callers: () => CallerBook;
  readonly maxPerTarget: () => number;
  /** True for a machine without an address that has dialled in. */
  readonly hasLink: (name: string) => boolean;
}

/** For budgets and rates, where a host has its projects. */
const PROJECT = "gateway";

/** Rights and limits of callers. The machines' own policies come behind it, and are not looked at here. */
export class Admission {
  readonly #parts: AdmissionParts;
  /** Calls that are at work, by target. */
  readonly #working = new Map<string, number>();

  constructor(parts: AdmissionParts) {
    this.#parts = parts;
  }

  /** Those that the caller may use. */
  targets(caller: Caller): readonly KnownTarget[] {
    const book = this.#parts.callers();
    return this.#parts.registry.states().filter((target) => book.mayUse(caller, target));
  }

  /**
   * A target that the caller may use and that can be reached. Whoever may not use one is not told that it exists.
   * @throws CodedError `target_required`, `target_unknown`, `target_no_address`, `target_no_key`
   */
  target(caller: Caller, name: string): KnownTarget {
    if (name === "") throw new CodedError("target_required", "a gateway must be told which target is meant");
    const target = this.#parts.registry.get(name);
    const shown = quoted(shortened(name, 128));
    if (target === undefined || !this.#parts.callers().mayUse(caller, target))
      throw new CodedError("target_unknown", `there is no target ${shown}`);
    if (target.host === "" && !this.#parts.hasLink(name))
      throw new CodedError("target_no_address", `target ${shown} has no address (its status is ${target.status})`);
    if (target.way === undefined) throw new CodedError("target_no_key", `there is no key for target ${shown}`);
    return target;
  }

  /** @throws CodedError `caller_not_allowed` */
  requireOperation(caller: Caller, operation: string): void {
    if (!this.mayCall(caller, operation))
      throw new CodedError(
        "caller_not_allowed",
        `${caller.name} may not call the operation ${quoted(shortened(operation, 80))}`,
      );
  }

  mayCall(caller: Caller, operation: string): boolean {
    return this.#parts.callers().mayCall(caller, operation);
  }

  needsApproval(caller: Caller, operation: string): boolean {
    return this.#parts.callers().needsApproval(caller, operation);
  }

  /**
   * A place for a call, until it is given back.
   * @throws CodedError `target_busy`, `rate_limited`, `too_many_at_once`, `budget_spent`
   */
  place(caller: Caller, { name }: KnownTarget, operation: string): Place {
    const { limits, callers, maxPerTarget } = this.#parts;
    const working = this.#working.get(name) ?? 0;
    const max = maxPerTarget();
    if (working >= max)
      throw new CodedError("target_busy", `${working} calls run on target ${quoted(shortened(name, 128))} already`);
    const place = limits.take({
      project: PROJECT,
      operation,
      session: caller.name,
      perSession: callers().limitsOf(caller),
      perOperation: undefined,
    });
    this.#working.set(name, working + 1);
    let isOver = false;
    const end = (give: () => void) => (): void => {
      if (isOver) return;
      isOver = true;
      give();
      const left = (this.#working.get(name) ?? 1) - 1;
      if (left === 0) this.#working.delete(name);
      else this.#working.set(name, left);
    };
    return {
      release: end(() => {
        place.release();
      }),
      giveBack: end(() => {
        place.giveBack();
      }),
    };
  }
}
