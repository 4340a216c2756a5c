/** Longest ref name that is taken, in bytes: file systems end a part at 255, and no server takes more. */
const MAX_BYTES = 1_024;

/** Whether a full ref name is one that git would make (`git check-ref-format`), and short enough. */
export function isRefName(name: string): boolean {
  if (name.length > MAX_BYTES || Buffer.byteLength(name) > MAX_BYTES || !name.isWellFormed()) return false;
  if (/[\x00-\x20\x7f~^:?*[\\]/.test(name) || name.includes("..") || name.includes("@{") || name.endsWith("."))
    return false;
  const parts = name.split("/");
  return parts.length > 1 && parts.every((part) => part !== "" && !part.startsWith(".") && !part.endsWith(".lock"));
}
