import type { TargetsState } from "../../wire/schema.ts";
import { NameGlobs } from "../config/name-globs.ts";
import type { GatewaySettings, ManualTarget, TargetOverride } from "../config/settings.ts";
import type { TargetWay } from "../target.ts";
import { NOTHING_KNOWN, type DiscoveredTarget, type EnrolledTarget, type KnownTarget } from "./known-target.ts";

/** What the registry needs of gateway.toml. */
export type RegistrySettings = Pick<GatewaySettings, "targets" | "overrides"> & {
  readonly agent: Pick<GatewaySettings["agent"], "psk" | "defaultPort">;
};

/** Everything that targets come from. */
export interface Sources {
  readonly settings: RegistrySettings;
  readonly state: TargetsState;
  readonly enrolled: readonly EnrolledTarget[];
  readonly discovered: readonly DiscoveredTarget[];
}

type TagChanges = TargetsState["tags"][string];

function tagsWith(tags: readonly string[], changes: TagChanges | undefined): readonly string[] {
  if (changes === undefined) return tags;
  const removed = new Set(changes.remove);
  return [...new Set([...tags, ...changes.add])].filter((tag) => !removed.has(tag));
}

/** Makes one list of the sources. The whole entry of the strongest source counts: gateway.toml, then added, enrolled, discovered. */
class Merge {
  readonly #sources: Sources;
  readonly #enrolled: ReadonlySet<string>;
  readonly #changes: ReadonlyMap<string, TagChanges>;
  readonly #overrides: readonly { readonly globs: NameGlobs; readonly override: TargetOverride }[];

  constructor(sources: Sources) {
    this.#sources = sources;
    this.#enrolled = new Set(sources.enrolled.map(({ name }) => name));
    this.#changes = new Map(Object.entries(sources.state.tags));
    this.#overrides = sources.settings.overrides.map((override) => ({
      globs: new NameGlobs([override.match]),
      override,
    }));
  }

  targets(): ReadonlyMap<string, KnownTarget> {
    const { settings, state, enrolled, discovered } = this.#sources;
    const all = new Map<string, KnownTarget>();
    for (const one of discovered) all.set(one.name, this.#ofDiscovered(one));
    for (const one of enrolled) all.set(one.name, this.#ofEnrolled(one));
    for (const one of state.targets) all.set(one.name, this.#ofAdded(one));
    for (const one of settings.targets) all.set(one.name, this.#ofManual(one));
    return all;
  }

  /** The way that there is a key for. Knowing the other end's fingerprint is not enough for a link: it has to know this gateway, too. */
  #way(name: string, wanted: TargetWay | undefined): TargetWay | undefined {
    const hasLink = this.#enrolled.has(name);
    const hasKey = this.#sources.settings.agent.psk.has(name);
    if (wanted === "link" || (wanted === undefined && hasLink)) return hasLink ? "link" : undefined;
    return hasKey ? "capnp" : undefined;
  }

  #ofManual({ name, host, port, shell, tags, way, fingerprint, node }: ManualTarget): KnownTarget {
    const found = this.#way(name, way);
    return { ...BLANK, name, host, port, shell, tags, source: "manual", way: found, node, fingerprint };
  }

  #ofAdded({ name, host = "", port, shell, tags, way, fingerprint }: TargetsState["targets"][number]): KnownTarget {
    const found = this.#way(name, way);
    return { ...BLANK, name, host, port, shell, tags, source: "added", way: found, fingerprint };
  }

  #ofEnrolled({ name, host = "", port, tags }: EnrolledTarget): KnownTarget {
    const all = tagsWith(tags, this.#changes.get(name));
    return { ...BLANK, name, host, port, tags: all, source: "enrolled", way: "link" };
  }

  #ofDiscovered({ name, node, host, status, listedAt }: DiscoveredTarget): KnownTarget {
    let shell = BLANK.shell;
    let port = this.#sources.settings.agent.defaultPort;
    let tags: readonly string[] = [];
    for (const { globs, override } of this.#overrides) {
      if (!globs.match(name)) continue;
      shell = override.shell ?? shell;
      port = override.port ?? port;
      tags = [...new Set([...tags, ...override.tags])];
    }
    tags = tagsWith(tags, this.#changes.get(name));
    const way = this.#way(name, undefined);
    return { ...BLANK, name, host, port, shell, tags, source: "discovered", status, way, node, listedAt };
  }
}

/** One shape for all, so that many of them take little memory. */
const BLANK = {
  name: "",
  host: "",
  port: 0,
  shell: "sh",
  tags: [] as readonly string[],
  source: "manual" as KnownTarget["source"],
  status: "unknown",
  way: undefined as TargetWay | undefined,
  node: undefined as string | undefined,
  fingerprint: undefined as string | undefined,
  listedAt: undefined as number | undefined,
  ...NOTHING_KNOWN,
} satisfies KnownTarget;

/** The targets of all sources by name, of none of which anything is known yet. */
export function mergedTargets(sources: Sources): ReadonlyMap<string, KnownTarget> {
  return new Merge(sources).targets();
}
