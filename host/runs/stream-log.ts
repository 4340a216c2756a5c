import type { FileHandle } from "node:fs/promises";
import { Blocks } from "../util/blocks.ts";
import { leftover, unfinished } from "./characters.ts";
import { Kept, type KeptPart } from "./kept.ts";
import { lastLine, LAST_LINE_WINDOW } from "./last-line.ts";
import { countBreaks, LineIndex } from "./line-index.ts";
import { Ring } from "./ring.ts";
import { gapOf, stretchesOf, type Gap, type StoredFields, type StreamState } from "./stored-stream.ts";

/** A stream is kept in memory until it is larger; then it is written when so much waits. */
const IN_MEMORY = 65_536;
/** Beyond this much that waits for the disk, the writer is asked to wait, until half of it is written. */
const MAX_QUEUED = 1_048_576;
const WRITE_SIZE = 1_048_576;
const WRITE_VIEWS = 256;
/** Kept from the end of a stream that is longer than its bound. */
const TAIL = 262_144;
const SMALLEST_TAIL = 16;

/** Space for outputs, of which there is a bounded amount. */
export interface Space {
  /** Gives as much of `bytes` as there is. */
  take(bytes: number): number;
  give(bytes: number): void;
}

export interface LogSurroundings {
  readonly path: string;
  /** How much is kept from the beginning, in bytes. */
  readonly maxBytes: number;
  readonly space: Space;
  /** Makes the stream's file. */
  create(): Promise<FileHandle>;
  /** Called once when the file is about to be made while the stream goes on. */
  growsLarge(): void;
  /** Called once when nothing more of it can be kept. */
  failed(error: unknown): void;
}

interface Room {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
}

