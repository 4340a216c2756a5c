import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { CodedError, errnoOf, messageOf } from "../../wire/errors.ts";

/** A certificate and its key, PEM. */
export interface TlsFiles {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
}

/** @throws CodedError `gateway_config_invalid` for files that cannot be read */
export function tlsFiles({ cert, key }: { readonly cert: string; readonly key: string }): TlsFiles {
  const read = (file: string): Buffer => {
    try {
      return readFileSync(file);
    } catch (error) {
      throw new CodedError("gateway_config_invalid", `${file}: ${errnoOf(error) ?? messageOf(error)}`, {
        hint: "Correct tls_cert and tls_key in gateway.toml.",
      });
    }
  };
  return { cert: read(cert), key: read(key) };
}

/** Something is wrong with a certificate or its key. */
export function unusable(error: unknown): CodedError {
  return new CodedError("gateway_config_invalid", `certificate or key cannot be used: ${messageOf(error)}`, {
    hint: "server.tls_cert and server.tls_key are PEM files that belong together.",
  });
}

/**
 * Holds that a certificate and a key can be used together.
 * @returns when the certificate ends
 * @throws CodedError `gateway_config_invalid`
 */
export function requirePair({ cert, key }: TlsFiles): Date {
  try {
    const certificate = new X509Certificate(cert);
    if (!certificate.checkPrivateKey(createPrivateKey(key))) throw new Error("they do not belong together");
    return new Date(certificate.validTo);
  } catch (error) {
    throw unusable(error);
  }
}
