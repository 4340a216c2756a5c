import type { ExecutionMode, Transport } from "../../wire/names.ts";
import type { GatewayConfig } from "../../wire/schema.ts";
import type { TargetWay } from "../target.ts";

/** How clients reach the gateway. */
export interface ServerSettings {
  readonly transport: Transport;
  readonly bind: string;
  /** 0: any that is free. */
  readonly port: number;
  readonly executionMode: ExecutionMode;
  /** Paths of PEM files. Undefined: plain HTTP. */
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  /** Names and addresses without a port, in small letters; IPv6 without brackets. */
  readonly allowedHosts: readonly string[];
  /** As browsers send them. Undefined: none. */
  readonly allowedOrigins: readonly string[] | undefined;
  /** Addresses, and networks as ADDRESS/BITS. */
  readonly trustProxy: readonly string[];
  readonly publicUrl: string | undefined;
  /** Records in the original's form. Undefined: none. */
  readonly auditCopy: { readonly path: string; readonly maxBytes: number } | undefined;
}

/** What holds for all agents. */
export interface AgentSettings {
  /** Of targets that were discovered. */
  readonly defaultPort: number;
  /** 0: 60 seconds, as in the original. */
  readonly defaultTimeoutSeconds: number;
  readonly connectTimeoutMs: number;
  readonly maxConcurrentPerTarget: number;
  /** Keys of commando's agents, by the target's name. */
  readonly psk: ReadonlyMap<string, Buffer>;
}

export interface StreamingSettings {
  readonly pageTimeoutMs: number;
  readonly pageMaxBytes: number;
  readonly sessionIdleMs: number;
}

/** A target of `[[targets]]`. */
export interface ManualTarget {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly shell: string;
  readonly tags: readonly string[];
  readonly way: TargetWay | undefined;
  /** 64 small hex digits. */
  readonly fingerprint: string | undefined;
  readonly node: string | undefined;
}

/** What discovered targets get whose names match. */
export interface TargetOverride {
  readonly match: string;
  readonly tags: readonly string[];
  readonly shell: string | undefined;
  readonly port: number | undefined;
}

/** How a node proves who it is. */
export type NodeTrust =
  | { readonly kind: "system" }
  | { readonly kind: "authority"; readonly caFile: string }
  /** 64 small hex digits. */
  | { readonly kind: "pinned"; readonly fingerprint: string }
  | { readonly kind: "insecure" };

export interface ProxmoxNode {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly trust: NodeTrust;
}

export interface ProxmoxSettings {
  readonly nodes: readonly ProxmoxNode[];
  /** Of the Authorization header. */
  readonly token: string;
  readonly includeVms: boolean;
}

/** Where agents that dial out come. */
export interface LinkSettings {
  readonly bind: string;
  readonly port: number;
  readonly leaseMs: number;
}

/** How often a caller may run something. Undefined members: as often as it likes. */
export interface CallerLimits {
  readonly rate: { readonly runs: number; readonly perMs: number } | undefined;
  readonly concurrent: number | undefined;
  readonly perDay: number | undefined;
}

export interface CallerSettings {
  readonly name: string;
  /** SHA-256 of its key, hex. Undefined: nobody can be it, since its key is empty. */
  readonly keyHash: string | undefined;
  readonly isAdmin: boolean;
  /** Globs over names of targets; none is none. */
  readonly targets: readonly string[];
  readonly tags: readonly string[];
  /** Globs over operations; none is none. */
  readonly operations: readonly string[];
  /** Globs over operations that a person must allow. */
  readonly approval: readonly string[];
  readonly limits: CallerLimits;
  /** Milliseconds since 1970. */
  readonly expiresAt: number | undefined;
}

export interface NatsSettings {
  readonly servers: readonly string[];
  readonly creds: string | undefined;
  readonly nkeySeed: string | undefined;
  readonly caFile: string | undefined;
  readonly name: string | undefined;
  readonly prefix: string;
  /** Whether a stream on it gets a copy of the audit. */
  readonly audit: boolean;
}

/** gateway.toml with every default filled in. Plain data: two of them can be compared. */
export interface GatewaySettings {
  readonly cacheDir: string;
  readonly server: ServerSettings;
  readonly agent: AgentSettings;
  readonly streaming: StreamingSettings;
  /** No two of one name. */
  readonly targets: readonly ManualTarget[];
  readonly overrides: readonly TargetOverride[];
  /** Undefined: no discovery. */
  readonly proxmox: ProxmoxSettings | undefined;
  /** Between two discoveries, and between two rounds of pings. */
  readonly intervalMs: number;
  readonly link: LinkSettings | undefined;
  readonly callers: readonly CallerSettings[];
  readonly nats: NatsSettings | undefined;
  /** As it stands in the file; the audit's own room knows its defaults. */
  readonly audit: GatewayConfig["audit"];
}

/** What was given on the command line, and so stands above the file. */
export interface GivenSettings {
  readonly transport?: Transport | undefined;
  readonly bind?: string | undefined;
  readonly port?: number | undefined;
  readonly cacheDir?: string | undefined;
}
