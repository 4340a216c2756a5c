import type { Reachable, TargetState, TargetWay } from "../target.ts";

/** A target with everything that the registry knows of it. */
export interface KnownTarget extends TargetState {
  /** The machine that it runs on: the node of a discovered one, or what its file says. */
  readonly node: string | undefined;
  /** SHA-256 of the public key of its end of a link, 64 small hex digits. Undefined: whoever keeps the keys of enrolled machines knows. */
  readonly fingerprint: string | undefined;
}

/** A machine that this gateway has exchanged keys with. */
export interface EnrolledTarget {
  readonly name: string;
  /** Undefined: it dials in. */
  readonly host: string | undefined;
  readonly port: number;
  readonly tags: readonly string[];
}

/** A machine that Proxmox listed. */
export interface DiscoveredTarget {
  /** NODE/CONTAINER. */
  readonly name: string;
  readonly node: string;
  /** Empty when it does not run. */
  readonly host: string;
  /** `running`, `stopped`. */
  readonly status: string;
  /** When its node last listed it, in milliseconds since 1970. */
  readonly listedAt: number;
}

/** A target that was added while the gateway ran. */
export interface AddedTarget {
  readonly name: string;
  /** Undefined: it dials in. */
  readonly host?: string | undefined;
  /** Default: 9876. */
  readonly port?: number | undefined;
  readonly shell?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly way?: TargetWay | undefined;
  readonly fingerprint?: string | undefined;
}

/** What pings said. */
export interface Health {
  readonly reachable: Reachable;
  readonly seenAt: number | undefined;
  readonly latencyMs: number | undefined;
  readonly version: string | undefined;
  readonly trouble: string | undefined;
}

export const NOTHING_KNOWN: Health = Object.freeze({
  reachable: "unknown",
  seenAt: undefined,
  latencyMs: undefined,
  version: undefined,
  trouble: undefined,
});
