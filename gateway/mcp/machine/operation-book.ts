import { setTimeout as sleep } from "node:timers/promises";
import type { OperationInfo } from "../../../wire/schema.ts";
import type { Caller } from "../../calls.ts";
import { inParallel } from "../../registry/in-parallel.ts";
import type { TargetState } from "../../target.ts";
import type { Machines } from "./machines.ts";

/** How long a list is taken for true, in milliseconds. What a machine allows it decides anew at every call. */
const FRESH_MS = 30_000;
/** How long machines are waited for before an answer goes out without them. */
const PATIENCE_MS = 3_000;
const AT_ONCE = 64;
/** Most machines whose operations are asked for. */
const MAX_ASKED = 256;
/** Most lists that are kept, and most operations that one machine's list is taken for. */
const MAX_KEPT = 4_096;
const MAX_OPERATIONS = 200;

interface Known {
  readonly operations: readonly OperationInfo[];
  readonly at: number;
}

/** What machines allow callers, as far as it is known. */
export class OperationBook {
  readonly #machines: Machines;
  readonly #now: () => number;
  readonly #known = new Map<string, Known>();

  /** @param now milliseconds, of a clock that only goes on */
  constructor(machines: Machines, now: () => number = () => performance.now()) {
    this.#machines = machines;
    this.#now = now;
  }

  /** Operations by name of machine, of those that answer within some seconds. */
  async of(caller: Caller): Promise<ReadonlyMap<string, readonly OperationInfo[]>> {
    const targets = this.#machines.targets(caller).filter(answersLists).slice(0, MAX_ASKED);
    const old = targets.filter(({ name }) => !this.#isFresh(keyOf(caller, name)));
    if (old.length > 0) await this.#ask(caller, old);
    const found = targets.flatMap(({ name }) => {
      const known = this.#known.get(keyOf(caller, name));
      return known === undefined ? [] : [[name, known.operations] as const];
    });
    return new Map(found);
  }

  #isFresh(key: string): boolean {
    const known = this.#known.get(key);
    return known !== undefined && this.#now() - known.at < FRESH_MS;
  }

  async #ask(caller: Caller, targets: readonly TargetState[]): Promise<void> {
    const late = new AbortController();
    const asked = inParallel(targets, AT_ONCE, late.signal, async ({ name }) => {
      const client = this.#machines.client(caller, "mcp", name);
      try {
        const { operations } = await client.list("", { signal: late.signal });
        this.#keep(keyOf(caller, name), (operations ?? []).slice(0, MAX_OPERATIONS));
      } catch {
        // What was known of it holds, and it is asked again the next time.
      }
    });
    const patience = new AbortController();
    await Promise.race([asked, sleep(PATIENCE_MS, undefined, { signal: patience.signal, ref: false }).catch(noop)]);
    patience.abort();
    late.abort();
  }

  #keep(key: string, operations: readonly OperationInfo[]): void {
    // The newest is the last, so that the oldest go first.
    this.#known.delete(key);
    this.#known.set(key, { operations, at: this.#now() });
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= MAX_KEPT) break;
      this.#known.delete(oldest);
    }
  }
}

function noop(): void {
  return undefined;
}

function keyOf({ name }: Caller, target: string): string {
  return JSON.stringify([name, target]);
}

/** Agents of commando have nothing but a shell, and one that is not there would only be waited for. */
function answersLists({ way, reachable }: TargetState): boolean {
  return way === "link" && reachable !== "unreachable";
}
