import type { Directory } from "./directory.ts";

/**
 * Removes an entry with all that is in it, through open directories and without following links. Throws system errors; what was removed until then
 * is gone.
 */
export function removeAll(parent: Directory, name: string): void {
  const stats = parent.stats(name);
  if (stats === undefined) return;
  if (!stats.isDirectory()) {
    parent.removeFile(name);
    return;
  }
  const directory = parent.sub(name);
  try {
    // It may have got its final mode already, which need not let us in.
    directory.setMode(0o700);
    for (const inside of [...directory.names()]) removeAll(directory, inside);
  } finally {
    directory.close();
  }
  parent.removeDirectory(name);
}
