/**
 * Builds the bridge for containers, static and for each architecture, into shim/dist. Where no compiler makes programs for an architecture it is left
 * out, with a line that says so; with --all that is a failure.
 */
import { mkdirSync, renameSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { compileRelease, muslCompiler, type Architecture } from "./shim/compile.ts";

const PACKAGES: Readonly<Record<Architecture, string>> = {
  x64: "musl-tools",
  arm64: "musl-dev:arm64 and gcc-aarch64-linux-gnu (after `dpkg --add-architecture arm64`)",
};
const target = join(dirname(fileURLToPath(import.meta.url)), "../shim/dist");
const { values: options } = parseArgs({ options: { all: { type: "boolean", default: false } } });

/** False when there is no compiler for it. */
function build(architecture: Architecture): boolean {
  const name = `cmd2host-bridge-linux-${architecture}`;
  const compiler = muslCompiler(architecture);
  if (compiler === undefined) {
    process.stderr.write(
      `shim/dist/${name} was NOT built: no compiler for it; install Debian's ${PACKAGES[architecture]}, or ziglang from PyPI\n`,
    );
    return false;
  }
  const path = join(target, name);
  compileRelease(compiler, `${path}.new`);
  renameSync(`${path}.new`, path);
  process.stdout.write(
    `shim/dist/${name}: ${statSync(path).size.toLocaleString("en")} bytes, by ${compiler.join(" ")}\n`,
  );
  return true;
}

mkdirSync(target, { recursive: true });
const built = (["x64", "arm64"] as const).map(build);
if (options.all && built.includes(false)) process.exitCode = 1;
