import type { CodedError } from "../../wire/errors.ts";
import { AUTH_FAILURE_DELAY_MS } from "../../wire/limits.ts";
import type { OnConnection } from "../listen/listener.ts";
import { Connection } from "./connection.ts";
import { ConnectionLimits, PenaltyRoom, Slots } from "./limits.ts";
import type { ConnectionHost } from "./line.ts";
import type { Log } from "../util/log.ts";

/** How many failed authentications wait at the same time, and how many queue behind them. */
const PENALTY_PLACES = 16;
const PENALTY_QUEUE = 64;
/** Requests that wait for something, in all; MCP sessions, in all; and what the owner of the host may have open at the same time. */
const MAX_WAITING = 64;
const MAX_SESSIONS = 32;
const OWNER_CONNECTIONS = 32;
const OTHER_CONNECTIONS = 4_096;

/** Bounds on what clients can hold of the daemon. */
export interface Bounds {
  readonly maxInFlight: number;
  readonly maxConnections: number;
  readonly maxConnectionsPerPeer: number;
}

/** Takes the connections of every way in, and knows them until they are gone. */
export class Reception {
  readonly #handle: ConnectionHost["handle"];
  readonly #log: Log;
  readonly #slots: Slots;
  readonly #limits: ConnectionLimits;
  readonly #ownerLimits = new ConnectionLimits(OWNER_CONNECTIONS, OWNER_CONNECTIONS);
  readonly #otherLimits = new ConnectionLimits(OTHER_CONNECTIONS, OTHER_CONNECTIONS);
  readonly #connections = new Set<Connection>();

  /** @param handle answers requests: the engine's */
  constructor(handle: ConnectionHost["handle"], log: Log, bounds: Bounds) {
    this.#handle = handle;
    this.#log = log;
    this.#slots = new Slots(bounds.maxInFlight);
    this.#limits = new ConnectionLimits(bounds.maxConnections, bounds.maxConnectionsPerPeer);
  }

  /** For the connections of clients. */
  forClients(): OnConnection {
    return this.#acceptor(this.#slots, this.#limits);
  }

  /** For the connections of the owner: however many places clients hold, there is one left. */
  forOwner(): OnConnection {
    return this.#acceptor(new Slots(OWNER_CONNECTIONS), this.#ownerLimits);
  }

  /**
   * For requests that come another way than from this host's own clients, with places of their own. Whoever finds none is told so.
   * @param handle what answers them
   */
  forOthers(handle: ConnectionHost["handle"], slots: Slots, full: CodedError): OnConnection {
    return this.#acceptor(slots, this.#otherLimits, { handle, full });
  }

  /** Holds from now on. */
  rebound({ maxInFlight, maxConnections, maxConnectionsPerPeer }: Bounds): void {
    this.#slots.max = maxInFlight;
    this.#limits.maxTotal = maxConnections;
    this.#limits.maxPerPeer = maxConnectionsPerPeer;
  }

  /** True while a request is worked on that is not only waiting for something. */
  get isWorking(): boolean {
    return [...this.#connections].some((connection) => connection.working && !connection.waiting);
  }

  /** Closes whoever has not sent a request, and answers whoever waits for something or merely stays. */
  dismissIdle(): void {
    this.#limits.dropIdle();
    this.#ownerLimits.dropIdle();
    this.#otherLimits.dropIdle();
    for (const connection of this.#connections) if (connection.waiting) connection.shutDown();
  }

  /** Ends every operation; the replies still go out. */
  shutDown(): void {
    for (const connection of this.#connections) connection.shutDown();
  }

  /** Resolves when every connection is closed on both sides. */
  async gone(): Promise<void> {
    await Promise.all([...this.#connections].map(async (connection) => connection.gone()));
  }

  drop(): void {
    for (const connection of this.#connections) connection.drop();
  }

  #acceptor(slots: Slots, limits: ConnectionLimits, own: Partial<ConnectionHost> = {}): OnConnection {
    const host: ConnectionHost = {
      handle: this.#handle,
      slots: { work: slots, wait: new Slots(MAX_WAITING), session: new Slots(MAX_SESSIONS) },
      limits,
      penalty: new PenaltyRoom(AUTH_FAILURE_DELAY_MS, PENALTY_PLACES, PENALTY_QUEUE),
      dropped: (peer, why) => {
        this.#log.warn("connection dropped", { peer: peer.id, reason: why });
      },
      refused: (peer, error) => {
        this.#log.info("denied", { peer: peer.id, code: error.code, reason: error.message });
      },
      ...own,
    };
    return (socket, peer) => {
      const connection = new Connection(socket, peer, host);
      if (!connection.start()) {
        host.dropped(peer, slots.full ? `max_in_flight=${slots.max} reached` : "too many connections");
        return;
      }
      this.#connections.add(connection);
      socket.once("close", () => this.#connections.delete(connection));
    };
  }
}
