import type { OutputSink } from "../../wire/live.ts";
import type { StreamName } from "../../wire/names.ts";

/** What is kept of one stream of one target. */
export const KEPT_BYTES = 1_048_576;
/** What is kept of a stream's end, for its last line. */
const TAIL_BYTES = 4_096;

/** The first part of what a stream had. */
export interface Kept {
  readonly bytes: Buffer;
  /** What came in all. */
  readonly total: number;
}

/** The output of one target: bounded, whatever comes. */
export class Keep implements OutputSink {
  readonly #max: number;
  readonly #chunks: Record<StreamName, Buffer[]> = { stdout: [], stderr: [] };
  readonly #kept: Record<StreamName, number> = { stdout: 0, stderr: 0 };
  readonly #total: Record<StreamName, number> = { stdout: 0, stderr: 0 };
  #tail: Buffer = Buffer.alloc(0);

  /** @param max bytes of each stream that are kept */
  constructor(max: number) {
    this.#max = max;
  }

  write(stream: StreamName, bytes: Buffer): undefined {
    this.#total[stream] += bytes.length;
    const part = bytes.subarray(0, this.#max - this.#kept[stream]);
    if (part.length > 0) this.#chunks[stream].push(Buffer.from(part));
    this.#kept[stream] += part.length;
    this.#tail = Buffer.concat([this.#tail, bytes.subarray(-TAIL_BYTES)]).subarray(-TAIL_BYTES);
  }

  of(stream: StreamName): Kept {
    return { bytes: Buffer.concat(this.#chunks[stream]), total: this.#total[stream] };
  }

  /** The last line of the two streams that is not empty, as far as it is kept. */
  get lastLine(): string {
    const lines = this.#tail.toString("utf8").split("\n");
    return lines.findLast((line) => line.trim() !== "")?.trim() ?? "";
  }
}
