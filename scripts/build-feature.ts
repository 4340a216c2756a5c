/**
 * Puts the devcontainer feature together in feature/dist: its sources, its tests, and beside install.sh everything that it installs, so that a container
 * is built without any download. Takes the bridge from shim/dist and the programs for Node from dist, as far as they were built; with --complete, for
 * what is published, all of them have to be there.
 */
import { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { bridgeFiles, commonFiles, NODE_PROGRAMS, nodeFiles } from "../host/setup/feature-files.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const target = join(root, "feature/dist");
const feature = join(target, "src/cmd2host");

/** A bundle that the list does not name would be missing in the container. */
const unknown = readdirSync(join(root, "dist")).filter(
  (name) => /^cmd2host-(?:mcp|proxy)\b/.test(name) && !NODE_PROGRAMS.some((one) => one === name),
);
if (unknown.length > 0) throw new Error(`NODE_PROGRAMS does not name ${unknown.join(", ")}`);

const { files, lacking } = bridgeFiles();
for (const arch of lacking) {
  const name = `shim/dist/cmd2host-bridge-linux-${arch}`;
  if (process.argv.includes("--complete")) throw new Error(`${name} was not built, and a package to publish needs it`);
  process.stderr.write(`${name} was not built: on ${arch} this feature runs on Node only\n`);
}

rmSync(target, { recursive: true, force: true });
cpSync(join(root, "feature/src"), join(target, "src"), { recursive: true });
cpSync(join(root, "feature/test"), join(target, "test"), { recursive: true });
for (const { path, bytes } of [...commonFiles(), ...nodeFiles(), ...files]) {
  mkdirSync(dirname(join(feature, path)), { recursive: true });
  writeFileSync(join(feature, path), bytes, { mode: 0o755 });
}
