import { closeSync, constants, fdatasync, fdatasyncSync, fstatSync, openSync, readSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { CodedError, errnoOf } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";
import { makePrivateDirectory } from "../util/write-atomic.ts";
import type { Link } from "./chain.ts";
import { isSignedBy, type SigningKey } from "./signing-key.ts";

/** Two of them are in a head's file, written by turns: whatever is torn by a crash, the other one is whole. */
const SLOT = 512;
const SLOTS = 2;
const WRITE = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;

/** Where the log stood at a time, signed. */
export interface Head extends Link {
  /** Counts heads: it tells which of two is newer whatever the clock and the log say. */
  readonly turn: number;
  /** The last record that was known to be on the disk. */
  readonly synced: number;
  readonly time: string;
  /** The public key. */
  readonly key: string;
  readonly signature: string;
}

/** Exactly the text that is signed. */
function signedText({ turn, seq, hash, synced, time, key }: Omit<Head, "signature">): string {
  return `cmd2host audit head\n${turn}\n${seq}\n${hash}\n${synced}\n${time}\n${key}\n`;
}

export function isWellSigned(head: Head): boolean {
  return isSignedBy(head.key, signedText(head), head.signature);
}

function parseSlot(text: string): Head | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { turn, seq, hash, synced, time, key, signature } = value as Partial<Record<keyof Head, unknown>>;
  if (![turn, seq, synced].every(Number.isSafeInteger)) return undefined;
  const texts = [hash, time, key, signature];
  if (texts.some((part) => typeof part !== "string")) return undefined;
  return value as Head;
}

/** What a head's file holds. */
export interface FoundHead {
  /** The newest that is signed by the key that it names. */
  readonly head: Head | undefined;
  /** Something is there, and none of it is a signed head. */
  readonly isForged: boolean;
}

/** @throws CodedError `audit_unavailable` when it cannot be read */
export function readHead(path: string): FoundHead {
  let fd: number;
  try {
    fd = openSync(path, READ);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return { head: undefined, isForged: false };
    throw unusable(path, error);
  }
  try {
    if (!fstatSync(fd).isFile()) throw unusable(path, undefined);
    const bytes = Buffer.alloc(SLOT * SLOTS);
    const length = readSync(fd, bytes, 0, bytes.length, 0);
    const slots = [0, 1].map((slot) =>
      parseSlot(bytes.toString("utf8", slot * SLOT, Math.min(length, (slot + 1) * SLOT)).trim()),
    );
    const signed = slots.map((head) => (head !== undefined && isWellSigned(head) ? head : undefined));
    const [first, second] = signed;
    const isSecond = second !== undefined && (first === undefined || second.turn >= first.turn);
    const head = isSecond ? second : first;
    return { head, isForged: length > 0 && head === undefined };
  } finally {
    closeSync(fd);
  }
}

function unusable(path: string, error: unknown): CodedError {
  return new CodedError("audit_unavailable", `${printable(path)}: ${errnoOf(error) ?? "no regular file"}`);
}

/** Writes signed heads. */
export class HeadFile {
  readonly #path: string;
  readonly #key: SigningKey;
  #turn: number;

  /** @param last the turn of the newest head that is there; 0 for none */
  constructor(path: string, key: SigningKey, last: number) {
    this.#path = path;
    this.#key = key;
    this.#turn = last;
  }

  /**
   * Signs and writes a head.
   * @param sync waits until it is on the disk
   * @throws CodedError `audit_unavailable`
   */
  write({ seq, hash }: Link, synced: number, time: string, sync: boolean): void {
    const turn = this.#turn + 1;
    const unsigned = { turn, seq, hash, synced, time, key: this.#key.publicKey };
    const signature = this.#key.sign(signedText(unsigned));
    const text = `${JSON.stringify({ ...unsigned, signature }).padEnd(SLOT - 1)}\n`;
    try {
      const fd = this.#open();
      try {
        if (!fstatSync(fd).isFile()) throw new Error("no regular file");
        writeSync(fd, text, (turn % SLOTS) * SLOT);
        if (sync) fdatasyncSync(fd);
      } finally {
        closeSync(fd);
      }
    } catch (error) {
      throw unusable(this.#path, error);
    }
    this.#turn = turn;
  }

  /** Waits until the head is on the disk, beside everything else. */
  async sync(): Promise<void> {
    const fd = openSync(this.#path, READ);
    try {
      await new Promise<void>((resolve, reject) => {
        fdatasync(fd, (error) => {
          if (error === null) resolve();
          else reject(error);
        });
      });
    } finally {
      closeSync(fd);
    }
  }

  #open(): number {
    try {
      return openSync(this.#path, WRITE, 0o600);
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") throw error;
      makePrivateDirectory(dirname(this.#path));
      return openSync(this.#path, WRITE, 0o600);
    }
  }
}
