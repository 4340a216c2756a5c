import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const directory = join(root, "shim");

/** What every build of the bridge is compiled with: C11 with Linux's interfaces, and every warning is an error. */
const STRICT: readonly string[] = [
  "-std=c11",
  "-D_GNU_SOURCE",
  "-Wall",
  "-Wextra",
  "-Wpedantic",
  "-Werror",
  "-Wconversion",
  "-Wshadow",
];

/** Static, without what no call reaches, and without tables for debuggers. */
const SMALL: readonly string[] = [
  "-Os",
  "-ffunction-sections",
  "-fdata-sections",
  "-fno-asynchronous-unwind-tables",
  "-static",
  "-s",
  "-Wl,--gc-sections",
];

/** Segments that share pages, which the linker of zig does by itself: a file of pages is mostly padding. */
const DENSE: readonly string[] = ["-Wl,-z,norelro", "-Wl,-z,noseparate-code"];

const SANITIZED: readonly string[] = [
  "-O1",
  "-g",
  "-fno-omit-frame-pointer",
  "-fsanitize=address,undefined",
  "-fno-sanitize-recover=all",
];

export type Architecture = "x64" | "arm64";

/** A compiler's words; the options come behind them. */
export type Compiler = readonly [string, ...string[]];

const ZIG: readonly Compiler[] = [
  ["zig", "cc"],
  ["python3", "-m", "ziglang", "cc"],
];

/** The names of a target, as compilers write it. */
const MACHINE: Readonly<Record<Architecture, string>> = { x64: "x86_64", arm64: "aarch64" };

function starts(compiler: Compiler): boolean {
  const [command, ...words] = compiler;
  return spawnSync(command, [...words, "--version"], { stdio: "ignore" }).status === 0;
}

/** The first compiler here that makes static programs with musl for a target; undefined when there is none. */
export function muslCompiler(architecture: Architecture): Compiler | undefined {
  const machine = MACHINE[architecture];
  const own: readonly Compiler[] = process.arch === architecture ? [["musl-gcc"]] : [];
  const zig = ZIG.map((words): Compiler => [...words, "-target", `${machine}-linux-musl`]);
  return [[`${machine}-linux-musl-gcc`] satisfies Compiler, ...own, ...zig].find(starts);
}

function sources(): readonly string[] {
  const names = readdirSync(directory).filter((name) => name.endsWith(".c"));
  return names.sort().map((name) => join(directory, name));
}

function version(): string {
  return (JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { readonly version: string }).version;
}

function compile(compiler: Compiler, options: readonly string[], files: readonly string[], target: string): void {
  const [command, ...words] = compiler;
  const macro = `-DCMD2HOST_VERSION=${JSON.stringify(version())}`;
  const all = [...words, ...STRICT, macro, `-I${directory}`, ...options, "-o", target, ...files];
  const { status, stderr, error } = spawnSync(command, all, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} failed: ${error?.message ?? stderr}`);
}

/** The bridge as it is shipped. */
export function compileRelease(compiler: Compiler, target: string): void {
  const options = compiler[0].endsWith("gcc") ? [...SMALL, ...DENSE] : SMALL;
  compile(compiler, options, sources(), target);
}

/** Whether gcc is there, with its sanitizers. */
export function hasSanitizers(): boolean {
  const options = ["-fsanitize=address,undefined", "-x", "c", "-o", "/dev/null", "-"];
  return spawnSync("gcc", options, { input: "int main(void) { return 0; }\n" }).status === 0;
}

/** The bridge with gcc's sanitizers, which end it at its first wrong step. */
export function compileSanitized(target: string): void {
  compile(["gcc"], SANITIZED, sources(), target);
}

/** The driver that varies input of what the bridge parses, with the same sanitizers. */
export function compileFuzz(target: string): void {
  const others = sources().filter((path) => !path.endsWith("/main.c"));
  compile(["gcc"], [...SANITIZED, "-O2"], [join(root, "test/shim/fuzz.c"), ...others], target);
}
