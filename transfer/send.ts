import { createHash } from "node:crypto";
import { closeSync, fstatSync, type BigIntStats } from "node:fs";
import type { Writable } from "node:stream";
import { kindOf, type Reach } from "../host/util/dir-handle.ts";
import { CodedError } from "../wire/errors.ts";
import { ArchiveWriter } from "./archive-writer.ts";
import { Digest, type EntryFacts } from "./digest.ts";
import type { Directory } from "./directory.ts";
import { BEGIN, beginRecord, END, endRecord, SUMS, type TransferKind } from "./format.ts";
import { Tally, type Amount, type TransferLimits } from "./limits.ts";
import { shown, textOf } from "./names.ts";
import type { Progress, TransferOutcome } from "./outcome.ts";
import { isUnchanged, piecesOf } from "./pieces.ts";
import { failed, throwIfAborted } from "./refusal.ts";
import { unlessRemoved, Walk, type Found, type Links } from "./walk.ts";
import { wayTo, type Way } from "./way.ts";

export interface SendOptions {
  /** Real paths of the directories below which may be read. */
  readonly roots: readonly string[];
  /** Absolute path of a file or directory below a root, or of a root. */
  readonly path: string;
  /** Is not ended. */
  readonly output: Writable;
  readonly limits: TransferLimits;
  /** Default: refuse. */
  readonly links?: Links;
  /** Sends the setuid, setgid and sticky bits too. */
  readonly specialBits?: boolean;
  readonly signal?: AbortSignal | undefined;
  /** Called for every piece; not to take long. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  /** Called with one sentence for what was left out or changed while it was read. */
  readonly onNotice?: ((text: string) => void) | undefined;
  /** For tests. */
  readonly reach?: Reach;
}

const PERMISSIONS = 0o777n;
const PERMISSIONS_AND_SPECIAL = 0o7777n;

function tooMuch(text: string): CodedError {
  return new CodedError("output_too_large", `what is to be sent has ${text}`, {
    hint: "Transfer less at a time, or ask the owner of the machine to raise the limit.",
  });
}

/** One transfer from this machine's files to a stream. */
class Sending {
  readonly #options: SendOptions;
  readonly #archive: ArchiveWriter;
  readonly #tally: Tally;
  #skipped = 0;
  #bytes = 0;
  #lastSum: Buffer | undefined;

  constructor(options: SendOptions) {
    this.#options = options;
    this.#tally = new Tally(options.limits, tooMuch);
    this.#archive = new ArchiveWriter(options.output, options.signal);
  }

  async run(): Promise<TransferOutcome> {
    try {
      const way = wayTo(this.#options.roots, this.#options.path, this.#options.reach);
      try {
        return await this.#top(way);
      } catch (error) {
        throw failed(error, way.shown);
      } finally {
        way.directory.close();
      }
    } finally {
      this.#archive.leave();
    }
  }

  async #top({ directory, name, slash, shown: where }: Way): Promise<TransferOutcome> {
    if (name === undefined) return this.#directory(directory, "");
    const stats = directory.stats(name);
    if (stats === undefined) throw new CodedError("file_failed", `${where} does not exist`);
    const kind = kindOf(stats);
    if (kind === "link")
      throw new CodedError("file_denied", `${where} is a symbolic link`, { hint: "Name what it leads to." });
    if (kind === "other") throw new CodedError("file_denied", `${where} is neither a file nor a directory`);
    if (kind === "file") {
      if (slash) throw new CodedError("file_failed", `${where} is not a directory`);
      return this.#file(directory, name, where);
    }
    const top = directory.sub(name);
    try {
      return await this.#directory(top, name);
    } finally {
      top.close();
    }
  }

  async #file(directory: Directory, name: string, where: string): Promise<TransferOutcome> {
    const fd = directory.openRegular(name);
    try {
      const stats = fstatSync(fd, { bigint: true });
      const tally = new Tally(this.#options.limits, tooMuch);
      tally.add("file", Number(stats.size));
      const expected = tally.amount();
      const digest = await this.#begin("file", name, expected);
      await this.#content(fd, stats, "", where, digest, expected);
      return await this.#end("file", digest);
    } finally {
      closeSync(fd);
    }
  }

