import { createPrivateKey, createPublicKey, X509Certificate } from "node:crypto";
import { lstatSync, renameSync } from "node:fs";
import { join } from "node:path";
import { CodedError, errnoOf } from "../wire/errors.ts";
import { printable } from "../wire/text.ts";
import { IdentityCache } from "../host/util/identity-cache.ts";
import { withLock } from "../host/util/lock.ts";
import { readTrusted } from "../host/util/read-trusted.ts";
import { makePrivateDirectory, writeAtomic } from "../host/util/write-atomic.ts";
import { makeCertificate } from "./certificate.ts";
import { fingerprintOf, fingerprintOfCertificate, spkiOf, type Fingerprint } from "./fingerprint.ts";

/** A key of this machine. */
export interface OwnKey {
  readonly fingerprint: Fingerprint;
  /** PKCS #8, PEM. Secret. */
  readonly privateKey: string;
  /** X.509, PEM. */
  readonly certificate: string;
}

const MAX_KEY_FILE = 8_192;
const CURRENT = "link.pem";
const NEXT = "link-next.pem";
const PARTS =
  /^(-----BEGIN PRIVATE KEY-----\n[^-]+-----END PRIVATE KEY-----\n)(-----BEGIN CERTIFICATE-----\n[^-]+-----END CERTIFICATE-----\n)$/;

function unusable(path: string, why: string): CodedError {
  return new CodedError("file_failed", `${printable(path)}: ${why}`, {
    hint: "Put the machine's key back, or remove the file: a new key is made, and the machine has to be enrolled again.",
  });
}

function keyOf(path: string, text: string): OwnKey {
  const [, privateKey, certificate] = PARTS.exec(text) ?? [];
  if (privateKey === undefined || certificate === undefined)
    throw unusable(path, "is not a private key with its certificate");
  try {
    const fingerprint = fingerprintOf(spkiOf(createPublicKey(createPrivateKey(privateKey))));
    // The certificate's has to be of the right kind, and so is this one.
    if (fingerprintOfCertificate(new X509Certificate(certificate)) === fingerprint)
      return { fingerprint, privateKey, certificate };
  } catch {
    // said below
  }
  throw unusable(path, "is no ECDSA key on P-256 with its certificate");
}

/** @throws CodedError `config_untrusted`, `file_failed` */
function readKey(path: string): OwnKey | undefined {
  const file = readTrusted(path, MAX_KEY_FILE);
  if (file === undefined) return undefined;
  if ((file.identity.mode & 0o077n) !== 0n)
    throw new CodedError("config_untrusted", `${printable(path)}: a private key that others can read`, {
      hint: `chmod 600 ${printable(path)}; if others may have read it, remove it and enrol the machine again.`,
    });
  return keyOf(path, file.bytes.toString("latin1"));
}

/**
 * Who this machine is for the others of its fleet: one key in a directory, and a second one beside it while the key is being changed. Files are
 * looked at whenever a key is asked for, so a change by another process counts at once.
 */
export class LinkIdentity {
  readonly #directory: string;
  readonly #cache = new IdentityCache<OwnKey | undefined>(2);

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** The key that connections are made with. @throws CodedError `file_failed`, `config_untrusted` */
  get current(): OwnKey {
    const path = this.#path(CURRENT);
    const key = this.#read(CURRENT);
    if (key === undefined) throw unusable(path, "is missing");
    return key;
  }

  /** The key that is to follow, while the others are told of it. @throws CodedError `file_failed`, `config_untrusted` */
  get next(): OwnKey | undefined {
    return this.#read(NEXT);
  }

  /** Makes the key that is to follow, if there is none yet. @throws CodedError `file_failed`, `config_untrusted` */
  async rotate(): Promise<OwnKey> {
    return this.#made(NEXT);
  }

  /**
   * Goes over to the key that follows; without one, nothing happens. Whoever was not told of it has to be enrolled again.
   * @throws CodedError `file_failed`, `config_untrusted`
   */
  async promote(): Promise<OwnKey> {
    await withLock(this.#directory, () => {
      if (this.next === undefined) return;
      const path = this.#path(NEXT);
      try {
        renameSync(path, this.#path(CURRENT));
      } catch (error) {
        throw new CodedError(
          "file_failed",
          `${printable(path)}: cannot be renamed: ${errnoOf(error) ?? "unknown error"}`,
        );
      }
    });
    return this.current;
  }

  /** Makes the first key, if there is none. For `loadIdentity`. */
  async ensure(): Promise<void> {
    makePrivateDirectory(this.#directory);
    await this.#made(CURRENT);
  }

  async #made(name: string): Promise<OwnKey> {
    const there = this.#read(name);
    if (there !== undefined) return there;
    return withLock(this.#directory, async () => {
      const meanwhile = this.#read(name);
      if (meanwhile !== undefined) return meanwhile;
      const path = this.#path(name);
      if (lstatSync(path, { throwIfNoEntry: false }) !== undefined)
        throw unusable(path, "is neither a file nor missing");
      const { privateKey, certificate } = await makeCertificate();
      writeAtomic(path, privateKey + certificate);
      return keyOf(path, privateKey + certificate);
    });
  }

  #read(name: string): OwnKey | undefined {
    const path = this.#path(name);
    return this.#cache.get(name, [path], () => readKey(path));
  }

  #path(name: string): string {
    return join(this.#directory, name);
  }
}

/**
 * The identity that is kept in a directory; made, with the directory, when there is none.
 * @throws CodedError `config_untrusted` when others could read or change the key, `file_failed`
 */
export async function loadIdentity(directory: string): Promise<LinkIdentity> {
  const identity = new LinkIdentity(directory);
  await identity.ensure();
  return identity;
}
