import { createHash, createHmac, createPrivateKey, createPublicKey, sign, verify, type KeyObject } from "node:crypto";
import { CodedError } from "../wire/errors.ts";
import type { Fingerprint } from "./fingerprint.ts";
import { tcpAddress } from "./tcp.ts";

/** Who listens, and made the code: an agent (`agent enroll`), or a gateway (`fleet invite`). */
export type EnrolmentKind = "agent" | "gateway";

/** What a code says. The secret in it is worth as much as the code. */
export interface EnrolmentCode {
  readonly kind: EnrolmentKind;
  /** Where its maker listens, as HOST:PORT. */
  readonly addresses: readonly string[];
  readonly fingerprint: Fingerprint;
  /** Milliseconds since 1970, whole seconds. */
  readonly expiresAt: number;
  readonly secret: Buffer;
}

export const SECRET_BYTES = 16;
export const MAX_ADDRESSES = 8;
const PREFIX = "c2h1.";
const MAX_TEXT = 4_096;
const CHECKSUM_BYTES = 4;
const DIGEST_BYTES = 32;
const KINDS: readonly EnrolmentKind[] = ["agent", "gateway"];
/** What stands before 32 bytes to make an Ed25519 key of them (PKCS #8, DER). */
const ED25519 = Buffer.from("302e020100300506032b657004220420", "hex");

function checksum(bytes: Buffer): Buffer {
  return createHash("sha256").update(PREFIX).update(bytes).digest().subarray(0, CHECKSUM_BYTES);
}

/** The code as text, safe in a shell and to paste. */
export function writeEnrolmentCode(code: EnrolmentCode): string {
  const head = Buffer.alloc(5);
  head.writeUInt8(KINDS.indexOf(code.kind), 0);
  head.writeUInt32BE(Math.floor(code.expiresAt / 1_000), 1);
  const digest = Buffer.from(code.fingerprint.slice("sha256:".length), "base64url");
  const addresses = code.addresses.flatMap((address) => [Buffer.of(address.length), Buffer.from(address, "latin1")]);
  const bytes = Buffer.concat([head, digest, code.secret, ...addresses]);
  return PREFIX + Buffer.concat([bytes, checksum(bytes)]).toString("base64url");
}

function mistyped(why: string): CodedError {
  return new CodedError("enrolment_invalid", `the enrolment code is mistyped: ${why}`, {
    hint: "Copy it again, as a whole; it begins with c2h1.",
  });
}

/** Reads a code. White space in and around it is nothing. @throws CodedError `enrolment_invalid` when it is mistyped */
export function readEnrolmentCode(text: string): EnrolmentCode {
  if (text.length > MAX_TEXT) throw mistyped("it is too long");
  const code = text.replaceAll(/\s/g, "");
  if (!code.startsWith(PREFIX)) throw mistyped(`it does not begin with ${PREFIX}`);
  const body = code.slice(PREFIX.length);
  const whole = Buffer.from(body, "base64url");
  if (whole.toString("base64url") !== body) throw mistyped("it has characters that no code has, or lacks its end");
  const bytes = whole.subarray(0, -CHECKSUM_BYTES);
  if (whole.length < CHECKSUM_BYTES || !checksum(bytes).equals(whole.subarray(-CHECKSUM_BYTES)))
    throw mistyped("its checksum is wrong");
  const fixed = 5 + DIGEST_BYTES + SECRET_BYTES;
  const kind = KINDS[bytes[0] ?? KINDS.length];
  if (kind === undefined || bytes.length < fixed) throw mistyped("it is of another version");
  return {
    kind,
    expiresAt: bytes.readUInt32BE(1) * 1_000,
    fingerprint: `sha256:${bytes.subarray(5, 5 + DIGEST_BYTES).toString("base64url")}`,
    secret: bytes.subarray(5 + DIGEST_BYTES, fixed),
    addresses: addressesIn(bytes.subarray(fixed)),
  };
}

function addressesIn(bytes: Buffer): readonly string[] {
  const addresses: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + 1 + (bytes[at] ?? 0);
    const address = bytes.subarray(at + 1, end).toString("latin1");
    if (end > bytes.length || tcpAddress(address) === undefined) throw mistyped("it is of another version");
    addresses.push(address);
    at = end;
  }
  if (addresses.length === 0 || addresses.length > MAX_ADDRESSES) throw mistyped("it is of another version");
  return addresses;
}

/**
 * A code's secret as a key that signs: who has the code can prove it, and what is kept of it, the public half, lets nobody do so.
 */
export function keyOfSecret(secret: Buffer): { readonly privateKey: KeyObject; readonly publicText: string } {
  const seed = createHmac("sha256", "cmd2host-enrol/1").update(secret).digest();
  const privateKey = createPrivateKey({ key: Buffer.concat([ED25519, seed]), format: "der", type: "pkcs8" });
  const { x = "" } = createPublicKey(privateKey).export({ format: "jwk" });
  return { privateKey, publicText: x };
}

/** What is signed: it is for this connection, and for the keys at its ends. */
export interface EnrolmentStatement {
  /** Of `Secured`. */
  readonly binding: Buffer;
  readonly redeemer: Fingerprint;
  readonly listener: Fingerprint;
}

function textOf({ binding, redeemer, listener }: EnrolmentStatement): Buffer {
  return Buffer.from(`cmd2host-enrol/1\n${binding.toString("base64url")}\n${redeemer}\n${listener}\n`);
}

export function signStatement(privateKey: KeyObject, statement: EnrolmentStatement): string {
  return sign(null, textOf(statement), privateKey).toString("base64url");
}

export function isSigned(publicText: string, statement: EnrolmentStatement, signature: string): boolean {
  try {
    const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: publicText }, format: "jwk" });
    return verify(null, textOf(statement), key, Buffer.from(signature, "base64url"));
  } catch {
    return false; // no key at all
  }
}
