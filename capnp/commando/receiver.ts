import type { OutputSink } from "../../wire/live.ts";
import type { StreamName } from "../../wire/names.ts";
import { RpcException } from "../rpc/exception.ts";
import type { HostedObject, IncomingCall } from "../rpc/object.ts";
import { OUTPUT_RECEIVER, STDERR, STDOUT } from "./schema.ts";

/** When more than this waits for the sink, nothing more is read of the agent until half of it was taken. */
const MAX_WAITING_BYTES = 1_048_576;
const MAX_WAITING_CALLS = 256;

const STREAMS = new Map<number, StreamName>([
  [STDOUT, "stdout"],
  [STDERR, "stderr"],
]);

interface Piece {
  readonly bytes: Buffer;
  /** What keeping it costs. */
  readonly messageBytes: number;
  readonly taken: () => void;
}

/** Pieces of one stream for which the sink has no room yet; undefined while it has. */
type Lane = Piece[] | undefined;

/**
 * Takes the output of one command from an agent. A call is answered when the sink has taken its bytes. Agents of commando do not wait for that, so
 * the connection is held when too much waits.
 */
export class Receiver implements HostedObject {
  readonly #sink: OutputSink;
  readonly #hold: () => () => void;
  readonly #lanes = new Map<StreamName, Lane>();
  #waitingCalls = 0;
  #waitingBytes = 0;
  #release: (() => void) | undefined;
  #isClosed = false;
  #onEmpty: (() => void)[] = [];

  /** @param hold stops reading of the connection until what it returns is called */
  constructor(sink: OutputSink, hold: () => () => void) {
    this.#sink = sink;
    this.#hold = hold;
  }

  call(call: IncomingCall): Promise<undefined> | undefined {
    if (call.interfaceId !== OUTPUT_RECEIVER.id || call.method !== OUTPUT_RECEIVER.receive)
      throw new RpcException("unimplemented", "this is an OutputReceiver");
    const stream = STREAMS.get(call.params.uint8(0));
    const bytes = call.params.data(0);
    if (this.#isClosed || stream === undefined || bytes.length === 0) return undefined;
    const lane = this.#lanes.get(stream);
    if (lane === undefined) {
      const room = this.#sink.write(stream, bytes);
      if (room === undefined) return undefined;
      this.#lanes.set(stream, []);
      return this.#wait(call.messageBytes, (taken) => {
        this.#after(room, stream, { bytes, messageBytes: call.messageBytes, taken });
      });
    }
    return this.#wait(call.messageBytes, (taken) => {
      lane.push({ bytes, messageBytes: call.messageBytes, taken });
    });
  }

  /** Resolves when the sink has taken everything that came. */
  async emptied(): Promise<void> {
    while (this.#waitingCalls > 0 && !this.#isClosed)
      await new Promise<void>((resolve) => {
        this.#onEmpty.push(resolve);
      });
  }

  /** What waits is dropped, and what still comes. */
  close(): void {
    this.#isClosed = true;
    const waiting = [...this.#lanes.values()].flatMap((lane) => lane ?? []);
    this.#lanes.clear();
    for (const piece of waiting) this.#done(piece);
    this.#letGo();
    this.#wake();
  }

  async #wait(messageBytes: number, start: (taken: () => void) => void): Promise<undefined> {
    this.#waitingCalls++;
    this.#waitingBytes += messageBytes;
    if (this.#waitingBytes > MAX_WAITING_BYTES || this.#waitingCalls > MAX_WAITING_CALLS)
      this.#release ??= this.#hold();
    await new Promise<void>(start);
    return undefined;
  }

  /** Goes on with a stream when there is room again. */
  #after(room: Promise<void>, stream: StreamName, piece: Piece): void {
    void room.then(() => {
      this.#done(piece);
      this.#next(stream);
    });
  }

  #next(stream: StreamName): void {
    for (;;) {
      const piece = this.#lanes.get(stream)?.shift();
      if (piece === undefined) {
        this.#lanes.delete(stream);
        return;
      }
      const room = this.#sink.write(stream, piece.bytes);
      if (room !== undefined) {
        this.#after(room, stream, piece);
        return;
      }
      this.#done(piece);
    }
  }

  #done({ messageBytes, taken }: Piece): void {
    this.#waitingCalls--;
    this.#waitingBytes -= messageBytes;
    if (this.#waitingBytes <= MAX_WAITING_BYTES / 2 && this.#waitingCalls <= MAX_WAITING_CALLS / 2) this.#letGo();
    taken();
    if (this.#waitingCalls === 0) this.#wake();
  }

  #letGo(): void {
    this.#release?.();
    this.#release = undefined;
  }

  #wake(): void {
    for (const resolve of this.#onEmpty.splice(0)) resolve();
  }
}
