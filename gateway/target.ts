/** Where a target is known from. `manual`: gateway.toml. `added`: a caller, while the gateway ran. `enrolled`: its machine and this gateway have exchanged keys. */
export type TargetSource = "manual" | "added" | "enrolled" | "discovered";

/** What the last pings said. */
export type Reachable = "unknown" | "reachable" | "unreachable";

/** How a target is spoken to: our link, or the Cap'n Proto of commando's agents. */
export type TargetWay = "link" | "capnp";

/** A machine that operations can be sent to. */
export interface Target {
  /** Unique. A machine that was discovered is called NODE/CONTAINER. */
  readonly name: string;
  /** Empty when it has no address of its own: it is stopped, or it dials in. */
  readonly host: string;
  readonly port: number;
  /** Only shown: which shell a machine uses is the machine's affair. */
  readonly shell: string;
  readonly tags: readonly string[];
  readonly source: TargetSource;
  /** What Proxmox says of it (`running`, `stopped`); `unknown` of all others. */
  readonly status: string;
  /** Undefined when this gateway has no key for it, and so cannot speak to it. */
  readonly way: TargetWay | undefined;
}

/** A target with what is known of it now. */
export interface TargetState extends Target {
  readonly reachable: Reachable;
  /** When it last answered, in milliseconds since 1970. */
  readonly seenAt: number | undefined;
  /** Of the last ping that was answered. */
  readonly latencyMs: number | undefined;
  /** The version of the agent, as it says itself. */
  readonly version: string | undefined;
  /** Why the last ping was not answered. */
  readonly trouble: string | undefined;
  /** Of a discovered one: when its node last listed it, in milliseconds since 1970. */
  readonly listedAt: number | undefined;
}

/** What an agent says to a ping. */
export interface Pong {
  readonly hostname: string;
  /** Of the agent's process. */
  readonly uptimeSeconds: number;
  readonly shell: string;
  readonly version: string;
}
