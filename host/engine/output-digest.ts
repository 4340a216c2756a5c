import { createHash, type Hash } from "node:crypto";
import type { OutputSink } from "../../wire/live.ts";
import type { StreamName } from "../../wire/names.ts";
import type { OutputDigests } from "../audit/audit.ts";

/** Bytes of a stream. Hashing them takes 10 to 40 ms; of longer ones it would slow a stream down by a fifth. */
const MAX_HASHED = 16_777_216;

/** Hashes what a run lets out, for the audit. */
export class OutputDigest implements OutputSink {
  readonly #hashes = new Map<StreamName, Hash>();
  readonly #taken: Record<StreamName, number> = { stdout: 0, stderr: 0 };

  write(stream: StreamName, bytes: Buffer): undefined {
    this.#taken[stream] += bytes.length;
    if (this.#taken[stream] > MAX_HASHED) {
      this.#hashes.delete(stream);
      return;
    }
    let hash = this.#hashes.get(stream);
    if (hash === undefined) this.#hashes.set(stream, (hash = createHash("sha256")));
    hash.update(bytes);
  }

  /** To be asked once, when the run has ended. */
  result(): OutputDigests | undefined {
    if (this.#hashes.size === 0) return undefined;
    return { stdout: this.#hashes.get("stdout")?.digest("hex"), stderr: this.#hashes.get("stderr")?.digest("hex") };
  }
}
