/**
 * Makes the self-contained executables in dist-executable/, with their checksums, what they consist of, and its licences.
 * `--target NAME`, more than once if wanted, makes only these. Bun is installed by npm when it is needed. `--out DIRECTORY` and `--say-version VERSION` are
 * for tries of an upgrade.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { bundledPackages, licencesText } from "./bundled-packages.ts";
import { bundle } from "./executable/bundle.ts";
import { withoutSignature } from "./executable/macho.ts";
import { installRuntime, runtimeOf } from "./executable/runtime.ts";
import { sbom } from "./executable/sbom.ts";
import { fileOf, ownTarget, TARGETS, type Target } from "./executable/targets.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const { values } = parseArgs({
  options: {
    target: { type: "string", multiple: true },
    out: { type: "string", default: join(root, "dist-executable") },
    "say-version": { type: "string" },
  },
});
const out = resolve(values.out);
const runtimes = join(root, "dist-executable/bun");
const work = join(out, "work");
const own = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
const version = values["say-version"] ?? own.version;

/** The bridge programs are carried by the executables, too. */
const MUSL_NOTICE = `
----------------------------------------

${readFileSync(join(root, "shim/LICENSE-musl.txt"), "utf8")}`;
const BUN_NOTICE = `
----------------------------------------

Bun ${TARGETS.map(runtimeOf)[0]?.version ?? ""} (MIT)

The executables consist of this runtime and the packages above. Bun links JavaScriptCore, which is licensed under the LGPL 2, and other libraries; their list, their
licences and how Bun is linked anew with a changed library are in https://github.com/oven-sh/bun/blob/main/LICENSE.md. cmd2host's own part is a
JavaScript module: docs/executable.md says how the executable is made of it, with this Bun or with another.
`;

function chosen(): readonly Target[] {
  const names = values.target ?? TARGETS.map(({ name }) => name);
  return names.map((name) => {
    const target = TARGETS.find((one) => one.name === name);
    if (target === undefined)
      throw new Error(`--target ${name}: choose from ${TARGETS.map((one) => one.name).join(", ")}`);
    return target;
  });
}

/** The compiler's own flags. The last two keep files of the directory in which somebody starts the executable from being read. */
function flagsFor(target: Target, runtime: string): readonly string[] {
  return [
    ...["--compile", `--target=bun-${target.name}`, `--compile-executable-path=${runtime}`],
    // Names stay: reports of bugs hold them.
    ...["--bytecode", "--format=esm", "--minify-syntax", "--minify-whitespace", "--reject-unresolved"],
    ...["--no-compile-autoload-dotenv", "--no-compile-autoload-bunfig"],
    ...["--no-compile-autoload-tsconfig", "--no-compile-autoload-package-json"],
  ];
}

/** Compiles the module in `work` for a target. The name of the executable is in its bytes, so it is the same for all until it is done. */
function compile(compiler: string, target: Target): string {
  const runtime = installRuntime(runtimes, target);
  const made = join(work, "cmd2host");
  const flags = flagsFor(target, runtime);
  execFileSync(compiler, ["build", ...flags, "main.js", "--outfile=cmd2host"], {
    cwd: work,
    env: { PATH: process.env["PATH"], HOME: work },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const file = fileOf(out, target);
  if (target.name === "darwin-x64") writeFileSync(made, withoutSignature(readFileSync(made)));
  chmodSync(made, 0o755);
  renameSync(made, file);
  return file;
}

const targets = chosen();
rmSync(work, { recursive: true, force: true });
mkdirSync(work, { recursive: true });
for (const target of TARGETS) rmSync(fileOf(out, target), { force: true });
const { inputs, carried } = await bundle(root, join(work, "main.js"), version);
const compiler = installRuntime(runtimes, ownTarget());
const files = targets.map((target) => compile(compiler, target));
const packages = bundledPackages(root, inputs);
const notes = new Map([
  ["THIRD_PARTY_LICENSES.txt", licencesText(packages, "the executables") + BUN_NOTICE + MUSL_NOTICE],
  ["sbom.cdx.json", sbom(root, packages, targets)],
]);
for (const [name, text] of notes) writeFileSync(join(out, name), text);
const sums = [...files, ...[...notes.keys()].map((name) => join(out, name))].map(
  (file) => `${createHash("sha256").update(readFileSync(file)).digest("hex")}  ${basename(file)}\n`,
);
writeFileSync(join(out, "checksums.txt"), sums.join(""));
rmSync(work, { recursive: true });
for (const file of files) process.stdout.write(`${(statSync(file).size / 1e6).toFixed(1)} MB  ${file}\n`);
const bridges = carried.filter((path) => path.startsWith("shim/dist/")).length;
if (bridges < 2) process.stdout.write(`${bridges} of 2 bridge programs are inside: npm run build:shim makes them\n`);
