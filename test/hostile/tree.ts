import { lstatSync, readdirSync, readFileSync, readlinkSync, type Dirent } from "node:fs";
import { join, relative } from "node:path";

/** Larger files are not searched: planted ones are sparse. */
const MAX_SEARCHED_BYTES = 1_048_576;

/** Changes with every write, also one of the same content. */
function fileState(path: string): string {
  const { mode, size, ino, ctimeNs } = lstatSync(path, { bigint: true });
  return `file ${(mode & 0o777n).toString(8)} ${size} ${ino} ${ctimeNs}`;
}

function entryState(entry: Dirent, path: string): string {
  if (entry.isSymbolicLink()) return `link ${readlinkSync(path)}`;
  if (entry.isFile()) return fileState(path);
  return entry.isDirectory() ? "directory" : "special";
}

/** Everything below a directory, by relative path: what kind of thing it is, and for files what tells a change. Links are not followed. */
export function treeOf(root: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const walk = (directory: string): void => {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      const path = join(directory, entry.name);
      found.set(relative(root, path), entryState(entry, path));
      if (entry.isDirectory()) walk(path);
    }
  };
  walk(root);
  return found;
}

/** What differs between two trees, one line each; empty when nothing does. */
export function differences(
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
): readonly string[] {
  const names = new Set([...before.keys(), ...after.keys()]);
  return [...names]
    .filter((name) => before.get(name) !== after.get(name))
    .sort()
    .map((name) => `${name}: ${before.get(name) ?? "absent"} → ${after.get(name) ?? "absent"}`);
}

/** Whether a file below a directory holds one of the texts, as it is or in base64; the first such file. */
export function fileHolding(root: string, texts: readonly string[]): string | undefined {
  const needles = texts.map((text) => Buffer.from(text));
  for (const [name, state] of treeOf(root)) {
    if (!state.startsWith("file") || Number(state.split(" ")[2]) > MAX_SEARCHED_BYTES) continue;
    const content = readFileSync(join(root, name));
    if (needles.some((needle) => content.includes(needle))) return name;
  }
  return undefined;
}
