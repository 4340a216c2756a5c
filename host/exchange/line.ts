import type { Duplex } from "node:stream";
import { CodedError, messageOf } from "../../wire/errors.ts";
import { LINGER_BYTES, LINGER_MS, READ_DEADLINE_MS } from "../../wire/limits.ts";
import type { Live } from "../../wire/live.ts";
import type { Reply } from "../../wire/outcome.ts";
import { replyShapeOf, stayOf, type Stay } from "../../wire/parse-request.ts";
import { refusal } from "../../wire/reply.ts";
import type { Peer } from "../engine/rooms.ts";
import type { ConnectionLimits, Limited, PenaltyRoom, Slots } from "./limits.ts";

/** What connections need of the daemon. */
export interface ConnectionHost {
  readonly handle: (message: unknown, peer: Peer, signal: AbortSignal, live?: Live) => Promise<Reply>;
  /** Places for requests, by what they do of the daemon's. */
  readonly slots: Readonly<Record<Stay, Slots>>;
  readonly limits: ConnectionLimits;
  readonly penalty: PenaltyRoom;
  /** What is said to a request for work when there is no place; undefined: its connection is closed without an answer. */
  readonly full?: CodedError;
  /** A connection ended without an answer, or an answer could not be written. */
  readonly dropped: (peer: Peer, why: string) => void;
  /** A request could not be read. */
  readonly refused: (peer: Peer, error: CodedError) => void;
}

function isUnauthenticated(reply: Reply): boolean {
  if (reply.shape === "operation") return reply.outcome.kind === "denied" && reply.outcome.code === "unauthenticated";
  return "error" in reply && reply.error.code === "unauthenticated";
}

type State = "reading" | "working" | "closing";

/**
 * One connection as its protocols see it: one request, one answer, close. It holds the deadlines, the limits and the end that no reset
 * destroys; what the bytes mean is the protocol's affair.
 */
export class Line implements Limited {
  readonly socket: Duplex;
  readonly peer: Peer;
  readonly host: ConnectionHost;
  readonly #abort = new AbortController();
  #state: State = "reading";
  #timer: NodeJS.Timeout | undefined;
  #stay: Stay = "work";
  #lingered = 0;

  constructor(socket: Duplex, peer: Peer, host: ConnectionHost) {
    this.socket = socket;
    this.peer = peer;
    this.host = host;
  }

  get peerId(): string {
    return this.peer.id;
  }

  get state(): State {
    return this.#state;
  }

  /** True while the request does nothing that must be waited for: it waits itself, or stays for as long as its client likes. */
  get isWaiting(): boolean {
    return this.#state === "working" && this.#stay !== "work";
  }

  /** False when there is no room for another connection. */
  admit(): boolean {
    return (this.host.full !== undefined || !this.host.slots.work.full) && this.host.limits.admit(this);
  }

  drop(): void {
    this.socket.destroy();
  }

  /** Calls back when no complete request came in time. */
  startReading(late: () => void): void {
    this.#timer = setTimeout(late, READ_DEADLINE_MS);
  }

  /** Aborts what is running. */
  abort(reason: "cancelled" | "disconnected" | "shutting_down"): void {
    this.#abort.abort(reason);
  }

  /** The request is read, well or badly. */
  stopReading(): void {
    clearTimeout(this.#timer);
    this.#state = "closing";
  }

  /** Lets the engine answer. Undefined: the connection was closed without an answer. */
  async answer(message: unknown, live?: Live): Promise<Reply | undefined> {
    this.stopReading();
    const { host, peer } = this;
    this.#stay = stayOf(message);
    const slots = host.slots[this.#stay];
    if (!slots.take()) {
      if (this.#stay === "wait")
        return refusal(replyShapeOf(message), new CodedError("too_many_waiting", `${slots.max} requests wait already`));
      if (this.#stay === "session")
        return refusal(
          replyShapeOf(message),
          new CodedError("too_many_sessions", `${slots.max} MCP sessions are open`),
        );
      if (host.full !== undefined) return refusal(replyShapeOf(message), host.full);
      host.dropped(peer, `max_in_flight=${slots.max} reached`);
      this.drop();
      return undefined;
    }
    this.#state = "working";
    host.limits.busy(this);
    let reply: Reply;
    try {
      reply = await host.handle(message, peer, this.#abort.signal, live);
    } catch (error) {
      // The engine answers everything, so this is a bug, of the audit for example. One connection suffers from it, not the daemon.
      host.dropped(peer, `internal error: ${messageOf(error)}`);
      this.drop();
      return undefined;
    } finally {
      this.#state = "closing";
      slots.release();
      host.limits.idle(this);
    }
    if (isUnauthenticated(reply) && !(await host.penalty.serve())) {
      host.dropped(peer, "too many failed authentications");
      this.drop();
      return undefined;
    }
    return reply;
  }

  /**
   * Writes the last bytes, and closes when they are read.
   * @param deadlineMs for the client to read everything that is still on its way
   */
  finish(bytes: Buffer, deadlineMs: number): void {
    if (this.socket.destroyed) return;
    const deadline = setTimeout(() => {
      this.host.dropped(this.peer, "the reply was not read in time");
      this.drop();
    }, deadlineMs);
    this.socket.once("close", () => {
      clearTimeout(deadline);
    });
    this.socket.end(bytes, () => {
      clearTimeout(deadline);
      this.linger();
    });
    // What still comes is dropped, also when it was not read for a while.
    this.socket.resume();
  }

  /** Our side is closed; a client that does not close its own is not waited for much longer. */
  linger(): void {
    this.#timer = setTimeout(() => {
      this.drop();
    }, LINGER_MS);
  }

  /** Bytes behind the answer: dropped, within a bound. */
  ignore(chunk: Buffer): void {
    this.#lingered += chunk.length;
    if (this.#lingered > LINGER_BYTES) this.drop();
  }

  /** The socket is closed on both sides. */
  closed(): void {
    clearTimeout(this.#timer);
    this.host.limits.leave(this);
    if (this.#state === "working") this.abort("disconnected");
  }
}
