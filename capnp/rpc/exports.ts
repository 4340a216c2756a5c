import { RpcException } from "./exception.ts";
import { Ids } from "./ids.ts";
import type { HostedObject } from "./object.ts";

/** Objects of ours that the peer may call, with how often it was given each. */
export class Exports {
  readonly #rows = new Map<number, { readonly object: HostedObject; given: number }>();
  readonly #idOf = new Map<HostedObject, number>();
  readonly #ids = new Ids();
  #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#rows.size;
  }

  set limit(limit: number) {
    this.#limit = limit;
  }

  get(id: number): HostedObject | undefined {
    return this.#rows.get(id)?.object;
  }

  /**
   * Gives it to the peer, once more when it has it already.
   * @throws RpcException `overloaded` when there are too many
   */
  give(object: HostedObject): number {
    const known = this.#idOf.get(object);
    const row = known === undefined ? undefined : this.#rows.get(known);
    if (known !== undefined && row !== undefined) {
      row.given++;
      return known;
    }
    if (this.#rows.size >= this.#limit)
      throw new RpcException("overloaded", `more than ${this.#limit} objects would be in the peer's hands`);
    const id = this.#ids.take();
    this.#rows.set(id, { object, given: 1 });
    this.#idOf.set(object, id);
    return id;
  }

  /** The peer has given it back so many times. What it does not have is ignored. */
  release(id: number, times: number): void {
    const row = this.#rows.get(id);
    if (row === undefined) return;
    row.given -= times;
    if (row.given > 0) return;
    this.#rows.delete(id);
    this.#idOf.delete(row.object);
    this.#ids.giveBack(id);
  }

  clear(): void {
    this.#rows.clear();
    this.#idOf.clear();
  }
}
