import { CodedError, messageOf } from "../../wire/errors.ts";
import { printable, shortened } from "../../wire/text.ts";
import type { ProxmoxNode } from "../config/settings.ts";
import { faultOfName } from "../target-words.ts";
import { inParallel } from "./in-parallel.ts";
import type { DiscoveredTarget } from "./known-target.ts";
import { containerAddress, guestsOf, machineAddress, type Guest } from "./proxmox-answers.ts";
import { ProxmoxClient, type ProxmoxBounds } from "./proxmox-client.ts";

const AT_ONCE = 8;

/** Paths below a node's, and what they say. */
const KINDS = {
  lxc: { address: (vmid: number) => `lxc/${vmid}/interfaces`, read: containerAddress },
  qemu: { address: (vmid: number) => `qemu/${vmid}/agent/network-get-interfaces`, read: machineAddress },
} as const;
type Kind = keyof typeof KINDS;

/** What a node answered. */
export interface NodeListing {
  readonly targets: readonly DiscoveredTarget[];
  /** What was left out, with why: one line each. */
  readonly skipped: readonly string[];
}

export interface ListingOptions {
  readonly node: ProxmoxNode;
  readonly token: string;
  readonly includeVms: boolean;
  readonly bounds: ProxmoxBounds;
  /** The address that a target had when it was last listed: it keeps it when only its own interfaces cannot be read. */
  readonly earlier: (name: string) => string | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Lists one node. */
class Listing {
  readonly #options: ListingOptions;
  readonly #client: ProxmoxClient;
  readonly #found = new Map<string, DiscoveredTarget>();
  readonly #skipped: string[] = [];

  constructor(options: ListingOptions) {
    this.#options = options;
    this.#client = new ProxmoxClient(options.node, options.token, options.bounds);
  }

  async run(signal: AbortSignal): Promise<NodeListing> {
    try {
      await this.#kind("lxc", signal);
      if (this.#options.includeVms) await this.#kind("qemu", signal);
    } finally {
      this.#client.close();
    }
    if (signal.aborted) throw new CodedError("proxmox_failed", "the node took too long");
    return { targets: [...this.#found.values()], skipped: this.#skipped };
  }

  async #kind(kind: Kind, signal: AbortSignal): Promise<void> {
    const guests = guestsOf(await this.#client.data(kind, this.#options.bounds.listBytes, signal));
    if (guests === undefined) throw new CodedError("proxmox_failed", `its list of ${kind} is no list`);
    await inParallel(guests, AT_ONCE, signal, async (guest) => this.#guest(kind, guest, signal));
  }

  async #guest(kind: Kind, guest: Guest, signal: AbortSignal): Promise<void> {
    const name = `${this.#options.node.name}/${guest.name}`;
    const fault = faultOfName(name);
    if (fault !== undefined) {
      this.#skip(String(guest.vmid), fault);
    } else if (guest.status !== "running") {
      this.#add(name, "", guest.status);
    } else {
      const address = await this.#address(kind, name, guest.vmid, signal);
      if (address !== undefined) this.#add(name, address, guest.status);
    }
  }

  async #address(kind: Kind, name: string, vmid: number, signal: AbortSignal): Promise<string | undefined> {
    const { address, read } = KINDS[kind];
    const { bounds, earlier } = this.#options;
    try {
      const found = read(await this.#client.data(address(vmid), bounds.answerBytes, signal));
      if (found === undefined) this.#skip(name, "it has no address");
      return found;
    } catch (error) {
      const before = earlier(name);
      const kept = before === undefined ? "" : "; its earlier address is kept";
      if (!signal.aborted) this.#skip(name, `its address cannot be read: ${messageOf(error)}${kept}`);
      return before;
    }
  }

  #add(name: string, host: string, status: string): void {
    const { node, now } = this.#options;
    const there = this.#found.get(name);
    if (there !== undefined) this.#skip(name, "another one has the same name");
    // One that runs is the one that is meant.
    if (there === undefined || there.host === "")
      this.#found.set(name, { name, node: node.name, host, status, listedAt: now() });
  }

  #skip(what: string, why: string): void {
    this.#skipped.push(printable(`${shortened(what, 160)}: ${why}`));
  }
}

/**
 * What runs on a node, by its API: containers, and virtual machines when they are wanted.
 * @throws CodedError `proxmox_failed` when the node cannot be asked, or answers something else
 */
export async function listNode(options: ListingOptions, signal: AbortSignal): Promise<NodeListing> {
  return new Listing(options).run(signal);
}
