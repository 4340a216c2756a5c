import { createHash, timingSafeEqual, type KeyObject, type X509Certificate } from "node:crypto";

/** How a machine's key is named: `sha256:` and the SHA-256 of its SubjectPublicKeyInfo (DER) in base64url. */
export type Fingerprint = string;

const FINGERPRINT = /^sha256:[A-Za-z0-9_-]{43}$/;

/** True for a text of the right form. */
export function isFingerprint(text: string): boolean {
  return FINGERPRINT.test(text);
}

/** The fingerprint of a public key. @param spki SubjectPublicKeyInfo, DER */
export function fingerprintOf(spki: Uint8Array): Fingerprint {
  return `sha256:${createHash("sha256").update(spki).digest("base64url")}`;
}

/** The public key as it is hashed: SubjectPublicKeyInfo, DER. */
export function spkiOf(publicKey: KeyObject): Buffer {
  return publicKey.export({ type: "spki", format: "der" });
}

/** True for a key on the one curve that machines of the fleet use. */
export function isLinkKey(key: KeyObject): boolean {
  return key.asymmetricKeyType === "ec" && key.asymmetricKeyDetails?.namedCurve === "prime256v1";
}

/** The fingerprint of a certificate's key. Undefined when it cannot be read, or is of another kind than ours. */
export function fingerprintOfCertificate(certificate: X509Certificate): Fingerprint | undefined {
  try {
    const { publicKey } = certificate;
    return isLinkKey(publicKey) ? fingerprintOf(spkiOf(publicKey)) : undefined;
  } catch {
    return undefined; // a key that the runtime does not know
  }
}

/** Which of the fingerprints this is; -1 for none. Looks at all of them, and does not tell by the time taken where they differ. */
export function indexOfFingerprint(fingerprints: readonly Fingerprint[], one: Fingerprint): number {
  const own = Buffer.from(one);
  let found = -1;
  for (const [index, other] of fingerprints.entries()) {
    const bytes = Buffer.from(other);
    if (bytes.length === own.length && timingSafeEqual(bytes, own)) found = index;
  }
  return found;
}
