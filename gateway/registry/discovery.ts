import { messageOf } from "../../wire/errors.ts";
import { printable, shortened } from "../../wire/text.ts";
import type { ProxmoxNode, ProxmoxSettings } from "../config/settings.ts";
import type { DiscoveredTarget } from "./known-target.ts";
import { listNode, type NodeListing } from "./node-listing.ts";
import { PROXMOX_BOUNDS, type ProxmoxBounds } from "./proxmox-client.ts";
import type { CachedLook, RegistryCache } from "./registry-cache.ts";
import type { Registry } from "./registry.ts";
import { Rounds } from "./rounds.ts";
import { TimeLimit } from "./time-limit.ts";

/** For everything that one node is asked in one round. */
const NODE_MS = 60_000;
/** Most reasons that are said of one node. */
const MAX_SAID = 20;

export interface DiscoveryParts {
  readonly registry: Registry;
  readonly cache: RegistryCache;
  /** Undefined: nothing is discovered. */
  readonly settings: ProxmoxSettings | undefined;
  readonly defaultPort: number;
  /** Between two rounds, in milliseconds. */
  readonly intervalMs: () => number;
  readonly warn: (message: string) => void;
  /** Milliseconds since 1970. */
  readonly now?: (() => number) | undefined;
  readonly bounds?: (ProxmoxBounds & { readonly nodeMs: number }) | undefined;
  readonly random?: (() => number) | undefined;
}

/** How a node is. */
export interface NodeState {
  readonly name: string;
  readonly host: string;
  /** Why it could not be listed. Undefined: it could, or has not been asked yet. */
  readonly trouble: string | undefined;
  /** When it was last listed, in milliseconds since 1970. */
  readonly listedAt: number | undefined;
  readonly targets: number;
}

/** What is known of a node from earlier rounds. */
interface Memory {
  readonly node: ProxmoxNode;
  targets: readonly DiscoveredTarget[];
  trouble: string | undefined;
  listedAt: number | undefined;
  /** The reasons that were said last, so that they are not said again in every round. */
  said: string;
}

/** Two nodes may have the same name, when they are of two clusters. */
function keyOf({ name, host, port }: ProxmoxNode): string {
  return `${name} ${host} ${port}`;
}

/**
 * Keeps the registry told what Proxmox lists. A node that fails keeps its targets as they were last listed; they go when it answers without them, or
 * when it is no longer in the settings.
 */
export class ProxmoxDiscovery {
  readonly #parts: DiscoveryParts;
  readonly #rounds: Rounds;
  readonly #now: () => number;
  readonly #bounds: ProxmoxBounds & { readonly nodeMs: number };
  #settings: ProxmoxSettings | undefined;
  #defaultPort: number;
  #memories = new Map<string, Memory>();

  /** Takes what the cache holds, so that targets are there before the first round. */
  constructor(parts: DiscoveryParts) {
    this.#parts = parts;
    this.#now = parts.now ?? Date.now;
    this.#bounds = parts.bounds ?? { ...PROXMOX_BOUNDS, nodeMs: NODE_MS };
    this.#settings = parts.settings;
    this.#defaultPort = parts.defaultPort;
    this.#rounds = new Rounds(async (signal) => this.#round(signal), parts.intervalMs, parts.random);
    const nodes = parts.settings?.nodes ?? [];
    const cached = nodes.length === 0 ? [] : parts.cache.load(nodes.map(({ name }) => name));
    this.#remember(cached);
    this.#tell();
  }

  /** The first round begins now, in the background. */
  start(): void {
    this.#rounds.start();
  }

  /** A round now, or the one that is running: resolves at its end. */
  async discover(): Promise<void> {
    await this.#rounds.run();
  }

  async stop(): Promise<void> {
    await this.#rounds.stop();
  }

