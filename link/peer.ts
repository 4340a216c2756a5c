import type { Duplex } from "node:stream";
import type { CodedError } from "../wire/errors.ts";
import type { Fingerprint } from "./fingerprint.ts";

/** What the other end of a session says of itself. All of it is only to be shown. */
export interface PeerFacts {
  /** Version of its software. */
  readonly software: string;
  /** What it calls itself. */
  readonly name: string;
  readonly capabilities: readonly string[];
  /** How far its clock is before ours, when it said hello; the way of the message is not taken out. More than 5 minutes are worth a word. */
  readonly clockSkewMs: number;
}

/** A session with another machine. It outlives its connections, but not the lease without one. */
export interface LinkPeer {
  /** As it is pinned. */
  readonly name: string;
  /** The key that its last connection was made with. */
  readonly fingerprint: Fingerprint;
  readonly facts: PeerFacts;
  /** When the session began, in milliseconds since 1970. */
  readonly since: number;
  /** How often it went on over a new connection. */
  readonly resumed: number;
  /** True when the other side has pinned the key that we want to go over to. */
  readonly knowsNextKey: boolean;
  /** "stalled": it waits for a connection. */
  readonly state: "live" | "stalled" | "over";
  /** Streams that are open now, of both sides. */
  readonly streams: number;
  /** Why it is over. */
  readonly ending: CodedError | undefined;
  /**
   * Opens a stream. Bytes can be written at once; chunks may not be changed after they were written. It ends with `link_lost` when the session does, and
   * with `agent_full` or `link_refused` when the other side does not take it.
   * @throws CodedError `link_lost` when the session is over, `link_refused` when the other side takes no streams, `agent_full` when it takes no more now
   */
  open(): Duplex;
  /** Milliseconds to the other side and back. @throws CodedError `link_lost`, `cancelled` */
  ping(signal?: AbortSignal): Promise<number>;
  /** Ends the session and its streams. */
  close(why?: string): void;
}

/** What is told of sessions, while it happens. Nothing of it may throw. */
export interface LinkEvents {
  /** A session began. */
  readonly connected?: (peer: LinkPeer) => void;
  /** Its connection is gone; it waits for another one. */
  readonly stalled?: (peer: LinkPeer, why: string) => void;
  /** It goes on over a new connection. */
  readonly resumed?: (peer: LinkPeer) => void;
  /** It is over; `peer.ending` says why. */
  readonly lost?: (peer: LinkPeer) => void;
  /** Something is not as it should be, and nobody asked. */
  readonly warn?: (message: string) => void;
  /** The other side opened a stream. Without this it may open none. */
  readonly stream?: (stream: Duplex, peer: LinkPeer) => void;
}

/** How a machine behaves on its links. Sizes are bytes, times milliseconds. */
export interface LinkSettings {
  /** What it calls itself. */
  readonly name: string;
  readonly capabilities?: readonly string[];
  /** How long a session waits for a new connection; the smaller one of both ends counts. Default: 30 s. */
  readonly leaseMs?: number;
  /** What a stream may hold that nobody has read. Default: 1 MiB. */
  readonly window?: number;
  /** What all streams of a session may hold together. Default: 64 MiB. */
  readonly sessionWindow?: number;
  /** Streams that the other side may have open at the same time. Default: 1,024, with `stream` in the events; else none. */
  readonly streams?: number;
}
