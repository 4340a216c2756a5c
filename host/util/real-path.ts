import { realpathSync } from "node:fs";

/** Where a path really is; one that cannot be followed stays as it is written. */
export function realOrSame(path: string): string {
  try {
    return realpathSync.native(path);
  } catch {
    return path;
  }
}
