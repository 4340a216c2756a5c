import type { FileHandle } from "node:fs/promises";
import { CodedError } from "../../wire/errors.ts";
import type { LinePoint } from "./line-index.ts";
import { openForReading } from "./run-files.ts";

/** How much is read from the disk at a time. */
export const READ_SIZE = 262_144;

/** Bytes of a stream that lie together: in memory, or in the stream's file from `fileAt`. `from` and `to` count in the stream. */
export interface KeptPart {
  readonly from: number;
  readonly to: number;
  readonly held: Buffer | { readonly fileAt: number };
}

/** A stretch of the stream without a gap. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
  /** Line breaks of the stream before it, those in the gap among them. */
  readonly breaks: number;
}

export interface KeptStream {
  readonly path: string;
  /** Bytes and line breaks that the program has written. */
  readonly bytes: number;
  readonly breaks: number;
  /** False once nothing can be added any more. */
  readonly growing: boolean;
  /** In ascending order, without overlap. */
  readonly parts: readonly KeptPart[];
  /** One, or two with a gap between them, in ascending order. */
  readonly stretches: readonly [Stretch, ...Stretch[]];
  readonly points: readonly LinePoint[];
}

/** What is kept of a stream at one moment, to be read; what is written meanwhile does not change it. */
export class Kept {
  readonly stream: KeptStream;
  #file: FileHandle | undefined;

  constructor(stream: KeptStream) {
    this.stream = stream;
  }

  /** Behind the last byte that is kept. */
  get end(): number {
    return this.last.to;
  }

  get last(): Stretch {
    return this.stream.stretches.at(-1) ?? this.stream.stretches[0];
  }

  /** The first stretch that does not end at or before `offset`. */
  stretchAt(offset: number): Stretch | undefined {
    return this.stream.stretches.find(({ to }) => offset < to);
  }

  /** The bytes from `from` to `to`, which lie in one stretch. @throws CodedError `output_lost` */
  async read(from: number, to: number): Promise<Buffer> {
    const found: Buffer[] = [];
    for (const part of this.stream.parts) {
      const [start, end] = [Math.max(from, part.from), Math.min(to, part.to)];
      if (start >= end) continue;
      found.push(
        Buffer.isBuffer(part.held)
          ? part.held.subarray(start - part.from, end - part.from)
          : await this.#fromFile(part.held.fileAt + start - part.from, end - start),
      );
    }
    const [only] = found;
    return only !== undefined && found.length === 1 ? only : Buffer.concat(found);
  }

  /** The same in pieces, for what may be large; other work is done between them. */
  async *pieces(from: number, to: number): AsyncGenerator<Buffer, void> {
    for (let at = from; at < to; at += READ_SIZE) yield await this.read(at, Math.min(to, at + READ_SIZE));
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
  }

  async #fromFile(position: number, length: number): Promise<Buffer> {
    const bytes = Buffer.allocUnsafe(length);
    try {
      this.#file ??= await openForReading(this.stream.path);
      for (let done = 0; done < length;) {
        const { bytesRead } = await this.#file.read(bytes, done, length - done, position + done);
        if (bytesRead === 0) throw new Error("the file is too short");
        done += bytesRead;
      }
    } catch (error) {
      throw new CodedError("output_lost", "The kept output cannot be read", { cause: error });
    }
    return bytes;
  }
}
