import { isSecretName } from "../util/secret-name.ts";
import { LEAST_SECRET } from "./known-secret.ts";

/** A value of lower-case letters only is a word as long as it is not this long. */
const LEAST_LETTERS = 12;
/** Without a name that says so, only what looks as if it was drawn by lot is a secret. */
const RANDOM = /^[A-Za-z0-9+_]{24,512}={0,2}$/;
const MIXED = [/[a-z]/, /[A-Z]/, /[0-9]/];
const HEX = /^(?=.*[0-9])(?=.*[a-f])[0-9a-f]{32,256}$/;
/** Bits per character, for letters of both cases and digits; 24 of them drawn by lot have about 4.3, and names less than 3.8. */
const LEAST_ENTROPY = 3.8;
/** Names of what is drawn by lot, or looks like it, and no secret. */
const NO_SECRET = /SHA|COMMIT|HASH|DIGEST|VERSION|REVISION|_ID$|^ID$|UUID|REPO|BRANCH|_REF$/i;
const LEAST_CHARACTERS = 4;
/** Of lines of a value that has several. */
const LEAST_LINE = 16;
/** Named by the owner: believed, unless masking it would mask everything. */
const LEAST_NAMED = 4;

/** Bits per character of a text, by how often each occurs in it. */
export function entropyOf(text: string): number {
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length);
  return bits;
}

/** A path, a URL, a number, a word, or one character many times: settings whose name sounds like a secret, as SSH_AUTH_SOCK. */
function isOrdinary(value: string): boolean {
  return (
    /^[~.]?\//.test(value) ||
    /^[a-z][a-z0-9+.-]*:\/\/[^@]*$/i.test(value) ||
    /^[0-9]{1,15}$/.test(value) ||
    (value.length < LEAST_LETTERS && /^[a-z]+$/.test(value)) ||
    new Set(value).size < LEAST_CHARACTERS
  );
}

function looksRandom(value: string): boolean {
  return (
    HEX.test(value) ||
    (RANDOM.test(value) && MIXED.every((kind) => kind.test(value)) && entropyOf(value) >= LEAST_ENTROPY)
  );
}

/** A value, or its lines when it has several: a key of many lines may be printed with other ends of lines. */
function linesOf(value: string): readonly string[] {
  if (!/[\r\n]/.test(value.trim())) return [value.trim()];
  return value
    .split(/[\r\n]+/)
    .map((line) => line.trim())
    .filter((line) => line.length >= LEAST_LINE && !line.startsWith("-----"));
}

/**
 * The values of an environment that count as secrets: what the owner names, what has the name of a secret, and what looks as if it was drawn by lot.
 * @param named names that the owner gave
 */
export function secretValues(
  environment: Iterable<readonly [string, string]>,
  named: ReadonlySet<string>,
): readonly string[] {
  return [...environment].flatMap(([name, value]) => {
    if (named.has(name)) return linesOf(value).filter((line) => Buffer.byteLength(line) >= LEAST_NAMED);
    if (isSecretName(name))
      return linesOf(value).filter((line) => Buffer.byteLength(line) >= LEAST_SECRET && !isOrdinary(line));
    return looksRandom(value) && !NO_SECRET.test(name) ? [value] : [];
  });
}
