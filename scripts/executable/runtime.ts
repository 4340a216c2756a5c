import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Target } from "./targets.ts";

const pinned = join(dirname(fileURLToPath(import.meta.url)), "runtime");

interface Lock {
  readonly packages: Readonly<
    Record<string, { readonly version?: string; readonly license?: string; readonly integrity?: string }>
  >;
}

/** What the lock file says of a target's Bun. */
export interface Runtime {
  readonly version: string;
  readonly licence: string;
  /** In lower case hex. */
  readonly sha512: string;
}

/** Which Bun it is. Throws when the lock file does not name it. */
export function runtimeOf({ runtime }: Target): Runtime {
  const lock = JSON.parse(readFileSync(join(pinned, "package-lock.json"), "utf8")) as Lock;
  const { version, license, integrity } = lock.packages[`node_modules/${runtime}`] ?? {};
  const sha512 = /^sha512-(.+)$/.exec(integrity ?? "")?.[1];
  if (version === undefined || license === undefined || sha512 === undefined)
    throw new Error(`${runtime} is not in scripts/executable/runtime/package-lock.json`);
  return { version, licence: license, sha512: Buffer.from(sha512, "base64").toString("hex") };
}

/**
 * Installs Bun for a target below `directory`, unless it is there: by npm, in the version and with the checksum of the lock file. Each target has a place
 * of its own, because npm keeps only what fits one machine. Returns the program.
 */
export function installRuntime(directory: string, target: Target): string {
  const place = join(directory, `${target.name}-${runtimeOf(target).version}`);
  const program = join(place, "node_modules", target.runtime, "bin/bun");
  if (existsSync(program)) return program;
  mkdirSync(place, { recursive: true });
  for (const name of ["package.json", "package-lock.json"]) copyFileSync(join(pinned, name), join(place, name));
  const libc = target.os === "linux" ? ["--libc", "glibc"] : [];
  const machine = ["--os", target.os, "--cpu", target.cpu, ...libc];
  execFileSync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", ...machine], {
    cwd: place,
    stdio: ["ignore", "ignore", "inherit"],
  });
  if (!existsSync(program)) throw new Error(`npm did not install ${target.runtime}`);
  return program;
}
