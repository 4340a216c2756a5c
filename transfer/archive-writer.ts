import type { Writable } from "node:stream";
import { pack, type Header, type Pack } from "tar-stream";
import type { EntryFacts } from "./digest.ts";
import { DATA, RAW_LINK, RAW_PATH } from "./format.ts";
import { bytesOf, joined, textOf } from "./names.ts";
import { Outlet } from "./outlet.ts";

/** Smaller pieces are put together before they are written. */
const PIECE_BYTES = 65_536;
/** Largest time that tar's own field is given, in seconds. */
const LAST_SECOND = 2 ** 31 - 1;
const NS = 1_000_000_000n;
/** Above the bits that are written: the library takes a mode of 0 for one that was not given. */
const GIVEN = 0o1_000_000;

/** Seconds as pax writes them. */
function paxTime(ns: bigint): string {
  const [sign, magnitude] = ns < 0n ? ["-", -ns] : ["", ns];
  return `${sign}${magnitude / NS}.${String(magnitude % NS).padStart(9, "0")}`;
}

type HeaderArgument = Partial<Header> & Pick<Header, "name">;

/** A tar header. What its fields cannot say is said in records of pax. */
function headerOf({ path, kind, mode, mtimeNs, size }: EntryFacts, target: string): HeaderArgument {
  const pax = new Map<string, string>();
  const said = (name: string, record: string): string => {
    const text = textOf(name);
    if (text === undefined) pax.set(record, bytesOf(name).toString("base64"));
    return text ?? bytesOf(name).toString("utf8");
  };
  const name = said(path, RAW_PATH);
  const linkname = said(target, RAW_LINK);
  const second = Number(mtimeNs / NS);
  const isPlain = mtimeNs % NS === 0n && second >= 0 && second <= LAST_SECOND;
  if (!isPlain) pax.set("mtime", paxTime(mtimeNs));
  return {
    name: name === "" ? DATA : joined(DATA, name),
    size,
    mode: mode | GIVEN,
    mtime: new Date(1_000 * Math.min(Math.max(second, 0), LAST_SECOND)),
    type: kind === "link" ? "symlink" : kind,
    ...(kind === "link" ? { linkname } : {}),
    ...(pax.size === 0 ? {} : { pax: Object.fromEntries(pax) }),
  };
}

/**
 * Writes a tar archive to a stream, no faster than it is taken. All methods throw `cancelled` when the stream is gone or the signal says so.
 */
export class ArchiveWriter {
  readonly #pack: Pack = pack();
  readonly #outlet: Outlet;
  readonly #pumped: Promise<void>;

  constructor(output: Writable, signal: AbortSignal | undefined) {
    this.#outlet = new Outlet(output, signal);
    // What goes wrong is thrown by whoever waits for something.
    this.#pack.on("error", () => undefined);
    this.#outlet.onFailure((error) => {
      this.#pack.destroy(error);
    });
    this.#pumped = this.#pump().catch((error: unknown) => {
      this.#outlet.fail(error as Error);
    });
  }

  /** Adds one of the records of ours. */
  async record(name: string, bytes: Buffer): Promise<void> {
    await this.#whole({ name, mode: 0o600, mtime: new Date(0) }, bytes);
  }

  /** Adds a directory or a link. */
  async entry(facts: EntryFacts, target = ""): Promise<void> {
    await this.#whole(headerOf(facts, target), Buffer.alloc(0));
  }

  /** Adds a file; `pieces` gives exactly as many bytes as `facts` says, and leaves them alone afterwards. */
  async file(facts: EntryFacts, pieces: AsyncIterable<Buffer>): Promise<void> {
    const state = { isDone: false, wake: (): void => undefined };
    const sink = this.#try(() =>
      this.#pack.entry(headerOf(facts, ""), () => {
        state.isDone = true;
        state.wake();
      }),
    );
    sink.on("drain", () => {
      state.wake();
    });
    sink.on("error", () => undefined);
    const woken = async (): Promise<void> => {
      await new Promise<void>((resolve) => {
        state.wake = resolve;
        if (state.isDone) resolve();
      });
      this.#throwIfFailed();
    };
    for await (const piece of pieces) if (!sink.write(piece)) await woken();
    sink.end(undefined);
    await woken();
  }

  /** Ends the archive, and waits until everything was handed over. The stream itself stays open. */
  async finish(): Promise<void> {
    this.#try(() => {
      this.#pack.finalize();
    });
    await this.#pumped;
    await this.#outlet.flushed();
  }

  /** Lets go of the stream; what was not handed over yet is dropped. */
  leave(): void {
    this.#outlet.leave();
    this.#pack.destroy();
  }

  async #whole(header: HeaderArgument, bytes: Buffer): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#try(() => {
        const done = (): void => {
          resolve();
        };
        this.#pack.entry(header, bytes, done).on("error", () => undefined);
      });
    });
    this.#throwIfFailed();
  }

  /** The library complains of an archive that was given up; why it was is what matters. */
  #try<T>(work: () => T): T {
    this.#throwIfFailed();
    return work();
  }

  #throwIfFailed(): void {
    if (this.#outlet.failure !== undefined) throw this.#outlet.failure;
  }

  async #pump(): Promise<void> {
    let held: Buffer[] = [];
    let size = 0;
    const flush = async (): Promise<void> => {
      const bytes = held.length === 1 ? held[0] : Buffer.concat(held);
      [held, size] = [[], 0];
      if (bytes !== undefined && bytes.length > 0) await this.#outlet.write(bytes);
    };
    for await (const piece of this.#pack as AsyncIterable<Buffer>) {
      const isLarge = piece.length >= PIECE_BYTES;
      if (isLarge) await flush();
      held.push(piece);
      size += piece.length;
      if (size >= PIECE_BYTES) await flush();
    }
    await flush();
  }
}
