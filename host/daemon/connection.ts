import type { Socket } from "node:net";
import { CodedError, messageOf } from "../../wire/errors.ts";
import { frameTimeout, isBlank, RequestFramer, type Frame } from "../../wire/framing.ts";
import { LINGER_BYTES, LINGER_MS, PROBE_INTERVAL_MS, READ_DEADLINE_MS, WRITE_DEADLINE_MS } from "../../wire/limits.ts";
import type { Reply } from "../../wire/outcome.ts";
import { replyShapeOf } from "../../wire/parse.ts";
import { encodeReply, refusal } from "../../wire/reply.ts";
import type { Peer } from "../engine/rooms.ts";
import type { ConnectionLimits, Limited, PenaltyRoom, Slots } from "./limits.ts";

/** What a connection needs of the daemon. */
export interface ConnectionHost {
  readonly handle: (message: unknown, peer: Peer, signal: AbortSignal) => Promise<Reply>;
  readonly slots: Slots;
  readonly limits: ConnectionLimits;
  readonly penalty: PenaltyRoom;
  /** A connection ended without an answer, or an answer could not be written. */
  readonly dropped: (peer: Peer, why: string) => void;
  /** A request could not be read. */
  readonly refused: (peer: Peer, error: CodedError) => void;
}

function trailingData(): CodedError {
  return new CodedError(
    "json_trailing_data",
    "Invalid request: data after the JSON object; one request per connection",
  );
}

function isUnauthenticated(reply: Reply): boolean {
  if (reply.shape === "operation") return reply.outcome.kind === "denied" && reply.outcome.code === "unauthenticated";
  return "error" in reply && reply.error.code === "unauthenticated";
}

type State = "reading" | "working" | "closing";

/**
 * One connection: one request, one reply, close. Reads until a JSON object is complete, hands it to the engine, writes the reply, and then reads and
 * drops what still comes for a moment, so that no reset destroys the reply on its way.
 */
export class Connection implements Limited {
  readonly #socket: Socket;
  readonly #peer: Peer;
  readonly #host: ConnectionHost;
  readonly #framer = new RequestFramer();
  readonly #abort = new AbortController();
  #state: State = "reading";
  #timer: NodeJS.Timeout | undefined;
  #probe: NodeJS.Timeout | undefined;
  /** Set when something follows the request: whatever the engine says, this is the answer. */
  #spoilt: Reply | undefined;
  #shape: ReturnType<typeof replyShapeOf>;
  #lingered = 0;

  constructor(socket: Socket, peer: Peer, host: ConnectionHost) {
    this.#socket = socket;
    this.#peer = peer;
    this.#host = host;
  }

  get peerId(): string {
    return this.#peer.id;
  }

  /** True from the complete request to the reply. */
  get working(): boolean {
    return this.#state === "working";
  }

  /** Begins to read; false when there is no room for another connection. */
  start(): boolean {
    if (this.#host.slots.full || !this.#host.limits.admit(this)) {
      this.#socket.destroy();
      return false;
    }
    this.#timer = setTimeout(() => {
      this.#refuse(frameTimeout());
    }, READ_DEADLINE_MS);
    this.#socket.on("data", (chunk: Buffer) => {
      this.#data(chunk);
    });
    this.#socket.on("end", () => {
      this.#end();
    });
    this.#socket.on("error", () => undefined); // what follows is "close"
    this.#socket.on("close", () => {
      this.#closed();
    });
    return true;
  }

  drop(): void {
    this.#socket.destroy();
  }

  /** Resolves when the connection is closed on both sides. */
  async gone(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#socket.closed) resolve();
      else this.#socket.once("close", resolve);
    });
  }

  /** Ends the operation, if one is running; the reply still goes out. */
  shutDown(): void {
    this.#abort.abort("shutting_down");
  }

  #data(chunk: Buffer): void {
    if (this.#state === "reading") this.#frame(this.#framer.push(chunk));
    else if (this.#state === "working") this.#moreWhileWorking(chunk);
    else {
      this.#lingered += chunk.length;
      if (this.#lingered > LINGER_BYTES) this.#socket.destroy();
    }
  }

  #end(): void {
    if (this.#state === "reading") this.#frame(this.#framer.end());
    else if (this.#state === "working") this.#startProbing();
  }

  #frame(frame: Frame): void {
    switch (frame.state) {
      case "more":
        return;
      case "nothing":
        this.#finish();
        this.#socket.end(() => {
          this.#linger();
        });
        return;
      case "refused":
        this.#refuse(frame.error);
        return;
      case "message":
        this.#shape = replyShapeOf(frame.message);
        if (frame.trailing) this.#refuse(trailingData());
        else void this.#work(frame.message);
    }
  }

  #refuse(error: CodedError): void {
    this.#finish();
    this.#host.refused(this.#peer, error);
    this.#send(refusal(this.#shape, error));
  }

  /** The request is read, well or badly. */
  #finish(): void {
    clearTimeout(this.#timer);
    this.#state = "closing";
  }

  async #work(message: unknown): Promise<void> {
    this.#finish();
    if (!this.#host.slots.take()) {
      this.#host.dropped(this.#peer, `max_in_flight=${this.#host.slots.max} reached`);
      this.#socket.destroy();
      return;
    }
    this.#state = "working";
    this.#host.limits.busy(this);
    let reply: Reply;
    try {
      reply = await this.#host.handle(message, this.#peer, this.#abort.signal);
    } catch (error) {
      // The engine answers everything, so this is a bug, of the audit for example. One connection suffers from it, not the daemon.
      this.#host.dropped(this.#peer, `internal error: ${messageOf(error)}`);
      this.#socket.destroy();
      return;
    } finally {
      this.#state = "closing";
      clearInterval(this.#probe);
      this.#host.slots.release();
      this.#host.limits.idle(this);
    }
    if (isUnauthenticated(reply) && !(await this.#host.penalty.serve())) {
      this.#host.dropped(this.#peer, "too many failed authentications");
      this.#socket.destroy();
      return;
    }
    this.#send(this.#spoilt ?? reply);
  }

  /** White space is fine; anything else is a second request, which is refused however late it comes, and takes the first with it. */
  #moreWhileWorking(chunk: Buffer): void {
    if (isBlank(chunk) || this.#spoilt !== undefined) return;
    const error = trailingData();
    this.#host.refused(this.#peer, error);
    this.#spoilt = refusal(this.#shape, error);
    this.#abort.abort("cancelled");
  }

  /**
   * The client has closed its sending side, which a waiting client may do. Only a write tells it from one that is gone: white space in front of the
   * reply is harmless to a JSON reader.
   */
  #startProbing(): void {
    this.#probe ??= setInterval(() => {
      this.#socket.write(" ");
    }, PROBE_INTERVAL_MS);
  }

  #send(reply: Reply): void {
    if (this.#socket.destroyed) return;
    const deadline = setTimeout(() => {
      this.#host.dropped(this.#peer, "the reply was not read in time");
      this.#socket.destroy();
    }, WRITE_DEADLINE_MS);
    this.#socket.once("close", () => {
      clearTimeout(deadline);
    });
    this.#socket.end(encodeReply(reply), () => {
      clearTimeout(deadline);
      this.#linger();
    });
  }

  /** Our side is closed; a client that does not close its own is not waited for much longer. */
  #linger(): void {
    this.#timer = setTimeout(() => {
      this.#socket.destroy();
    }, LINGER_MS);
  }

  #closed(): void {
    clearTimeout(this.#timer);
    clearInterval(this.#probe);
    this.#host.limits.leave(this);
    if (this.#state === "working") this.#abort.abort("cancelled");
  }
}