  async #directory(top: Directory, name: string): Promise<TransferOutcome> {
    const stats = top.ownStats();
    const expected = this.#measure(top);
    const digest = await this.#begin("directory", name, expected);
    this.#tally.add("directory", 0);
    const facts = this.#facts("directory", "", stats, 0);
    digest.directory(facts);
    await this.#archive.entry(facts);
    for (const found of this.#walk(this.#tally, true).through(top)) {
      throwIfAborted(this.#options.signal);
      await this.#entry(found, digest, expected);
    }
    return this.#end("directory", digest);
  }

  /** What a walk finds now: told to the other end before anything is sent, and held against the limits. */
  #measure(top: Directory): Amount {
    const tally = new Tally(this.#options.limits, tooMuch);
    tally.add("directory", 0);
    for (const { kind, stats } of this.#walk(tally, false).through(top))
      tally.add(kind, kind === "file" ? Number(stats.size) : 0);
    return tally.amount();
  }

  #walk(tally: Tally, isHeard: boolean): Walk {
    const notice = isHeard ? this.#leftOut : () => undefined;
    return new Walk({ links: this.#options.links ?? "refuse", tally, notice });
  }

  readonly #leftOut = (path: string, why: string): void => {
    this.#skipped++;
    this.#options.onNotice?.(`${shown(path)} ${why}, and was left out`);
  };

  async #begin(kind: TransferKind, name: string, expected: Amount): Promise<Digest> {
    await this.#archive.record(BEGIN, beginRecord({ kind, name: textOf(name) ?? "", expected }));
    return new Digest(kind);
  }

  async #entry(found: Found, digest: Digest, expected: Amount): Promise<void> {
    if (found.kind === "file") {
      const fd = unlessRemoved(found, this.#leftOut, () => found.parent.openRegular(found.name));
      if (fd === undefined) return;
      try {
        await this.#content(fd, fstatSync(fd, { bigint: true }), found.path, shown(found.path), digest, expected);
      } finally {
        closeSync(fd);
      }
      return;
    }
    this.#tally.add(found.kind, 0);
    const facts = this.#facts(found.kind, found.path, found.stats, 0);
    if (found.kind === "directory") digest.directory(facts);
    else digest.link(facts, found.target);
    await this.#archive.entry(facts, found.target);
  }

  async #content(fd: number, stats: BigIntStats, path: string, where: string, digest: Digest, expected: Amount) {
    const size = Number(stats.size);
    this.#tally.add("file", size);
    const facts = this.#facts("file", path, stats, size);
    const hash = createHash("sha256");
    const pieces = piecesOf(fd, size, (piece) => {
      hash.update(piece);
      this.#bytes += piece.length;
      this.#options.onProgress?.({ ...this.#tally.amount(), bytes: this.#bytes, expected });
    });
    try {
      await this.#archive.file(facts, pieces);
    } catch (error) {
      throw failed(error, where);
    }
    if (!isUnchanged(fd, stats))
      this.#options.onNotice?.(`${where} changed while it was read; what was sent may be a mixture`);
    this.#lastSum = hash.digest();
    digest.file(facts, this.#lastSum);
  }

  async #end(kind: TransferKind, digest: Digest): Promise<TransferOutcome> {
    const sent = this.#tally.amount();
    const sha256 = digest.whole();
    const skipped = this.#skipped;
    await this.#archive.record(SUMS, Buffer.concat(digest.sums));
    await this.#archive.record(END, endRecord({ sent, skipped, sha256 }));
    await this.#archive.finish();
    return { ...sent, kind, skipped, sha256, fileSha256: kind === "file" ? this.#lastSum?.toString("hex") : undefined };
  }

  #facts(kind: EntryFacts["kind"], path: string, stats: BigIntStats, size: number): EntryFacts {
    const bits = this.#options.specialBits === true ? PERMISSIONS_AND_SPECIAL : PERMISSIONS;
    return { path, kind, mode: Number(stats.mode & bits), mtimeNs: stats.mtimeNs, size };
  }
}

/**
 * Writes a file, or a directory with all that is in it, to a stream, in the form that docs/transfer.md describes. Everything is reached through open
 * directories, and no symbolic link is followed, so that somebody who changes the tree meanwhile cannot have anything else read. Nothing is held in memory
 * but 32 bytes for each file, and the names of the directories that are open.
 * @throws CodedError `file_denied`, `file_failed`, `output_too_large` beyond a limit, `cancelled` when the stream is gone or the signal says so. What was
 *   written until then is never taken for a whole transfer.
 */
export async function send(options: SendOptions): Promise<TransferOutcome> {
  return new Sending(options).run();
}
