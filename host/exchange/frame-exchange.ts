import type { Duplex } from "node:stream";
import { readArgvFrame, readMcpFrame } from "../../wire/bridge-frames.ts";
import { CodedError } from "../../wire/errors.ts";
import { CLIENT_FRAMES, FRAME, frameHeader, FrameReader, jsonFrame, MAGIC_LENGTH, PREFACE } from "../../wire/frames.ts";
import { frameTimeout, readPayload } from "../../wire/framing.ts";
import { MAX_DATA_FRAME_BYTES, STREAM_DEADLINE_MS, WRITE_DEADLINE_MS } from "../../wire/limits.ts";
import type { Live, OutputSink } from "../../wire/live.ts";
import type { StreamName } from "../../wire/names.ts";
import type { Reply } from "../../wire/outcome.ts";
import type { Accepted, Hello, Notice } from "../../wire/schema.ts";
import { deniedBy, encodeReply, ended, refusal } from "../../wire/reply.ts";
import { BRIDGE_VOICE, MCP_VOICE } from "./bridge-voice.ts";
import type { Exchange } from "./connection.ts";
import type { Line } from "./line.ts";
import { StdinFeed } from "./stdin-feed.ts";
import { JSON_VOICE, type Voice } from "./voice.ts";

const HELLO: Hello = {
  protocol: 2,
  capabilities: ["stdin", "cancel", "runs", "background", "filtered", "watch", "argv", "mcp"],
};

const GREETING = Buffer.concat([PREFACE, jsonFrame(FRAME.hello, HELLO)]);

/** The frames that ask for something: how each is read, and how its sender is answered. */
const ASKING: ReadonlyMap<number, { readonly read: (payload: Buffer) => unknown; readonly voice: Voice }> = new Map<
  number,
  { read: (payload: Buffer) => unknown; voice: Voice }
>([
  [FRAME.request, { read: readPayload, voice: JSON_VOICE }],
  [FRAME.argv, { read: readArgvFrame, voice: BRIDGE_VOICE }],
  [FRAME.mcp, { read: readMcpFrame, voice: MCP_VOICE }],
]);

/** Bytes that wait for the client; with more, the program's pipe is not read. */
const MAX_PENDING_OUTPUT = 262_144;

/** Output as frames. The transport says when it has enough. */
class FrameOutput implements OutputSink {
  readonly #socket: Duplex;
  #room: Promise<void> | undefined;

  constructor(socket: Duplex) {
    this.#socket = socket;
  }

  write(stream: StreamName, bytes: Buffer): Promise<void> | undefined {
    const socket = this.#socket;
    if (socket.destroyed) return undefined;
    socket.cork();
    for (let at = 0; at < bytes.length; at += MAX_DATA_FRAME_BYTES) {
      const part = bytes.subarray(at, at + MAX_DATA_FRAME_BYTES);
      socket.write(frameHeader(FRAME[stream], part.length));
      socket.write(part);
    }
    socket.uncork();
    if (socket.writableLength <= MAX_PENDING_OUTPUT) return undefined;
    this.#room ??= new Promise<void>((resolve) => {
      const over = (): void => {
        socket.off("drain", over);
        socket.off("close", over);
        this.#room = undefined;
        resolve();
      };
      socket.on("drain", over);
      socket.on("close", over);
    });
    return this.#room;
  }
}

/** Protocol 2: a request frame, and frames in both directions while the operation runs. */
export class FrameExchange implements Exchange {
  readonly #line: Line;
  readonly #reader: FrameReader;
  readonly #stdin: StdinFeed;
  #head = Buffer.alloc(0);
  #isOpen = false;
  #request: { readonly offersStdin: boolean } | undefined;
  #accepted: Accepted | undefined;
  #voice = JSON_VOICE;
  /** Set when the client broke the rules: whatever the engine says, this is the answer. */
  #spoilt: CodedError | undefined;

