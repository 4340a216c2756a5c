import { DirHandle } from "../../util/dir-handle.ts";

/**
 * Opens a directory in one of the roots, part by part, following no link below the root. Throws `RangeError` when it lies in none, `DirHandleError`
 * when something else stands there now, system errors.
 * @param roots real paths that only the owner of the host can change
 */
export function openInside(roots: readonly string[], path: string): DirHandle {
  // The outermost: the way from there to a checkout inside it is the container's to change, so it is walked as well.
  const [root] = roots
    .filter((one) => path === one || path.startsWith(`${one}/`))
    .sort((one, other) => one.length - other.length);
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
