import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempDirectory } from "../../fixtures/temp.ts";

export interface Certificate {
  readonly cert: string;
  readonly key: string;
  /** Hex with colons, as `pvenode cert info` shows it. */
  readonly fingerprint: string;
  readonly certFile: string;
}

const room = tempDirectory();

function openssl(...args: readonly string[]): void {
  execFileSync("openssl", args, { cwd: room, stdio: "ignore" });
}

function read(name: string): Certificate {
  const cert = readFileSync(join(room, `${name}.pem`), "utf8");
  const { fingerprint256: fingerprint } = new X509Certificate(cert);
  return {
    cert,
    key: readFileSync(join(room, `${name}.key`), "utf8"),
    fingerprint,
    certFile: join(room, `${name}.pem`),
  };
}

const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

/** One that signs others. */
export function authority(): Certificate {
  openssl("req", "-x509", ...NEW_KEY, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=cluster");
  return read("ca");
}

/** One that the authority signed, for these names (`IP:127.0.0.1`, `DNS:pve`). */
export function signed(name: string, names: string): Certificate {
  openssl("req", ...NEW_KEY, "-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", `/CN=${name}`);
  writeFileSync(join(room, `${name}.ext`), `subjectAltName=${names}\n`);
  const files = [
    "-in",
    `${name}.csr`,
    "-CA",
    "ca.pem",
    "-CAkey",
    "ca.key",
    "-out",
    `${name}.pem`,
    "-extfile",
    `${name}.ext`,
  ];
  openssl("x509", "-req", ...files, "-CAcreateserial", "-days", "2");
  return read(name);
}

/** One that nobody signed but itself, as a fresh node has. */
export function selfSigned(name: string): Certificate {
  const files = ["-keyout", `${name}.key`, "-out", `${name}.pem`];
  openssl(
    "req",
    "-x509",
    ...NEW_KEY,
    ...files,
    "-days",
    "2",
    "-subj",
    `/CN=${name}`,
    "-addext",
    "subjectAltName=IP:127.0.0.1",
  );
  return read(name);
}
