import { join } from "node:path";

/** A kind of machine that an executable is made for. */
export interface Target {
  /** As in the executable's file name. */
  readonly name: string;
  /** The npm package that holds Bun for it. */
  readonly runtime: string;
  /** As npm names them. */
  readonly os: "linux" | "darwin";
  readonly cpu: "x64" | "arm64";
}

function target(os: Target["os"], cpu: Target["cpu"]): Target {
  return { name: `${os}-${cpu}`, runtime: `@oven/bun-${os}-${cpu === "arm64" ? "aarch64" : cpu}`, os, cpu };
}

export const TARGETS: readonly Target[] = [
  target("linux", "x64"),
  target("linux", "arm64"),
  target("darwin", "x64"),
  target("darwin", "arm64"),
];

/** The target that this machine can run, if there is one. */
export function findOwnTarget(): Target | undefined {
  return TARGETS.find(({ os, cpu }) => os === process.platform && cpu === process.arch);
}

/** The target that this machine can run. Throws when there is none. */
export function ownTarget(): Target {
  const own = findOwnTarget();
  if (own === undefined) throw new Error(`there is no executable for ${process.platform}-${process.arch}`);
  return own;
}

/** Where an executable is written, below the directory of all. */
export function fileOf(directory: string, { name }: Target): string {
  return join(directory, `cmd2host-${name}`);
}
