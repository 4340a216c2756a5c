/** Longest ref name that is taken, and longest part of one as file systems have it, in bytes. */
const MAX_BYTES = 1_024;
const MAX_PART_BYTES = 250;

/** With room for `.lock`. */
function fits(part: string): boolean {
  return Buffer.byteLength(part) <= MAX_PART_BYTES;
}

/** Whether a full ref name is one that git would make (`git check-ref-format`), and short enough. */
export function isRefName(name: string): boolean {
  if (name.length > MAX_BYTES || Buffer.byteLength(name) > MAX_BYTES || !name.isWellFormed()) return false;
  if (/[\x00-\x20\x7f~^:?*[\\]/.test(name) || name.includes("..") || name.includes("@{") || name.endsWith("."))
    return false;
  const parts = name.split("/");
  return (
    parts.length > 1 &&
    parts.every((part) => part !== "" && !part.startsWith(".") && !part.endsWith(".lock") && fits(part))
  );
}
