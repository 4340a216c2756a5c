import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { tempDirectory } from "../fixtures/temp.ts";

/** A certificate for 127.0.0.1 that nobody has signed, and its key: paths of PEM files. */
export function selfSigned(): { readonly key: string; readonly cert: string } {
  const directory = tempDirectory();
  const [key, cert] = [join(directory, "key.pem"), join(directory, "cert.pem")];
  execFileSync(
    "openssl",
    [
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"],
      ...["-keyout", key, "-out", cert, "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
    ],
    { stdio: "ignore" },
  );
  return { key, cert };
}
