import type { Readable } from "node:stream";
import type { Reach } from "../host/util/dir-handle.ts";
import { CodedError } from "../wire/errors.ts";
import { ArchiveReader } from "./archive-reader.ts";
import { Arrival } from "./arrival.ts";
import { destinationOf, type Destination } from "./destination.ts";
import { Digest } from "./digest.ts";
import type { Directory } from "./directory.ts";
import { invalid, SUM_BYTES, type Begin, type End, type TransferKind } from "./format.ts";
import type { Incoming } from "./incoming.ts";
import { Tally, type Amount, type TransferLimits } from "./limits.ts";
import { nameOf, objectionToLink, shown } from "./names.ts";
import type { Progress, TransferOutcome } from "./outcome.ts";
import { putInPlace } from "./place.ts";
import { about, failed, throwIfAborted } from "./refusal.ts";
import { Stage } from "./stage.ts";
import { wayTo, type Way } from "./way.ts";

/** Which modes files and directories get, whatever the umask. */
export interface ModeOptions {
  /** Takes the setuid, setgid and sticky bits over as well. Default: no. */
  readonly specialBits?: boolean;
  /** What every file gets instead of its own mode. */
  readonly file?: number;
  /** The same for directories. */
  readonly directory?: number;
}

export interface ReceiveOptions {
  /** Is read to its end; destroyed when the transfer fails. */
  readonly input: Readable;
  /** Real paths of the directories below which may be written. */
  readonly roots: readonly string[];
  /** Absolute path below a root; `destinationOf` says what it means. */
  readonly path: string;
  readonly limits: TransferLimits;
  /** What a file is called in a directory that is named as the destination. Without it such a destination is refused. */
  readonly name?: string | undefined;
  /**
   * Takes that name from the stream when none is given. Only where the other end is as trusted as whoever named the destination: it could name a file
   * that nobody thought of.
   */
  readonly nameFromStream?: boolean;
  /** Which kind is wanted. Default: both. */
  readonly kind?: TransferKind;
  /** Puts a directory into one that exists. Default: no. */
  readonly merge?: boolean;
  /** Takes symbolic links that stay inside of the tree. Default: no. */
  readonly links?: boolean;
  readonly modes?: ModeOptions;
  /** Waits until everything is on the disk before it is put in place, so that a power cut leaves all or nothing. Default: yes. */
  readonly durable?: boolean;
  readonly signal?: AbortSignal | undefined;
  /** Called for every piece; not to take long. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  /** Called with a sentence about what could not be cleaned up. */
  readonly onNotice?: ((text: string) => void) | undefined;
  /** For tests. */
  readonly reach?: Reach;
}

const PERMISSIONS = 0o777;
const PERMISSIONS_AND_SPECIAL = 0o7777;

function tooMuch(text: string): CodedError {
  return new CodedError("stdin_too_large", `what comes has ${text}`, {
    hint: "Transfer less at a time, or ask the owner of the machine to raise the limit.",
  });
}

/** One transfer from a stream to this machine's files. */
class Receiving {
  readonly #options: ReceiveOptions;
  readonly #tally: Tally;
  #bytes = 0;

  constructor(options: ReceiveOptions) {
    this.#options = options;
    this.#tally = new Tally(options.limits, tooMuch);
  }

  async run(): Promise<TransferOutcome> {
    const { input, signal, roots, path, reach } = this.#options;
    const reader = new ArchiveReader(input, signal);
    try {
      // Before anything is read: whoever may not write here learns it at once.
      const way = wayTo(roots, path, reach);
      try {
        return await this.#through(reader, way);
      } catch (error) {
        throw failed(error, way.shown);
      } finally {
        way.directory.close();
      }
    } finally {
      reader.leave();
    }
  }

