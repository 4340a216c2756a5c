import { KeyObject, webcrypto } from "node:crypto";

/** A key and a certificate for it, both PEM. */
export interface KeyAndCertificate {
  readonly privateKey: string;
  readonly certificate: string;
}

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

/**
 * Makes an ECDSA P-256 key and a certificate that it signs itself. TLS wants a certificate; nobody looks at more of it than its key, so it says
 * nothing, and is valid for as long as a certificate can be.
 */
export async function makeCertificate(): Promise<KeyAndCertificate> {
  // Only a machine's first start needs these.
  await import("reflect-metadata");
  const x509 = await import("@peculiar/x509");
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: "01",
      name: "CN=cmd2host",
      // Clocks may be wrong, and nobody compares.
      notBefore: new Date("2020-01-01T00:00:00Z"),
      notAfter: new Date("9999-12-31T23:59:59Z"),
      signingAlgorithm: ALGORITHM,
      keys,
      extensions: [new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true)],
    },
    webcrypto,
  );
  return {
    privateKey: KeyObject.from(keys.privateKey).export({ type: "pkcs8", format: "pem" }).toString(),
    certificate: `${certificate.toString("pem")}\n`,
  };
}
