import { DirHandle } from "../../util/dir-handle.ts";

/**
 * Opens a directory in one of the roots, part by part, following no link below the root. Throws `RangeError` when it lies in none, `DirHandleError`
 * when something else stands there now, system errors.
 * @param roots real paths that only the owner of the host can change
 */
export function openInside(roots: readonly string[], path: string): DirHandle {
  const root = roots.find((one) => path === one || path.startsWith(`${one}/`));
  if (root === undefined) throw new RangeError("the directory lies in no workspace of the project");
  let directory = DirHandle.open(root);
  for (const part of path.slice(root.length).split("/")) {
    if (part === "") continue;
    const outer = directory;
    try {
      directory = outer.sub(part);
    } finally {
      outer.close();
    }
  }
  return directory;
}
