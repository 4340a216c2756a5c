import { join } from "node:path";
import type { RegistrySettings } from "../../../gateway/registry/merge.ts";
import type { DiscoveredTarget, KnownTarget } from "../../../gateway/registry/known-target.ts";
import { Registry } from "../../../gateway/registry/registry.ts";
import { TargetsStore } from "../../../gateway/registry/targets-store.ts";
import type { ManualTarget, TargetOverride } from "../../../gateway/config/settings.ts";
import { tempDirectory } from "../../fixtures/temp.ts";

export const HASH = "ab".repeat(32);

export function manual(name: string, changes: Partial<ManualTarget> = {}): ManualTarget {
  const target = { host: "10.0.0.1", port: 9_876, shell: "sh", tags: [], way: undefined, fingerprint: undefined };
  return { name, ...target, node: undefined, ...changes };
}

export function discovered(name: string, changes: Partial<DiscoveredTarget> = {}): DiscoveredTarget {
  return { name, node: name.split("/")[0] ?? "", host: "10.0.1.1", status: "running", listedAt: 5, ...changes };
}

interface Given {
  readonly targets?: readonly ManualTarget[];
  readonly overrides?: readonly TargetOverride[];
  /** Names with a key in agent.psk. */
  readonly psk?: readonly string[];
  readonly defaultPort?: number;
}

export function settings({
  targets = [],
  overrides = [],
  psk = [],
  defaultPort = 9_876,
}: Given = {}): RegistrySettings {
  const keys = new Map(psk.map((name) => [name, Buffer.from("k")]));
  return { targets, overrides, agent: { psk: keys, defaultPort } };
}

/** A registry with a state directory of its own. */
export class Scene {
  readonly directory = join(tempDirectory(), "state");
  now = 1_000;
  readonly registry: Registry;

  constructor(given: Given = {}) {
    this.registry = this.another(given);
  }

  get file(): string {
    return join(this.directory, "targets.json");
  }

  /** Of the same state directory. */
  another(given: Given = {}): Registry {
    const store = new TargetsStore(this.directory);
    return new Registry({ settings: settings(given), store, now: () => this.now });
  }

  target(name: string): KnownTarget {
    const target = this.registry.get(name);
    if (target === undefined) throw new Error(`no target ${name}`);
    return target;
  }

  names(): readonly string[] {
    return this.registry.states().map(({ name }) => name);
  }
}
