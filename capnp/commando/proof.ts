import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

export const NONCE_BYTES = 32;

/** HMAC-SHA-256 of a nonce: who can make it has the key. */
export function proofOf(key: Buffer, nonce: Buffer): Buffer {
  return createHmac("sha256", key).update(nonce).digest();
}

/** The nonces of one connection: each is for one attempt. */
export class Challenge {
  #nonce: Buffer | undefined;

  /** A new nonce; the one before is void. */
  make(): Buffer {
    this.#nonce = randomBytes(NONCE_BYTES);
    return this.#nonce;
  }

  /** Ends the challenge, whatever comes of it. Returns what judges a proof; undefined when there was no challenge. */
  take(): ((key: Buffer, proof: Buffer) => boolean) | undefined {
    const nonce = this.#nonce;
    this.#nonce = undefined;
    if (nonce === undefined) return undefined;
    return (key, proof) => {
      const expected = proofOf(key, nonce);
      // Without a key anybody could make the proof.
      return key.length > 0 && proof.length === expected.length && timingSafeEqual(proof, expected);
    };
  }
}
