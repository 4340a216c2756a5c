import type { Duplex } from "node:stream";
import { cancelled } from "./client-connect.ts";
import { noReply, parsed, typed } from "./client-reply.ts";
import { StdinPump } from "./client-stdin.ts";
import type { StreamOptions } from "./daemon-calls.ts";
import { CodedError, errnoOf } from "./errors.ts";
import { DAEMON_FRAMES, emptyFrame, FRAME, FrameReader, jsonFrame, MAGIC_LENGTH, PREFACE } from "./frames.ts";
import type { StreamName } from "./names.ts";
import type { OutcomeFields } from "./schema.ts";

/** How long a cancelled command may take to end before the connection is closed. */
const CANCEL_GRACE_MS = 5_000;

/** How a streamed call ended; "other_protocol": the first byte of the answer was none of ours, so the request was not understood. */
export type StreamEnd =
  { readonly kind: "ended"; readonly outcome: OutcomeFields } | { readonly kind: "other_protocol" };

function invalid(what: string): CodedError {
  return new CodedError("reply_invalid", `failed to read response: ${what}`);
}

/** Protocol 2 from the client's side, on a connection that is given, and closed at the end. */
export class StreamedCall {
  readonly #socket: Duplex;
  readonly #options: StreamOptions;
  readonly #cancelElsewhere: (runId: string) => void;
  readonly #reader = new FrameReader(DAEMON_FRAMES, (type, payload) => {
    this.#frame(type, payload);
  });
  /** What came of the preface; undefined once it is complete. */
  #head: Buffer | undefined = Buffer.alloc(0);
  #pump: StdinPump | undefined;
  #runId: string | undefined;
  #isEndedElsewhere = false;
  /** Writes of output that the sink has not taken yet. */
  #pending = 0;
  #grace: NodeJS.Timeout | undefined;
  #settle: { readonly resolve: (end: StreamEnd) => void; readonly reject: (error: unknown) => void } | undefined;

  /** @param cancelElsewhere ends a run over a connection of its own */
  constructor(socket: Duplex, options: StreamOptions, cancelElsewhere: (runId: string) => void) {
    this.#socket = socket;
    this.#options = options;
    this.#cancelElsewhere = cancelElsewhere;
  }

  /** @throws CodedError `reply_invalid`, `cancelled`, `file_failed` (standard input) */
  async run(request: object): Promise<StreamEnd> {
    const { signal } = this.#options;
    const cancel = (): void => {
      this.#cancel();
    };
    signal?.addEventListener("abort", cancel, { once: true });
    try {
      if (signal?.aborted === true) throw cancelled();
      return await this.#ended(request);
    } finally {
      signal?.removeEventListener("abort", cancel);
      clearTimeout(this.#grace);
      this.#reader.stop();
      this.#pump?.stop();
      this.#socket.destroy();
    }
  }

  async #ended(request: object): Promise<StreamEnd> {
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      this.#socket.on("data", (chunk: Buffer) => {
        this.#data(chunk);
      });
      this.#socket.once("close", () => {
        reject(this.#closed());
      });
      this.#socket.write(Buffer.concat([PREFACE, jsonFrame(FRAME.request, request)]));
    });
  }

  #closed(): CodedError {
    if (this.#options.signal?.aborted === true) return cancelled();
    const { errored } = this.#socket;
    // A link says itself what became of it.
    if (errored instanceof CodedError) return errored;
    const why = errored === null ? "" : ` (${errnoOf(errored) ?? errored.message})`;
    if (this.#head?.length === 0) return why === "" ? noReply() : invalid(`the daemon gave no answer${why}`);
    return invalid(`the daemon closed the connection before the end of the command${why}`);
  }

  #cancel(): void {
    // What is still to be sent of standard input would only stand in front of it.
    this.#pump?.stop();
    // A daemon that waits for the program to read does not read us, and would not see the frame.
    if (this.#socket.writableNeedDrain) this.#endElsewhere();
    this.#socket.write(emptyFrame(FRAME.cancel));
    this.#grace = setTimeout(() => {
      this.#settle?.reject(cancelled());
    }, CANCEL_GRACE_MS);
  }

  #endElsewhere(): void {
    if (this.#runId === undefined || this.#isEndedElsewhere) return;
    this.#isEndedElsewhere = true;
    this.#cancelElsewhere(this.#runId);
  }

  #data(chunk: Buffer): void {
    try {
      const frames = this.#head === undefined ? chunk : this.#preface(Buffer.concat([this.#head, chunk]));
      if (frames !== undefined) this.#reader.push(frames);
    } catch (error) {
      const broken =
        error instanceof CodedError && (error.code === "frame_malformed" || error.code === "frame_too_large");
      this.#reader.stop();
      this.#settle?.reject(broken ? invalid(error.message) : error);
    }
  }

  /** What follows the preface, once it is complete. */
  #preface(head: Buffer): Buffer | undefined {
    this.#head = head;
    if (head[0] !== PREFACE[0]) {
      this.#settle?.resolve({ kind: "other_protocol" });
      return undefined;
    }
    const magic = head.subarray(0, MAGIC_LENGTH);
    if (!PREFACE.subarray(0, magic.length).equals(magic))
      throw invalid("it begins like a stream, but was changed on the way");
    if (head.length < PREFACE.length) return undefined;
    const [own, other] = [PREFACE.at(MAGIC_LENGTH), head.at(MAGIC_LENGTH)];
    if (own !== other) throw invalid(`the daemon streams in version ${other ?? 0}, and this client in ${own ?? 0}`);
    this.#head = undefined;
    return head.subarray(PREFACE.length);
  }

  #frame(type: number, payload: Buffer): void {
    switch (type) {
      case FRAME.stdout:
        this.#output("stdout", payload);
        return;
      case FRAME.stderr:
        this.#output("stderr", payload);
        return;
      case FRAME.accepted:
        this.#accept(payload);
        return;
      case FRAME.notice: {
        const notice = typed("notice", parsed(payload));
        this.#options.notice?.(notice);
        return;
      }
      case FRAME.hello:
        typed("hello", parsed(payload));
        return;
      case FRAME.outcome:
        this.#reader.stop();
        this.#settle?.resolve({ kind: "ended", outcome: typed("outcome", parsed(payload)) });
        return;
      case FRAME.alive:
        // It does not read us, so it has not seen that we cancelled.
        if (this.#options.signal?.aborted === true) this.#endElsewhere();
        return;
      default:
        throw invalid("a reply in place of the outcome of a command");
    }
  }

  #accept(payload: Buffer): void {
    if (this.#runId !== undefined) throw invalid("the command was accepted twice");
    const accepted = typed("accepted", parsed(payload));
    this.#runId = accepted.run_id;
    this.#options.accepted?.(accepted);
    const { stdin, signal } = this.#options;
    if (!accepted.stdin || stdin === undefined || signal?.aborted === true) return;
    this.#pump = new StdinPump(stdin, this.#socket, (error) => {
      this.#socket.write(emptyFrame(FRAME.cancel));
      this.#settle?.reject(error);
    });
  }

  #output(stream: StreamName, bytes: Buffer): void {
    if (this.#runId === undefined) throw invalid("output before the command was accepted");
    const taken = this.#options.output.write(stream, bytes);
    if (taken === undefined) return;
    this.#pending++;
    this.#socket.pause();
    this.#pump?.hold();
    void taken.then(() => {
      this.#pending--;
      if (this.#pending > 0) return;
      this.#socket.resume();
      this.#pump?.go();
    });
  }
}