function roomLater(): Room {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

/** One stream of a run that goes on. */
export class StreamLog implements StreamState {
  readonly #around: LogSurroundings;
  readonly #index: LineIndex;
  readonly #recent = new Ring(LAST_LINE_WINDOW);
  /** Of the head, what is not on the disk yet. */
  readonly #blocks = new Blocks();
  #head = 0;
  #written = 0;
  #tail: Ring | undefined;
  #file: FileHandle | undefined;
  #flushing: Promise<void> | undefined;
  #room: Room | undefined;
  #taken = 0;
  #lost = false;
  #closed = false;

  constructor(around: LogSurroundings) {
    this.#around = around;
    this.#index = new LineIndex(around.maxBytes);
  }

  get bytes(): number {
    return this.#index.bytes;
  }

  get lines(): number {
    return this.#index.breaks;
  }

  get lost(): boolean {
    return this.#lost;
  }

  get held(): number {
    return this.#taken;
  }

  /** Bytes that are in memory only. */
  get waiting(): number {
    return this.#blocks.length + (this.#tail?.length ?? 0);
  }

  get lastLine(): string | undefined {
    return lastLine(this.#recent.last(LAST_LINE_WINDOW));
  }

  get missing(): Gap | undefined {
    return this.#lost ? undefined : gapOf(this.bytes, this.#head, this.#tailLength());
  }

  /** Keeps `bytes`, which are ours from now on. The promise says when the disk has caught up. */
  write(bytes: Buffer): Promise<void> | undefined {
    if (this.#closed || bytes.length === 0) return undefined;
    this.#index.take(bytes);
    if (!this.#lost) this.#keep(bytes);
    this.#recent.push(bytes);
    return this.#lost ? undefined : this.#flow();
  }

  kept(): Kept {
    const fields = this.#fields();
    const parts: KeptPart[] = [{ from: 0, to: Math.min(this.#written, this.#head), held: { fileAt: 0 } }];
    let from = this.#written;
    for (const held of this.#blocks.views()) {
      parts.push({ from, to: Math.min(this.#head, from + held.length), held });
      from += held.length;
    }
    if (this.#tail !== undefined && fields.tail > 0)
      parts.push({ from: fields.bytes - fields.tail, to: fields.bytes, held: this.#tail.last(fields.tail) });
    const stretches = stretchesOf(fields);
    const { bytes, lines: breaks, points } = fields;
    return new Kept({ path: this.#around.path, bytes, breaks, growing: !this.#closed, parts, stretches, points });
  }

  /** Nothing is added from now on. */
  close(): void {
    this.#closed = true;
  }

  /** Writes what is not on the disk yet. Everything can be read from the log until then, and from what comes back afterwards. */
  async finish(): Promise<StoredFields> {
    await this.#flushing;
    await this.#flush(0);
    const fields = this.#fields();
    if (!this.#lost && this.#tail !== undefined && fields.tail > 0) await this.#writeTail(this.#tail.last(fields.tail));
    await this.#closeFile();
    if (this.#lost) return { ...fields, head: 0, tail: 0, points: [], lost: true };
    this.#giveBack(this.#taken - fields.head - fields.tail);
    return fields;
  }

  /** Gives up what is kept. */
  discard(): void {
    this.#lost = true;
    this.#blocks.drop(this.#blocks.length);
    this.#tail = undefined;
    this.#giveBack(this.#taken);
    this.#makeRoom();
  }

  #keep(bytes: Buffer): void {
    if (this.#tail !== undefined) {
      this.#tail.push(bytes);
      return;
    }
    const wanted = Math.min(bytes.length, this.#around.maxBytes - this.#head);
    const granted = this.#take(wanted);
    if (granted > 0) this.#blocks.push(granted < bytes.length ? bytes.subarray(0, granted) : bytes);
    this.#head += granted;
    if (granted < bytes.length) this.#startTail(bytes, granted);
  }

  /** The head is full. It ends between two characters, where the text allows it. */
  #startTail(bytes: Buffer, inHead: number): void {
    const granted = this.#take(TAIL);
    this.#tail = new Ring(granted < SMALLEST_TAIL ? 0 : granted);
    if (this.#tail.capacity === 0) return;
    const before = Buffer.concat([this.#recent.last(3), bytes.subarray(Math.max(0, inHead - 3), inHead)]);
    const back = Math.min(this.#head, unfinished(before));
    this.#head -= back;
    this.#tail.push(before.subarray(before.length - back));
    this.#tail.push(bytes.subarray(inHead));
  }

  /** Behind a gap the tail begins between two characters. */
  #tailLength(): number {
    const tail = this.#tail;
    if (tail === undefined) return 0;
    return this.#head + tail.length < this.bytes ? tail.length - leftover(tail.first(3)) : tail.length;
  }

  #fields(): StoredFields {
    const { bytes, breaks: lines } = this.#index;
    const [head, tail] = [this.#head, this.#tailLength()];
    const inTail = this.#tail === undefined ? 0 : countBreaks(this.#tail.last(tail));
    const points = this.#index.points().filter(({ at }) => at < head);
    return { bytes, lines, head, tail, tail_lines: lines - inTail, points, lost: this.#lost };
  }

  #flow(): Promise<void> | undefined {
    if (this.#blocks.length > IN_MEMORY && this.#flushing === undefined) {
      if (this.#file === undefined) this.#around.growsLarge();
      this.#flushing = this.#flush(IN_MEMORY);
    }
    if (this.#blocks.length <= MAX_QUEUED) return undefined;
    this.#room ??= roomLater();
    return this.#room.promise;
  }

  /** Writes while more than `leave` bytes wait. */
  async #flush(leave: number): Promise<void> {
    try {
      while (this.#blocks.length > leave && !this.#lost) {
        this.#file ??= await this.#around.create();
        if (this.#isLost()) break;
        const { bytesWritten } = await this.#file.writev(this.#blocks.views(WRITE_SIZE, WRITE_VIEWS), this.#written);
        if (this.#isLost()) break;
        this.#written += bytesWritten;
        this.#blocks.drop(bytesWritten);
        if (this.#blocks.length <= MAX_QUEUED / 2) this.#makeRoom();
      }
    } catch (error) {
      this.#fail(error);
      await this.#closeFile();
    }
    // Not when the promise is settled: whoever waited for room writes before that.
    this.#flushing = undefined;
  }

  async #writeTail(tail: Buffer): Promise<void> {
    try {
      this.#file ??= await this.#around.create();
      for (let done = 0; done < tail.length;)
        done += (await this.#file.write(tail, done, tail.length - done, this.#head + done)).bytesWritten;
    } catch (error) {
      this.#fail(error);
    }
  }

  async #closeFile(): Promise<void> {
    try {
      await this.#file?.close();
    } catch (error) {
      this.#fail(error);
    }
    this.#file = undefined;
  }

  #fail(error: unknown): void {
    if (this.#lost) return;
    this.discard();
    this.#around.failed(error);
  }

  /** Asked again after waiting, which the compiler would not believe of the field. */
  #isLost(): boolean {
    return this.#lost;
  }

  #makeRoom(): void {
    this.#room?.resolve();
    this.#room = undefined;
  }

  #take(bytes: number): number {
    const granted = bytes === 0 ? 0 : this.#around.space.take(bytes);
    this.#taken += granted;
    return granted;
  }

  #giveBack(bytes: number): void {
    this.#taken -= bytes;
    this.#around.space.give(bytes);
  }
}
