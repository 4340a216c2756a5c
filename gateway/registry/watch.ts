import { printable, quoted } from "../../wire/text.ts";
import type { ProxmoxSettings } from "../config/settings.ts";
import { ProxmoxDiscovery } from "./discovery.ts";
import { Greeter } from "./greeter.ts";
import { Pinger, type Answered } from "./pinger.ts";
import type { KnownTarget } from "./known-target.ts";
import { RegistryCache } from "./registry-cache.ts";
import type { Registry } from "./registry.ts";

export interface WatchParts {
  readonly registry: Registry;
  /** Holds what was discovered, for the next start. */
  readonly cacheDirectory: string;
  readonly proxmox: ProxmoxSettings | undefined;
  readonly defaultPort: number;
  /** As `PingerParts` has it. */
  readonly ping: (target: KnownTarget, signal: AbortSignal) => Promise<Answered>;
  readonly hasLink: (name: string) => boolean;
  /** Between two rounds of pings, and of discovery, in milliseconds. */
  readonly intervalMs: () => number;
  readonly warn: (message: string) => void;
}

/** Keeps a registry true for as long as a gateway runs: discovery finds targets, pings find out who answers. */
export class RegistryWatch {
  readonly pinger: Pinger;
  readonly #greeter: Greeter;
  readonly #discovery: ProxmoxDiscovery;
  readonly #parts: Pick<WatchParts, "registry" | "warn">;

  /** Takes what the cache holds; nobody is asked before `start`. */
  constructor(parts: WatchParts) {
    const { registry, ping, hasLink, intervalMs, warn } = parts;
    this.#parts = parts;
    this.pinger = new Pinger({ registry, ping, hasLink, intervalMs });
    this.#greeter = new Greeter(this.pinger);
    this.#discovery = new ProxmoxDiscovery({
      registry,
      cache: new RegistryCache(parts.cacheDirectory, warn),
      settings: parts.proxmox,
      defaultPort: parts.defaultPort,
      intervalMs,
      warn,
    });
  }

  start(): void {
    this.#warnOfStrangers();
    this.#discovery.start();
    this.pinger.start();
  }

  /** A machine has just come by itself. */
  greet(target: string): void {
    this.#greeter.greet(target);
  }

  /** The registry has new settings. */
  configure(proxmox: ProxmoxSettings | undefined, defaultPort: number): void {
    this.#warnOfStrangers();
    this.#discovery.configure(proxmox, defaultPort);
  }

  #warnOfStrangers(): void {
    const { registry, warn } = this.#parts;
    for (const name of registry.strangers)
      warn(
        `target ${quoted(name)} of gateway.toml is not enrolled, and cannot be spoken to: let its agent make a code (cmd2host agent enroll), and use it here (cmd2host fleet add CODE --name=${printable(name)})`,
      );
  }

  async stop(): Promise<void> {
    this.#greeter.stop();
    await this.pinger.stop();
    await this.#discovery.stop();
  }
}