  constructor(line: Line) {
    this.#line = line;
    this.#stdin = new StdinFeed(line.socket);
    this.#reader = new FrameReader(CLIENT_FRAMES, (type, payload) => {
      this.#frame(type, payload);
    });
  }

  data(chunk: Buffer): void {
    const rest = this.#isOpen ? chunk : this.#preface(chunk);
    if (rest === undefined || rest.length === 0) return;
    try {
      this.#reader.push(rest);
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      this.#spoil(error);
    }
  }

  /** In this protocol a client that has closed its sending side has gone. */
  end(): void {
    if (this.#line.state === "reading")
      this.#spoil(new CodedError("frame_malformed", "the connection was closed before the request was complete"));
    else if (this.#line.state === "working") this.#line.abort("disconnected");
    this.#stdin.destroy();
  }

  late(): void {
    this.#spoil(frameTimeout());
  }

  closed(): void {
    this.#stdin.destroy();
  }

  /** The bytes behind the preface, once it is complete and right. */
  #preface(chunk: Buffer): Buffer | undefined {
    const had = this.#head.length;
    this.#head = Buffer.concat([this.#head, chunk.subarray(0, PREFACE.length - had)]);
    const known = Math.min(this.#head.length, MAGIC_LENGTH);
    if (!this.#head.subarray(0, known).equals(PREFACE.subarray(0, known))) {
      this.#refuseAsText();
      return undefined;
    }
    if (this.#head.length < PREFACE.length) return undefined;
    this.#isOpen = true;
    const { socket } = this.#line;
    // Most requests are decided within this turn of the loop: what is said until then goes out at once, and wakes the client once.
    socket.cork();
    setImmediate(() => {
      socket.uncork();
    });
    socket.write(GREETING);
    const version = this.#head.at(-1) ?? 0;
    if (version === PREFACE.at(-1)) return chunk.subarray(PREFACE.length - had);
    this.#spoil(
      new CodedError("protocol_unsupported", `version ${version} of the streaming protocol is not known here`),
    );
    return undefined;
  }

  /** What sent this speaks neither protocol. */
  #refuseAsText(): void {
    const error = new CodedError("json_invalid", "Invalid JSON: expected an object, got byte 0x89");
    this.#line.stopReading();
    this.#line.host.refused(this.#line.peer, error);
    this.#line.finish(encodeReply(refusal(undefined, error)), WRITE_DEADLINE_MS);
  }

  #frame(type: number, payload: Buffer): void {
    const asking = ASKING.get(type);
    if ((this.#request === undefined) !== (asking !== undefined)) throw outOfTurn(type);
    if (asking !== undefined) {
      this.#voice = asking.voice;
      this.#begin(asking.read(payload));
      return;
    }
    switch (type) {
      case FRAME.stdin:
      case FRAME.stdin_end:
        if (this.#request?.offersStdin !== true || this.#stdin.isEnded) throw outOfTurn(type);
        if (type === FRAME.stdin_end) this.#stdin.feedEnd();
        else this.#stdin.feed(payload);
        return;
      case FRAME.cancel:
        this.#line.abort("cancelled");
    }
  }

  #begin(message: unknown): void {
    const offersStdin = typeof message === "object" && message !== null && "stdin" in message && message.stdin === true;
    this.#request = { offersStdin };
    const { socket } = this.#line;
    const live: Live = {
      accepted: (accepted) => {
        this.#accepted = accepted;
        // Input that the operation does not read is dropped as it comes.
        if (!accepted.stdin) this.#stdin.destroy();
        socket.write(this.#voice.accepted(accepted));
      },
      notice: (notice: Notice) => {
        socket.write(this.#voice.notice(notice));
      },
      output: new FrameOutput(socket),
      stdin: offersStdin ? this.#stdin : undefined,
    };
    void this.#work(message, live);
  }

  async #work(message: unknown, live: Live): Promise<void> {
    const reply = await this.#line.answer(message, live);
    this.#stdin.destroy();
    if (reply === undefined) return;
    this.#end(this.#spoilt === undefined ? reply : this.#spoiltEnd(this.#spoilt, reply));
  }

  /** The client broke the rules: what is running is ended, and told so. */
  #spoil(error: CodedError): void {
    if (this.#spoilt !== undefined) return;
    this.#spoilt = error;
    this.#reader.stop();
    this.#line.host.refused(this.#line.peer, error);
    if (this.#request !== undefined) {
      this.#line.abort("cancelled");
      return;
    }
    this.#line.stopReading();
    this.#end(refusal(undefined, error));
  }

  /** A denial says that nothing ran; an operation that had begun has failed. */
  #spoiltEnd(error: CodedError, reply: Reply): Reply {
    if (this.#accepted === undefined || reply.shape !== "operation" || reply.outcome.kind === "denied")
      return ended(undefined, 2, deniedBy(error));
    const { code, message, hint } = error;
    return { ...reply, outcome: { ...reply.outcome, kind: "failed", code, message, hint } };
  }

  #end(reply: Reply): void {
    const frame = this.#voice.end(reply) ?? Buffer.alloc(0);
    // Whoever sent half a preface gets a whole one.
    this.#line.finish(this.#isOpen ? frame : Buffer.concat([PREFACE, frame]), STREAM_DEADLINE_MS);
  }
}

function outOfTurn(type: number): CodedError {
  return new CodedError("frame_malformed", `a frame of type 0x${type.toString(16).padStart(2, "0")} may not come here`);
}
