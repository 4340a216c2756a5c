/**
 * Puts the scripts that install and uninstall beside the files of a release, with the repository that they install from, and everything that
 * checksums.txt does not name yet into it. `npm run release:scripts -- OWNER/NAME DIRECTORY`
 */
import { createHash } from "node:crypto";
import { appendFileSync, chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const scripts = dirname(fileURLToPath(import.meta.url));
const [repository = "", directory = ""] = process.argv.slice(2);
if (!/^[A-Za-z0-9._-]+\/[A-Za-z0-9._-]+$/.test(repository)) throw new Error("OWNER/NAME is missing");

const PLACE = "\n  repo=''\n";
/** A script that installs from this repository when nothing else is said. */
function leading(name: string): string {
  const text = readFileSync(join(scripts, name), "utf8");
  if (text.split(PLACE).length !== 2) throw new Error(`${name} has not one place for the repository`);
  return text.replace(PLACE, `\n  repo='${repository}'\n`);
}

const texts = new Map([
  ...["install.sh", "install-agent.sh", "install-gateway.sh"].map((name) => [name, leading(name)] as const),
  ["uninstall.sh", readFileSync(join(scripts, "uninstall.sh"), "utf8")],
]);
for (const [name, text] of texts) {
  writeFileSync(join(directory, name), text);
  chmodSync(join(directory, name), 0o755);
}

const sums = join(directory, "checksums.txt");
const known = existsSync(sums) ? readFileSync(sums, "utf8") : "";
const missing = readdirSync(directory)
  .filter((name) => name !== "checksums.txt" && statSync(join(directory, name)).isFile())
  .filter((name) => !known.split("\n").some((line) => line.endsWith(`  ${name}`)))
  .sort();
for (const name of missing) {
  const hash = createHash("sha256")
    .update(readFileSync(join(directory, name)))
    .digest("hex");
  appendFileSync(sums, `${hash}  ${name}\n`);
}
