/** Text for people and logs: quoting, control characters, byte lengths. */

export { printable, printableLines, quoted } from "./printable.ts";

/** Length in bytes of UTF-8: the unit of every length in the protocol. */
export function byteLength(text: string): number {
  return Buffer.byteLength(text, "utf8");
}

/** At most `max` bytes of `text`, never cutting a character, with an ellipsis that says how much is missing. */
export function shortened(text: string, max: number): string {
  // No character takes more than three bytes per UTF-16 unit.
  if (text.length * 3 <= max) return text;
  const length = byteLength(text);
  if (length <= max) return text;
  const head = new TextDecoder("utf-8", { ignoreBOM: true })
    .decode(Buffer.from(text).subarray(0, max))
    .replace(/\uFFFD+$/u, "");
  return `${head}… (${length - byteLength(head)} more bytes)`;
}