  async #through(reader: ArchiveReader, way: Way): Promise<TransferOutcome> {
    const begin = await reader.begin();
    this.#requireWanted(begin);
    const { name, nameFromStream = false, merge = false } = this.#options;
    const inside = name ?? (nameFromStream ? begin.name : undefined);
    const rules = { kind: begin.kind, name: inside === undefined ? undefined : nameOf(inside), merge };
    const to = destinationOf(way, rules);
    try {
      this.#requireRoom(to, begin.expected, way);
      return await this.#staged(reader, begin, to, way);
    } finally {
      if (to.directory !== way.directory) to.directory.close();
    }
  }

  async #staged(reader: ArchiveReader, begin: Begin, to: Destination, way: Way): Promise<TransferOutcome> {
    const notice = this.#options.onNotice ?? (() => undefined);
    const stage = about(`the directory of ${way.shown}`, () => Stage.make(to.directory, notice));
    try {
      const outcome = await this.#arrive(reader, begin, stage.directory, to);
      if (this.#options.durable !== false)
        about(way.shown, () => {
          to.directory.sync();
        });
      return outcome;
    } finally {
      stage.remove(notice);
    }
  }

  async #arrive(reader: ArchiveReader, begin: Begin, stage: Directory, to: Destination): Promise<TransferOutcome> {
    const { kind, expected } = begin;
    const digest = new Digest(kind);
    const received = (bytes: number): void => {
      this.#bytes += bytes;
      this.#options.onProgress?.({ ...this.#tally.amount(), bytes: this.#bytes, expected });
    };
    const durable = this.#options.durable !== false;
    const arrival = new Arrival(stage, { digest, received, durable, modeOf: (incoming) => this.#modeOf(incoming) });
    try {
      for await (const incoming of reader.entries()) {
        this.#require(incoming, kind);
        await arrival.add(incoming);
      }
      const end = await reader.end(this.#tally.files);
      const outcome = this.#checked(kind, end, digest, arrival);
      await arrival.settled();
      throwIfAborted(this.#options.signal);
      putInPlace(kind, stage, to, arrival);
      return outcome;
    } finally {
      await arrival.quiet();
    }
  }

  #requireWanted({ kind, expected }: Begin): void {
    const { kind: wanted, limits } = this.#options;
    if (wanted !== undefined && wanted !== kind)
      throw new CodedError("file_failed", `a ${kind} comes where a ${wanted} is wanted`);
    const announced = new Tally(limits, tooMuch);
    announced.requireEntries(expected.files + expected.directories + expected.links);
    if (expected.bytes > limits.maxBytes) announced.add("file", expected.bytes);
  }

  /** As far as the sender knows what comes, and the file system what is free. */
  #requireRoom(to: Destination, expected: Amount, way: Way): void {
    const free = about(way.shown, () => to.directory.freeBytes());
    if (free === undefined || expected.bytes <= free) return;
    throw new CodedError(
      "file_failed",
      `${way.shown}: the disk has ${free} bytes left, and ${expected.bytes} are going to come`,
      { hint: "Free some space, or name a destination on another disk." },
    );
  }

  #require({ path, kind, size, target }: Incoming, whole: TransferKind): void {
    if (path === "" && kind !== whole) throw invalid(`the top is a ${kind}, and not the ${whole} that was announced`);
    const depth = path === "" ? 0 : path.split("/").length - (kind === "directory" ? 0 : 1);
    this.#tally.requireDepth(depth);
    this.#tally.add(kind, size);
    this.#tally.keepPath(path);
    if (kind !== "link") return;
    if (this.#options.links !== true)
      throw new CodedError("file_denied", `${shown(path)} is a symbolic link, and none are taken`, {
        hint: "Leave links out, or allow them.",
      });
    const objection = objectionToLink(path, target);
    if (objection !== undefined)
      throw new CodedError("file_denied", `${shown(path)} is a symbolic link that ${objection}`, {
        hint: "Leave links out.",
      });
  }

  #modeOf({ kind, mode }: Incoming): number {
    const { specialBits = false, file, directory } = this.#options.modes ?? {};
    return (kind === "file" ? file : directory) ?? mode & (specialBits ? PERMISSIONS_AND_SPECIAL : PERMISSIONS);
  }

  /** Holds what came against what the last record says came. */
  #checked(
    kind: TransferKind,
    end: End & { readonly sums: Buffer },
    digest: Digest,
    arrival: Arrival,
  ): TransferOutcome {
    const came = this.#tally.amount();
    const { sent, skipped, sums, sha256 } = end;
    for (const name of ["files", "directories", "links", "bytes"] as const)
      if (came[name] !== sent[name]) throw invalid(`${came[name]} ${name} came, and ${sent[name]} were sent`);
    if (came.files + came.directories === 0) throw invalid("nothing came");
    for (const [index, sum] of digest.sums.entries())
      if (!sum.equals(sums.subarray(index * SUM_BYTES, (index + 1) * SUM_BYTES)))
        throw invalid(`the content of ${shown(arrival.files[index] ?? "")} is not what was sent`);
    const fileSha256 = kind === "file" ? digest.sums[0]?.toString("hex") : undefined;
    if (digest.whole() !== sha256) throw invalid("the names, modes or times are not those that were sent");
    return { ...came, kind, skipped, sha256, fileSha256 };
  }
}

/**
 * Reads what `send` writes, from a stream that a hostile other end may write, and puts it below one of the roots: all of it after everything has come and
 * was checked, or nothing. Until then it lies in a hidden directory in the same place, which is removed whatever happens; what a killed process leaves
 * there is removed by the next transfer that comes an hour later.
 * @throws CodedError `file_denied`, `file_failed`, `already_exists`, `stdin_too_large` beyond a limit, `transfer_invalid` for a stream that is not whole,
 *   `link_version`, `cancelled`
 */
export async function receive(options: ReceiveOptions): Promise<TransferOutcome> {
  return new Receiving(options).run();
}
