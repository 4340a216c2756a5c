/**
 * Puts the devcontainer feature together in feature/dist: its sources, its tests, and beside install.sh everything that it installs, so that a container
 * is built without any download. Takes the bridge from shim/dist and the programs for Node from dist, as far as they were built; with --complete, for
 * what is published, all of them have to be there.
 */
import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const target = join(root, "feature/dist");
const programs = join(target, "src/cmd2host/programs");

/** Something that belongs into the package was not built. */
function missing(name: string, consequence: string): void {
  if (process.argv.includes("--complete")) throw new Error(`${name} was not built, and a package to publish needs it`);
  process.stderr.write(`${name} was not built: ${consequence}\n`);
}

/** The bridge, for every architecture that it was built for. */
function copyBridges(): void {
  for (const architecture of ["x64", "arm64"]) {
    const name = `cmd2host-bridge-linux-${architecture}`;
    const source = join(root, "shim/dist", name);
    if (existsSync(source)) {
      copyFileSync(source, join(programs, name));
      chmodSync(join(programs, name), 0o755);
    } else missing(`shim/dist/${name}`, `on ${architecture} this feature runs on Node only`);
  }
}

/** The same as bundles for Node, with what they bring of others. */
function copyNodePrograms(): void {
  const directory = join(programs, "node");
  mkdirSync(directory);
  for (const name of readdirSync(join(root, "dist")))
    if (/^(?:cmd2host-(?:mcp|proxy)\b.*\.js|THIRD_PARTY_LICENSES\.txt)$/.test(name))
      copyFileSync(join(root, "dist", name), join(directory, name));
  for (const name of ["cmd2host-mcp.js", "cmd2host-proxy.js"])
    if (!existsSync(join(directory, name))) missing(`dist/${name}`, "this feature does not have it on Node");
  writeFileSync(join(directory, "package.json"), '{ "type": "module" }\n');
}

rmSync(target, { recursive: true, force: true });
cpSync(join(root, "feature/src"), join(target, "src"), { recursive: true });
cpSync(join(root, "feature/test"), join(target, "test"), { recursive: true });
copyBridges();
copyNodePrograms();
copyFileSync(join(root, "LICENSE"), join(target, "src/cmd2host/LICENSE"));
