import { sha256Hex } from "../util/hash.ts";
import type { FeatureFile } from "./feature-files.ts";

/** What a local feature says of itself: who wrote it, and each file's SHA-256 in hexadecimal. */
export interface Manifest {
  readonly version: string;
  readonly files: ReadonlyMap<string, string>;
}

/** Far more than it ever has; a container can write the file. */
const MAX_FILES = 64;
/** A relative path that leads nowhere else. */
const PATH = /^(?:[A-Za-z0-9_][A-Za-z0-9_.-]*\/){0,4}\.?[A-Za-z0-9_][A-Za-z0-9_.-]*$/;
const HASH = /^[0-9a-f]{64}$/;
const VERSION = /^(\d{1,6})\.(\d{1,6})\.(\d{1,6})(?:-[0-9A-Za-z.-]{1,64})?$/;

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The text of a manifest. */
export function manifestText(version: string, files: readonly FeatureFile[]): string {
  const hashes = files.map(({ path, bytes }) => [path, sha256Hex(bytes)] as const);
  const sorted = Object.fromEntries(hashes.sort(([a], [b]) => (a < b ? -1 : 1)));
  return `${JSON.stringify({ version, files: sorted }, null, 2)}\n`;
}

/** What a manifest says; undefined when it is none. */
export function parseManifest(text: string): Manifest | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isObject(value) || typeof value["version"] !== "string" || !isObject(value["files"])) return undefined;
  const files = new Map<string, string>();
  for (const [path, hash] of Object.entries(value["files"])) {
    if (!PATH.test(path) || typeof hash !== "string" || !HASH.test(hash) || files.size >= MAX_FILES) return undefined;
    files.set(path, hash);
  }
  return { version: value["version"].slice(0, 100), files };
}

/** True when one version is above the other. What is no version, such as that of a build from source, is above nothing and below nothing. */
export function isNewerVersion(one: string, other: string): boolean {
  const [a, b] = [VERSION.exec(one), VERSION.exec(other)];
  if (a === null || b === null) return false;
  for (const index of [1, 2, 3]) {
    const difference = Number(a[index]) - Number(b[index]);
    if (difference !== 0) return difference > 0;
  }
  return false;
}
