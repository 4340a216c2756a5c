import { Kept, type KeptPart, type Stretch } from "./kept.ts";
import type { LinePoint } from "./line-index.ts";

/** What is known of a stream that lies on the disk. All in bytes of the stream, or line breaks. */
export interface StoredFields {
  readonly bytes: number;
  readonly lines: number;
  /** Kept from the beginning. */
  readonly head: number;
  /** Kept from the end, behind the head; 0 when the head is everything. */
  readonly tail: number;
  /** Line breaks before the tail. */
  readonly tail_lines: number;
  readonly points: readonly LinePoint[];
  /** True when nothing of it could be kept. */
  readonly lost: boolean;
}

export interface Gap {
  readonly from: number;
  readonly to: number;
}

/** What a run knows of one of its streams, whether it goes on or not. */
export interface StreamState {
  readonly bytes: number;
  readonly lines: number;
  readonly lost: boolean;
  readonly missing: Gap | undefined;
  /** Bytes that are kept. */
  readonly held: number;
  /** What can be read now. */
  kept(): Kept;
}

export const EMPTY_STREAM: StoredFields = {
  bytes: 0,
  lines: 0,
  head: 0,
  tail: 0,
  tail_lines: 0,
  points: [],
  lost: false,
};

/** Where the gap is between the first `head` bytes and the last `tail` ones. */
export function gapOf(bytes: number, head: number, tail: number): Gap | undefined {
  return head + tail < bytes ? { from: head, to: bytes - tail } : undefined;
}

/** The stretches of a stream of which the head and, behind a gap, the tail are kept. */
export function stretchesOf(
  fields: Pick<StoredFields, "bytes" | "head" | "tail" | "tail_lines">,
): readonly [Stretch, ...Stretch[]] {
  const { bytes, head, tail, tail_lines: breaks } = fields;
  if (head + tail >= bytes) return [{ from: 0, to: bytes, breaks: 0 }];
  const first = { from: 0, to: head, breaks: 0 };
  return tail === 0 ? [first] : [first, { from: bytes - tail, to: bytes, breaks }];
}

/** A stream that has ended and lies on the disk. */
export class StoredStream implements StreamState {
  readonly fields: StoredFields;
  readonly #path: string;

  constructor(fields: StoredFields, path: string) {
    this.fields = fields;
    this.#path = path;
  }

  get bytes(): number {
    return this.fields.bytes;
  }

  get lines(): number {
    return this.fields.lines;
  }

  get lost(): boolean {
    return this.fields.lost;
  }

  get missing(): Gap | undefined {
    return this.lost ? undefined : gapOf(this.bytes, this.fields.head, this.fields.tail);
  }

  get held(): number {
    return this.lost ? 0 : this.fields.head + this.fields.tail;
  }

  /** The same stream, with what was found out about it. */
  with(found: Partial<StoredFields>): StoredStream {
    return new StoredStream({ ...this.fields, ...found }, this.#path);
  }

  kept(): Kept {
    const { bytes, lines, head, tail, points } = this.fields;
    const parts: KeptPart[] = [
      { from: 0, to: head, held: { fileAt: 0 } },
      { from: bytes - tail, to: bytes, held: { fileAt: head } },
    ];
    const stretches = stretchesOf(this.fields);
    return new Kept({ path: this.#path, bytes, breaks: lines, growing: false, parts, stretches, points });
  }
}
