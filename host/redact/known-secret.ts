/** Where known secrets come from; each is a rule by this name. */
export const KNOWN_KINDS = [
  "session-token",
  "environment",
  "gh-credentials",
  "aws-credentials",
  "git-credentials",
  "netrc",
] as const;
export type KnownKind = (typeof KNOWN_KINDS)[number];

/** A value that must not leave the host. */
export interface KnownSecret {
  readonly kind: KnownKind;
  readonly value: string;
}

/** Shorter values are in too many texts that have nothing to do with them. */
export const LEAST_SECRET = 8;
/** Bytes; longer values are known by their beginning, and only that is masked. */
const MOST_SECRET = 4_096;
/** An encoded form must be as long as this to mean anything. */
const LEAST_ENCODED = 8;

/**
 * The characters of base64 that are the same wherever the value stands in what was encoded: a value that begins in the middle of a group of three bytes
 * shares its first and last characters with its neighbours.
 */
function base64Parts(value: Buffer): readonly string[] {
  return [0, 1, 2].map((offset) => {
    const text = Buffer.concat([Buffer.alloc(offset), value])
      .toString("base64")
      .replace(/=+$/, "");
    const shared = (offset + value.length) % 3 === 0 ? 0 : 1;
    return text.slice(offset === 0 ? 0 : offset + 1, text.length - shared);
  });
}

/** As it stands in a URL, and with lower-case digits. */
function urlForms(value: string): readonly string[] {
  try {
    const upper = encodeURIComponent(value);
    return [upper, upper.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()), upper.replaceAll("%20", "+")];
  } catch {
    return []; // half of a pair of surrogates: not text, so in no URL
  }
}

/** Every form in which a value is looked for: as it is, in base64 at every position and in both alphabets, in a URL, in JSON, and in JSON within JSON. */
export function formsOf(value: string): readonly Buffer[] {
  const short = Buffer.byteLength(value) > MOST_SECRET ? Buffer.from(value).subarray(0, MOST_SECRET).toString() : value;
  const json = JSON.stringify(short).slice(1, -1);
  const encoded = [
    ...base64Parts(Buffer.from(short)).flatMap((text) => [text, text.replaceAll("+", "-").replaceAll("/", "_")]),
    ...urlForms(short),
    json,
    json.replaceAll("/", "\\/"),
    JSON.stringify(json).slice(1, -1),
  ].filter((text) => text.length >= LEAST_ENCODED);
  return [...new Set([short, ...encoded])].map((text) => Buffer.from(text));
}
