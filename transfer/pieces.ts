import { fstatSync, read, readSync, type BigIntStats } from "node:fs";
import { promisify } from "node:util";
import { DirHandleError } from "../host/util/dir-handle.ts";

/** Read at a time. */
const PIECE_BYTES = 262_144;

const readChunk = promisify(read);

/** Whether a file that is open is what it was when `before` was read. */
export function isUnchanged(fd: number, before: BigIntStats): boolean {
  const now = fstatSync(fd, { bigint: true });
  return now.size === before.size && now.mtimeNs === before.mtimeNs && now.ctimeNs === before.ctimeNs;
}

/**
 * Exactly the first `size` bytes of an open file. Throws system errors; `DirHandleError` when the file has become shorter.
 * @param each called with each piece before it is given
 */
export async function* piecesOf(fd: number, size: number, each: (piece: Buffer) => void): AsyncGenerator<Buffer, void> {
  for (let left = size; left > 0;) {
    const wanted = Math.min(left, PIECE_BYTES);
    // A new one each time: whoever gets it keeps it for as long as it likes.
    const buffer = Buffer.allocUnsafeSlow(wanted);
    // A small file is in memory sooner than another thread could be asked.
    const count = size <= PIECE_BYTES ? readSync(fd, buffer) : (await readChunk(fd, buffer, 0, wanted, null)).bytesRead;
    if (count === 0) throw new DirHandleError("became shorter while it was read");
    const piece = buffer.subarray(0, count);
    each(piece);
    left -= count;
    yield piece;
  }
}
