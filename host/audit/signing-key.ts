import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
  verify,
  type JsonWebKey,
  type KeyObject,
} from "node:crypto";
import { dirname } from "node:path";
import { CodedError } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";
import { readTrusted } from "../util/read-trusted.ts";
import { makePrivateDirectory, writeAtomic } from "../util/write-atomic.ts";

const MAX_KEY_FILE = 4_096;

/** Signs heads. The public half is 32 bytes in base64url, as it stands in records and heads. */
export interface SigningKey {
  readonly publicKey: string;
  sign(text: string): string;
}

function publicText(key: KeyObject): string {
  const { x } = createPublicKey(key).export({ format: "jwk" });
  return x ?? "";
}

function keyOf(privateKey: KeyObject): SigningKey {
  return {
    publicKey: publicText(privateKey),
    sign: (text) => sign(null, Buffer.from(text), privateKey).toString("base64url"),
  };
}

function unusable(path: string, why: string): CodedError {
  return new CodedError("audit_unavailable", `${printable(path)}: ${why}`, {
    hint: "Put the Ed25519 key of the audit back, or remove the file and the daemon makes another one at its next start; audit verify will say that it was changed.",
  });
}

/**
 * The key of a file; undefined when there is none.
 * @throws CodedError `audit_unavailable` when it is no Ed25519 key, `config_untrusted` when others can change it
 */
export function readSigningKey(path: string): SigningKey | undefined {
  const file = readTrusted(path, MAX_KEY_FILE);
  if (file === undefined) return undefined;
  let key: KeyObject;
  try {
    key = createPrivateKey(file.bytes);
  } catch {
    throw unusable(path, "no private key in PEM form");
  }
  if (key.asymmetricKeyType !== "ed25519") throw unusable(path, "no Ed25519 key");
  return keyOf(key);
}

/** Makes a key and keeps it in a file that only its owner can read. @throws CodedError `file_failed` */
export function makeSigningKey(path: string): SigningKey {
  const { privateKey } = generateKeyPairSync("ed25519");
  makePrivateDirectory(dirname(path));
  writeAtomic(path, privateKey.export({ format: "pem", type: "pkcs8" }).toString());
  return keyOf(privateKey);
}

/** Whether the holder of a key signed this text. */
export function isSignedBy(publicKey: string, text: string, signature: string): boolean {
  const jwk: JsonWebKey = { kty: "OKP", crv: "Ed25519", x: publicKey };
  try {
    return verify(
      null,
      Buffer.from(text),
      createPublicKey({ key: jwk, format: "jwk" }),
      Buffer.from(signature, "base64url"),
    );
  } catch {
    return false; // no key at all
  }
}