  /** New settings, after gateway.toml was changed. Targets of nodes that are no longer there go at once. */
  configure(settings: ProxmoxSettings | undefined, defaultPort: number): void {
    const hadNodes = this.#memories.size > 0;
    this.#settings = settings;
    this.#defaultPort = defaultPort;
    this.#remember([]);
    if (!hadNodes && this.#memories.size === 0) return;
    this.#tell();
    this.#save();
    this.#rounds.soon();
  }

  get nodes(): readonly NodeState[] {
    return [...this.#memories.values()].map(({ node, targets, trouble, listedAt }) => ({
      name: node.name,
      host: node.host,
      trouble,
      listedAt,
      targets: targets.length,
    }));
  }

  /** One memory for each node of the settings: the old one, or one made of the cache. */
  #remember(cached: readonly DiscoveredTarget[]): void {
    const before = this.#memories;
    this.#memories = new Map();
    const left = new Set(cached);
    for (const node of this.#settings?.nodes ?? []) {
      const old = before.get(keyOf(node));
      const own = [...left].filter((target) => target.node === node.name);
      for (const target of own) left.delete(target);
      const listedAt = own.length === 0 ? undefined : Math.max(...own.map((target) => target.listedAt));
      const fresh = { targets: own, trouble: undefined, listedAt, said: "" };
      this.#memories.set(keyOf(node), { ...(old ?? fresh), node });
    }
  }

  async #round(signal: AbortSignal): Promise<void> {
    const { token, includeVms } = this.#settings ?? { token: "", includeVms: false };
    const memories = [...this.#memories.values()];
    if (memories.length === 0) return;
    await Promise.all(
      memories.map(async (memory) => {
        // Not at the end of the round: another node may take its whole time.
        if (await this.#list(memory, token, includeVms, signal)) this.#tell();
      }),
    );
    if (signal.aborted) return;
    // What nobody has listed yet says nothing about what was.
    if (memories.some(({ listedAt }) => listedAt !== undefined)) this.#save();
  }

  /** Whether it could be listed. */
  async #list(memory: Memory, token: string, includeVms: boolean, signal: AbortSignal): Promise<boolean> {
    const limit = new TimeLimit(signal, this.#bounds.nodeMs);
    const earlier = new Map(memory.targets.map(({ name, host }) => [name, host === "" ? undefined : host]));
    try {
      const listing = await listNode(
        {
          node: memory.node,
          token,
          includeVms,
          bounds: this.#bounds,
          earlier: (name) => earlier.get(name),
          now: this.#now,
        },
        limit.signal,
      );
      memory.targets = listing.targets;
      memory.trouble = undefined;
      memory.listedAt = this.#now();
      this.#say(memory, listing.skipped);
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      memory.trouble = printable(shortened(limit.isOver ? "it took too long to be listed" : messageOf(error), 500));
      const kept = memory.targets.length === 0 ? "" : "; its targets are kept as they were last listed";
      this.#say(memory, [`cannot be listed: ${memory.trouble}${kept}`]);
      return false;
    } finally {
      limit.end();
    }
  }

  #say(memory: Memory, reasons: NodeListing["skipped"]): void {
    const all = [...reasons].sort().join("\n");
    if (all === memory.said) return;
    memory.said = all;
    const { name, host, port } = memory.node;
    const where = `Proxmox node ${name} (${host}:${port})`;
    for (const reason of reasons.slice(0, MAX_SAID)) this.#parts.warn(`${where}: ${reason}`);
    if (reasons.length > MAX_SAID) this.#parts.warn(`${where}: and ${reasons.length - MAX_SAID} more`);
  }

  #targets(): readonly DiscoveredTarget[] {
    return [...this.#memories.values()].flatMap(({ targets }) => targets);
  }

  #tell(): void {
    this.#parts.registry.setDiscovered(this.#targets());
  }

  #save(): void {
    const { registry, cache } = this.#parts;
    const look = (name: string): CachedLook => {
      const target = registry.get(name);
      return target?.source === "discovered" ? target : { port: this.#defaultPort, shell: "sh", tags: [] };
    };
    const byName = new Map(this.#targets().map((target) => [target.name, target]));
    cache.save([...byName.values()], look);
  }
}
