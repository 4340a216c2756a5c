import type { Readable } from "node:stream";
import { extract, type Extract, type Header } from "tar-stream";
import { CodedError, messageOf } from "../wire/errors.ts";
import {
  BEGIN,
  END,
  invalid,
  MAX_RECORD_BYTES,
  readBegin,
  readEnd,
  SUM_BYTES,
  SUMS,
  type Begin,
  type End,
} from "./format.ts";
import { incomingOf, paddedSize, type Incoming } from "./incoming.ts";
import { throwIfAborted } from "./refusal.ts";

/** What an entry may cost besides its content: headers, and records of pax for the longest path and link. */
const ENTRY_BYTES = 49_152;
/** What may come beyond that: what the reader has not looked at yet, and the zeros at the end. */
const SLACK_BYTES = 1_048_576;

/** An entry of the archive as the library gives it: what is said of it, and its content. */
type RawEntry = AsyncIterable<Buffer, undefined> & { readonly header: Header };

/**
 * Reads an archive of ours from a stream that a hostile other end writes. Not more than a few pieces are held, however long the headers claim to be.
 * All methods throw `transfer_invalid` for what is not of our form or cut short, and `cancelled` when the signal says so.
 */
export class ArchiveReader {
  readonly #input: Readable;
  readonly #extract: Extract = extract();
  readonly #entries: AsyncIterator<RawEntry, undefined>;
  readonly #leave: () => void;
  #failure: Error | undefined;
  #received = 0;
  #allowed = SLACK_BYTES;
  #sums: RawEntry | undefined;

  constructor(input: Readable, signal: AbortSignal | undefined) {
    this.#input = input;
    this.#entries = (this.#extract as AsyncIterable<unknown> as AsyncIterable<RawEntry, undefined>)[
      Symbol.asyncIterator
    ]();
    // What goes wrong is thrown by whoever waits for an entry.
    this.#extract.on("error", () => undefined);
    const abort = (): void => {
      try {
        throwIfAborted(signal);
      } catch (error) {
        this.#fail(error as Error);
      }
    };
    // A stream that is given up may still complain.
    input.on("error", () => undefined);
    signal?.addEventListener("abort", abort);
    this.#leave = () => {
      signal?.removeEventListener("abort", abort);
    };
    abort();
    void this.#feed();
  }

  /** The first record. */
  async begin(): Promise<Begin> {
    const entry = await this.#next();
    if (entry === undefined) throw invalid("the stream is empty");
    if (entry.header.name !== BEGIN) throw invalid("the stream does not begin with a record of ours");
    return readBegin(await this.#content(entry, MAX_RECORD_BYTES));
  }

  /** The entries between the records. The content of a file has to be read before the next one is asked for. */
  async *entries(): AsyncGenerator<Incoming, void> {
    for (;;) {
      const entry = await this.#next();
      if (entry === undefined) throw invalid("the stream was cut short");
      if (entry.header.name === SUMS) {
        this.#sums = entry;
        return;
      }
      yield { ...incomingOf(entry.header), content: this.#pieces(entry) };
    }
  }

  /** The sums of so many files and the last record, behind the entries; nothing may follow. */
  async end(files: number): Promise<End & { readonly sums: Buffer }> {
    if (this.#sums === undefined) throw new RangeError("there are entries left");
    const sums = await this.#content(this.#sums, files * SUM_BYTES);
    const last = await this.#next();
    if (last?.header.name !== END) throw invalid("the stream has no last record");
    const end = readEnd(await this.#content(last, MAX_RECORD_BYTES));
    if ((await this.#next()) !== undefined) throw invalid("something follows the last record");
    return { ...end, sums };
  }

  /** Lets go of the stream; one that has not ended is destroyed. */
  leave(): void {
    this.#leave();
    this.#extract.destroy();
    if (!this.#input.readableEnded) this.#input.destroy();
  }

  async #next(): Promise<RawEntry | undefined> {
    const next = await this.#wait(async () => this.#entries.next());
    if (next.done === true) return undefined;
    const entry = next.value;
    this.#allowed += ENTRY_BYTES + paddedSize(entry.header.size);
    return entry;
  }

  async *#pieces(entry: RawEntry): AsyncGenerator<Buffer, void> {
    const pieces = entry[Symbol.asyncIterator]();
    for (;;) {
      const next = await this.#wait(async () => pieces.next());
      if (next.done === true) return;
      yield next.value;
    }
  }

  async #content(entry: RawEntry, limit: number): Promise<Buffer> {
    const { name, size, type } = entry.header;
    if (type !== "file" || size > limit) throw invalid(`the record ${name} is not a file of at most ${limit} bytes`);
    const pieces: Buffer[] = [];
    for await (const piece of this.#pieces(entry)) pieces.push(piece);
    return Buffer.concat(pieces);
  }

  /** Whatever the library complains of comes from what was sent, unless it was us who gave up. */
  async #wait<T>(next: () => Promise<T>): Promise<T> {
    this.#throwIfFailed();
    let found: T;
    try {
      found = await next();
    } catch (error) {
      this.#throwIfFailed();
      throw invalid(`the stream is not a whole archive: ${messageOf(error)}`, error);
    }
    this.#throwIfFailed();
    return found;
  }

  #throwIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#extract.destroy(this.#failure);
    this.#input.destroy();
  }

  async #feed(): Promise<void> {
    try {
      for await (const piece of this.#input as AsyncIterable<Buffer>) {
        // What came before was taken, but for a little.
        if (this.#received > this.#allowed + piece.length) throw invalid("headers of the stream have no end");
        this.#received += piece.length;
        if (!this.#extract.write(piece)) await this.#drained();
        if (this.#extract.destroying) return;
      }
      this.#extract.end(undefined);
    } catch (error) {
      this.#fail(error instanceof CodedError ? error : invalid(`the stream broke off: ${messageOf(error)}`, error));
    }
  }

  async #drained(): Promise<void> {
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.#extract.off("drain", done);
        this.#extract.off("close", done);
        resolve();
      };
      this.#extract.on("drain", done);
      this.#extract.on("close", done);
      if (this.#extract.destroyed) done();
    });
  }
}
