import type { Duplex } from "node:stream";
import type { Peer } from "../engine/rooms.ts";

/** A way in. It knows nothing of requests: it accepts connections and says who they are. */
export interface Listener {
  /** As it is shown to people. */
  readonly address: string;
  /** Stops accepting. Open connections stay. */
  close(): Promise<void>;
}

export type OnConnection = (socket: Duplex, peer: Peer) => void;
