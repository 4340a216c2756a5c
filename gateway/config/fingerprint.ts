const PREFIX = /^sha-?256:/i;
const HEX = /^[0-9a-f]{64}$/;
const BASE64 = /^[A-Za-z0-9+/_-]{43}=?$/;

/**
 * A SHA-256 as people copy it, as 64 small hex digits: with or without `sha256:`, hex with or without colons, or base64. Undefined when it is none.
 */
export function fingerprintOf(text: string): string | undefined {
  const bare = text.trim().replace(PREFIX, "");
  const hex = bare.replaceAll(":", "").toLowerCase();
  if (HEX.test(hex)) return hex;
  return BASE64.test(bare) ? Buffer.from(bare, "base64").toString("hex") : undefined;
}
