import { credsAuthenticator, nkeyAuthenticator, nkeys, type Authenticator } from "@nats-io/transport-node";
import { CodedError } from "../wire/errors.ts";
import { printable } from "../wire/text.ts";
import { readTrusted } from "../host/util/read-trusted.ts";
import type { NatsSettings, NatsTlsSettings } from "./settings.ts";

const MAX_FILE = 65_536;
const SEED = /^SU[A-Z2-7]{56}$/m;

function missing(path: string): CodedError {
  return new CodedError("file_failed", `${printable(path)}: there is no such file`);
}

/** A file that nobody else may read. @throws CodedError `file_failed`, `config_untrusted` */
function readSecret(path: string): Buffer {
  const file = readTrusted(path, MAX_FILE);
  if (file === undefined) throw missing(path);
  if ((file.identity.mode & 0o007n) !== 0n)
    throw new CodedError(
      "config_untrusted",
      `${printable(path)}: everybody can read it (mode ${(file.identity.mode & 0o7777n).toString(8)})`,
      { hint: `chmod 600 ${printable(path)}` },
    );
  return file.bytes;
}

function readPem(path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  const file = readTrusted(path, MAX_FILE);
  if (file === undefined) throw missing(path);
  return file.bytes.toString();
}

/** What answers a server's question for the key. It is tried, because the client closes for good when it throws later. */
function readAuthenticator(settings: NatsSettings): Authenticator | undefined {
  const { nkeySeedFile, credsFile } = settings;
  const path = nkeySeedFile ?? credsFile;
  if (path === undefined) return undefined;
  const bytes = readSecret(path);
  try {
    const [seed] = SEED.exec(bytes.toString()) ?? [];
    const answer = credsFile === undefined ? nkeyAuthenticator(Buffer.from(seed ?? "")) : credsAuthenticator(bytes);
    answer("probe");
    if (seed !== undefined) return answer;
  } catch {
    // Below. What the library says might quote the file.
  }
  throw new CodedError(
    "nats_unusable",
    `${printable(path)}: holds no ${credsFile === undefined ? "seed of a user's nkey (SU…)" : "credentials of NATS"}`,
  );
}

/**
 * The key, read again for every connection so that it can be replaced while we run; a file that became unusable leaves the last one in force.
 * Undefined when none is configured.
 * @throws CodedError `file_failed`, `config_untrusted`, `nats_unusable`
 */
export function authenticatorOf(settings: NatsSettings): Authenticator | undefined {
  const first = readAuthenticator(settings);
  if (first === undefined) return undefined;
  let last: Authenticator = first;
  return (nonce) => {
    try {
      last = readAuthenticator(settings) ?? last;
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
    }
    return last(nonce);
  };
}

/** What the client needs for TLS. @throws CodedError `file_failed`, `config_untrusted` */
export function tlsOptionsOf({ caFile, certFile, keyFile, handshakeFirst }: NatsTlsSettings): {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly handshakeFirst: boolean;
} {
  const [ca, cert] = [readPem(caFile), readPem(certFile)];
  const key = keyFile === undefined ? undefined : readSecret(keyFile).toString();
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    handshakeFirst: handshakeFirst === true,
  };
}

/** A new key for a machine: the seed for its file, and what the servers' configuration names. */
export function newNkey(): { readonly seed: string; readonly publicKey: string } {
  const pair = nkeys.createUser();
  return { seed: Buffer.from(pair.getSeed()).toString("latin1"), publicKey: pair.getPublicKey() };
}

/** The public half of the key whose seed is in a file. @throws CodedError `file_failed`, `config_untrusted`, `nats_unusable` */
export function publicNkeyIn(path: string): string {
  const [seed = ""] = SEED.exec(readSecret(path).toString()) ?? [];
  try {
    return nkeys.fromSeed(Buffer.from(seed)).getPublicKey();
  } catch {
    // What the library says might quote the file.
    throw new CodedError("nats_unusable", `${printable(path)}: holds no seed of a user's nkey (SU…)`);
  }
}

/** True for the public half of a user's key, with a right checksum. */
export function isPublicNkey(text: string): boolean {
  if (!/^U[A-Z2-7]{55}$/.test(text)) return false;
  try {
    nkeys.fromPublic(text);
    return true;
  } catch {
    return false;
  }
}
