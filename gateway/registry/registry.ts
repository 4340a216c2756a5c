import { CodedError } from "../../wire/errors.ts";
import { printable, quoted, shortened } from "../../wire/text.ts";
import type { Pong, TargetSource } from "../target.ts";
import { byBytes } from "./byte-order.ts";
import type { AddedTarget, DiscoveredTarget, EnrolledTarget, Health, KnownTarget } from "./known-target.ts";
import { mergedTargets, type RegistrySettings } from "./merge.ts";
import { selected, type Choice } from "./selection.ts";
import { entryOf, tagged } from "./state-changes.ts";
import type { TargetsStore } from "./targets-store.ts";

const MAX_VERSION_BYTES = 64;
const MAX_TROUBLE_BYTES = 300;

const ORIGINS: Readonly<Record<TargetSource, string>> = {
  manual: "stands in gateway.toml",
  added: "was added",
  enrolled: "is enrolled",
  discovered: "was discovered",
};

export interface RegistryParts {
  readonly settings: RegistrySettings;
  readonly store: TargetsStore;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** Whether both are the same machine, spoken to in the same way: then what pings said of the one holds of the other. */
function isSamePlace(a: KnownTarget, b: KnownTarget): boolean {
  return a.host === b.host && a.port === b.port && a.way === b.way && a.fingerprint === b.fingerprint;
}

/** Which targets there are, and how they are. What it hands out does not change; ask again for what is so now. */
export class Registry {
  readonly #store: TargetsStore;
  readonly #now: () => number;
  readonly #listeners = new Set<() => void>();
  #settings: RegistrySettings;
  #enrolled: readonly EnrolledTarget[] = [];
  #discovered: readonly DiscoveredTarget[] = [];
  #targets = new Map<string, KnownTarget>();
  /** Names in order. */
  #names: readonly string[] = [];

  constructor({ settings, store, now = Date.now }: RegistryParts) {
    this.#settings = settings;
    this.#store = store;
    this.#now = now;
    this.#merge();
  }

  /** Tells, until the returned function is called, that there are other targets than before. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** New settings, after gateway.toml was changed. */
  configure(settings: RegistrySettings): void {
    this.#settings = settings;
    this.#merge();
  }

  /** All machines that keys were exchanged with. */
  setEnrolled(enrolled: readonly EnrolledTarget[]): void {
    this.#enrolled = enrolled;
    this.#merge();
  }

  /** All machines that Proxmox listed. */
  setDiscovered(discovered: readonly DiscoveredTarget[]): void {
    this.#discovered = discovered;
    this.#merge();
  }

  /**
   * Takes over what another process did to targets.json.
   * @throws CodedError `gateway_config_invalid`, `config_untrusted`, `file_failed`; everything is then as it was
   */
  refresh(): void {
    if (this.#store.refresh()) this.#merge();
  }

  /**
   * Adds a target, and keeps it.
   * @throws CodedError `target_invalid`, `target_exists`, `file_failed`, and what `refresh` throws
   */
  async add(target: AddedTarget): Promise<KnownTarget> {
    const entry = entryOf(target);
    const { name } = entry;
    await this.#store.change((state) => {
      const there = this.#targets.get(name);
      const isTaken = state.targets.some((one) => one.name === name);
      // What was discovered is hidden by what somebody says of it.
      if (isTaken || (there !== undefined && there.source !== "discovered" && there.source !== "added"))
        throw new CodedError("target_exists", `${quoted(name)} ${ORIGINS[there?.source ?? "added"]} already`);
      return { ...state, targets: [...state.targets, entry] };
    });
    this.#merge();
    return this.#found(name);
  }

