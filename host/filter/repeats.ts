import { GrowingBytes } from "./bytes.ts";
import type { Line, LineEnd, LineSink } from "./line.ts";
import { grouped } from "./words.ts";

/** Of equal lines in a row keeps one, with ` (×N)` behind it. A line whose middle is left out equals none. */
export class Repeats {
  readonly #sink: LineSink;
  readonly #bytes = new GrowingBytes();
  #leftOut = 0;
  #end: LineEnd = "";
  /** How often the line that is held came; 0 is no line. */
  #count = 0;
  #dropped = 0;

  constructor(sink: LineSink) {
    this.#sink = sink;
  }

  /** Lines that were dropped. */
  get dropped(): number {
    return this.#dropped;
  }

  add(line: Line, end: LineEnd): void {
    const same = this.#count > 0 && this.#leftOut === 0 && line.leftOut === 0 && this.#bytes.equals(line.bytes);
    if (same) this.#dropped++;
    else {
      this.end();
      this.#bytes.clear();
      this.#bytes.append(line.bytes);
      this.#leftOut = line.leftOut;
    }
    this.#count++;
    this.#end = end;
  }

  /** Passes on the line that is held. */
  end(): void {
    if (this.#count === 0) return;
    if (this.#count > 1)
      this.#bytes.append(Buffer.from(`${this.#bytes.length === 0 ? "" : " "}(×${grouped(this.#count)})`));
    this.#sink({ bytes: this.#bytes.view(), leftOut: this.#leftOut }, this.#end);
    this.#count = 0;
  }
}
