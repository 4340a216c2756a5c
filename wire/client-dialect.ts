import { addressText, type Address, type Way } from "./client-connect.ts";

/** Which daemons do not stream. Shared between clients, so that each daemon is tried once. */
export class Dialect {
  readonly #plain = new Set<string>();

  /** True until the contrary is known. */
  streams(address: Address | Way): boolean {
    return !this.#plain.has(addressText(address));
  }

  remember(address: Address | Way, streams: boolean): void {
    if (streams) this.#plain.delete(addressText(address));
    else this.#plain.add(addressText(address));
  }
}
