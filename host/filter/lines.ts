import type { Keeper } from "./keeper.ts";
import { LineBuffer, LONGEST_LINE, type LineEnd, type LineSink } from "./line.ts";

const BACKSPACE = 0x08;
const LINE_FEED = 0x0a;
const RETURN = 0x0d;

/** Cuts text into lines. Nothing else is changed. */
export class Lines {
  readonly #keeper: Keeper;
  readonly #line = new LineBuffer();

  constructor(keeper: Keeper) {
    this.#keeper = keeper;
  }

  write(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; at += LONGEST_LINE) this.#piece(chunk.subarray(at, at + LONGEST_LINE));
  }

  end(): void {
    if (!this.#line.isEmpty) this.#emit("");
  }

  #piece(piece: Buffer): void {
    let from = this.#line.isEmpty ? this.#many(piece, 0) : 0;
    for (;;) {
      const end = piece.indexOf(LINE_FEED, from);
      if (end < 0) break;
      this.#line.append(piece, from, end);
      this.#emit("\n");
      from = this.#many(piece, end + 1);
    }
    this.#line.append(piece, from, piece.length);
  }

  /** Passes the whole lines behind `from` on at once, if the keeper takes them so; returns where the rest begins. */
  #many(piece: Buffer, from: number): number {
    const end = piece.lastIndexOf(LINE_FEED) + 1;
    return end > from && this.#keeper.addMany(piece.subarray(from, end)) ? end : from;
  }

  #emit(end: LineEnd): void {
    this.#keeper.add(this.#line.line(), end);
    this.#line.clear();
  }
}

/**
 * Cuts text into lines, of each of which the last state is kept: what a carriage return goes back over is dropped when something is written in its
 * place, and so is what backspaces go back over. Returns right before a line feed are part of the line's end.
 */
export class FinalLines {
  readonly #sink: LineSink;
  readonly #line = new LineBuffer();
  /** Returns and backspaces since the last text, which do nothing unless more text follows. */
  #returns = 0;
  #back = 0;
  #overwritten = 0;
  #backspaces = 0;

  constructor(sink: LineSink) {
    this.#sink = sink;
  }

  /** States of lines that were overwritten, one for each return that was dropped. */
  get overwritten(): number {
    return this.#overwritten;
  }

  get backspaces(): number {
    return this.#backspaces;
  }

  write(chunk: Buffer): void {
    let from = 0;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at];
      if (byte !== LINE_FEED && byte !== RETURN && byte !== BACKSPACE) continue;
      if (byte === LINE_FEED) this.#lineFeed(chunk, from, at);
      else {
        this.#text(chunk, from, at);
        if (byte === RETURN) this.#return();
        else this.#backspace();
      }
      from = at + 1;
    }
    this.#text(chunk, from, chunk.length);
  }

  end(): void {
    if (!this.#line.isEmpty || this.#returns > 0) this.#emit("");
  }

  #lineFeed(chunk: Buffer, from: number, to: number): void {
    const isWhole = this.#line.isEmpty && this.#returns === 0 && to - from <= LONGEST_LINE;
    if (isWhole) {
      this.#back = 0;
      this.#sink({ bytes: chunk.subarray(from, to), leftOut: 0 }, "\n");
      return;
    }
    this.#text(chunk, from, to);
    this.#emit("\n");
  }

  #text(chunk: Buffer, from: number, to: number): void {
    if (from === to) return;
    if (this.#returns > 0) {
      this.#overwritten += this.#returns;
      this.#line.clear();
    } else if (this.#back > 0) this.#line.takeBack(this.#back);
    this.#returns = this.#back = 0;
    this.#line.append(chunk, from, to);
  }

  #return(): void {
    this.#returns++;
    this.#back = 0;
  }

  #backspace(): void {
    this.#backspaces++;
    // Behind a return there is nothing to go back over.
    if (this.#returns === 0) this.#back++;
  }

  #emit(feed: "\n" | ""): void {
    const end: LineEnd = this.#returns === 0 ? feed : `\r${feed}`;
    this.#overwritten += Math.max(0, this.#returns - 1);
    this.#returns = this.#back = 0;
    this.#sink(this.#line.line(), end);
    this.#line.clear();
  }
}
