import { createHash, timingSafeEqual } from "node:crypto";
import { blake3 } from "@noble/hashes/blake3.js";
import { bytesToHex } from "@noble/hashes/utils.js";

/** BLAKE3-256 of `text` as UTF-8, in lower case hex: how a session token is named on disk. For short inputs only (25 MB/s). */
export function blake3Hex(text: string): string {
  return bytesToHex(blake3(Buffer.from(text, "utf8")));
}

/** SHA-256 in lower case hex: how the approved bytes of a configuration are named. */
export function sha256Hex(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Compares two texts without telling by the time taken where they differ. Their lengths are not secret. */
export function equalInConstantTime(left: string, right: string): boolean {
  const a = Buffer.from(left, "utf8");
  const b = Buffer.from(right, "utf8");
  return a.length === b.length && timingSafeEqual(a, b);
}