  /**
   * Removes a target that was added.
   * @throws CodedError `target_unknown`, `target_fixed`, `file_failed`, and what `refresh` throws
   */
  async remove(name: string): Promise<void> {
    await this.#store.change((state) => {
      const targets = state.targets.filter((one) => one.name !== name);
      if (targets.length === state.targets.length) throw this.#notAdded(name);
      return { ...state, targets };
    });
    this.#merge();
  }

  /**
   * Gives a target tags, and takes others away. Rights may hang on tags.
   * @throws CodedError `target_unknown`, `target_fixed` for a target of gateway.toml, `target_invalid`, `file_failed`, and what `refresh` throws
   */
  async tag(name: string, add: readonly string[], remove: readonly string[]): Promise<KnownTarget> {
    await this.#store.change((state) => {
      if (this.#found(name).source === "manual") throw this.#notAdded(name);
      return tagged(state, name, add, remove);
    });
    this.#merge();
    return this.#found(name);
  }

  /** The target of exactly this name. */
  get(name: string): KnownTarget | undefined {
    return this.#targets.get(name);
  }

  /** Targets of gateway.toml that are to be links, and with which keys were not exchanged: nobody dials these. */
  get strangers(): readonly string[] {
    const { targets } = this.#settings;
    return targets.flatMap(({ name, way }) => (way === "link" && this.get(name)?.way === undefined ? [name] : []));
  }

  /** All targets as they are now, sorted by the bytes of their names. */
  states(): readonly KnownTarget[] {
    return this.#names.flatMap((name) => this.#targets.get(name) ?? []);
  }

  /** Their number. */
  get size(): number {
    return this.#names.length;
  }

  /**
   * The targets of a choice, sorted.
   * @param may what the caller may use; a name of any other target is as unknown as one that there is not
   * @throws CodedError `target_unknown`, `too_many_targets`, `target_invalid`
   */
  select(choice: Choice, may: (target: KnownTarget) => boolean = () => true): readonly KnownTarget[] {
    const get = (name: string): KnownTarget | undefined => {
      const target = this.#targets.get(name);
      return target !== undefined && may(target) ? target : undefined;
    };
    return selected(choice, () => this.states().filter(may), get);
  }

  /** A target answered a ping. Says nothing of a target that has moved since it was asked. */
  answered(asked: KnownTarget, { version }: Pong, latencyMs: number): void {
    this.#note(asked, {
      reachable: "reachable",
      seenAt: this.#now(),
      latencyMs,
      version: printable(shortened(version, MAX_VERSION_BYTES)),
      trouble: undefined,
    });
  }

  /** A target did not answer a ping. */
  silent(asked: KnownTarget, trouble: string): void {
    const { seenAt, latencyMs, version } = this.#targets.get(asked.name) ?? asked;
    const shown = printable(shortened(trouble, MAX_TROUBLE_BYTES));
    this.#note(asked, { reachable: "unreachable", seenAt, latencyMs, version, trouble: shown });
  }

  #note(asked: KnownTarget, health: Health): void {
    const target = this.#targets.get(asked.name);
    if (target !== undefined && isSamePlace(target, asked)) this.#targets.set(target.name, { ...target, ...health });
  }

  #merge(): void {
    const merged = mergedTargets({
      settings: this.#settings,
      state: this.#store.state,
      enrolled: this.#enrolled,
      discovered: this.#discovered,
    });
    const before = this.#targets;
    this.#targets = new Map<string, KnownTarget>();
    for (const [name, target] of merged) {
      const old = before.get(name);
      this.#targets.set(name, old !== undefined && isSamePlace(old, target) ? withHealthOf(old, target) : target);
    }
    this.#names = [...this.#targets.keys()].sort(byBytes);
    for (const listener of this.#listeners) listener();
  }

  #found(name: string): KnownTarget {
    const target = this.#targets.get(name);
    if (target === undefined)
      throw new CodedError("target_unknown", `there is no target ${quoted(shortened(name, 128))}`);
    return target;
  }

  #notAdded(name: string): CodedError {
    const { source } = this.#found(name);
    return new CodedError("target_fixed", `${quoted(name)} ${ORIGINS[source]}`);
  }
}

function withHealthOf({ reachable, seenAt, latencyMs, version, trouble }: Health, target: KnownTarget): KnownTarget {
  return { ...target, reachable, seenAt, latencyMs, version, trouble };
}
