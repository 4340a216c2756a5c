import fc from "fast-check";
import { parseTree, type Node } from "jsonc-parser";
import { JsonScanner, type JsonFault, type ScanResult } from "../../wire/json.ts";
import { MAX_JSON_DEPTH, MAX_JSON_KEY_BYTES } from "../../wire/limits.ts";

/** Cuts bytes at the given places; places outside are taken modulo the length. */
export function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  const edges = [0, ...sorted, bytes.length];
  return edges.slice(1).map((end, index) => bytes.subarray(edges[index], end));
}

export function singleBytes(bytes: Buffer): Buffer[] {
  return Array.from(bytes, (byte) => Buffer.of(byte));
}

/** Feeds the chunks until the scanner has a verdict; `eof` tells it that nothing follows. */
export function scan(chunks: readonly Buffer[], eof = true): ScanResult {
  const scanner = new JsonScanner();
  for (const chunk of chunks) {
    const result = scanner.write(chunk);
    if (result.state !== "more") return result;
  }
  return eof ? scanner.end() : { state: "more" };
}

export function scanText(text: string, eof = true): ScanResult {
  return scan([Buffer.from(text)], eof);
}

export function faultOf(text: string): JsonFault {
  const result = scanText(text);
  if (result.state !== "wrong") throw new Error(`was not refused: ${text.slice(0, 80)}`);
  return result.fault;
}

/** What JSON.parse lets pass and we do not, found with another parser. */
function offends(node: Node, depth: number, text: string): boolean {
  const { type, children = [] } = node;
  if (type === "string") return !String(node.value).isWellFormed();
  if (type !== "object" && type !== "array") return false;
  if (depth >= MAX_JSON_DEPTH) return true;
  if (type === "array") return children.some((child) => offends(child, depth + 1, text));
  const keys = new Set<unknown>();
  return children.some(({ children: [key, value] = [] }) => {
    if (key === undefined || value === undefined) throw new Error("a member without a name or a value");
    const raw = text.slice(key.offset + 1, key.offset + key.length - 1);
    if (keys.has(key.value) || key.value === "__proto__" || Buffer.byteLength(raw) > MAX_JSON_KEY_BYTES) return true;
    keys.add(key.value);
    return offends(key, depth, text) || offends(value, depth + 1, text);
  });
}

/** True when `text` is one JSON value that our rules accept: written without the scanner. */
export function isStrictJson(text: string): boolean {
  try {
    JSON.parse(text);
  } catch {
    return false;
  }
  const tree = parseTree(text);
  if (tree === undefined) throw new Error("the two parsers disagree");
  return !offends(tree, 0, text);
}

/** Where the value of a JSON text with white space around it ends. */
export function endOfValue(text: string): number {
  return Buffer.byteLength(text.replace(/[\t\n\r ]+$/, ""));
}

const space = fc.string({ unit: fc.constantFrom(" ", "\t", "\n", "\r"), maxLength: 3 });
const key = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 6 }),
  fc.constantFrom("a", "b", "__proto__", "constructor", "", "\u0000", "é", "😀", "\ud83d", '"', "\\"),
);

function written(text: string, escapes: boolean): string {
  if (!escapes) return JSON.stringify(text);
  return `"${Array.from({ length: text.length }, (_, index) => `\\u${text.charCodeAt(index).toString(16).padStart(4, "0")}`).join("")}"`;
}

const numbers = fc.constantFrom(
  "0",
  "-0",
  "1",
  "-1.5",
  "1e5",
  "1E+5",
  "0.0e-0",
  "123456789012345678901234567890",
  "1e999",
);

/** Text of JSON values with white space anywhere, names that stand twice, `__proto__`, escapes and lone surrogates now and then. */
export const jsonText: fc.Arbitrary<string> = fc.letrec<{ value: string; padded: string }>((tie) => ({
  padded: fc.tuple(space, tie("value"), space).map((parts) => parts.join("")),
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.oneof(
      numbers,
      fc.double().map((value) => JSON.stringify(value)),
      fc.constantFrom("true", "false", "null"),
      fc.tuple(key, fc.boolean()).map(([text, escapes]) => written(text, escapes)),
      fc.json(),
    ),
    fc.array(tie("padded"), { maxLength: 4 }).map((items) => `[${items.join(",")}]`),
    fc
      .array(
        fc
          .tuple(space, key, fc.boolean(), space, tie("padded"))
          .map(([before, name, escapes, behind, value]) => `${before}${written(name, escapes)}${behind}:${value}`),
        { maxLength: 4 },
      )
      .map((members) => `{${members.join(",")}}`),
  ),
})).padded;

const HOSTILE = [
  ...Array.from('{}[]",:\\/bfnrtu0123456789+-.eEaAdD8cC \t\n\r'),
  "\u0000",
  "\u001f",
  "\u007f",
  "\u0080",
  "\u00ff",
  "\u00ef",
];

/** Bytes of a JSON text after a few bytes were replaced, inserted or removed. */
export const mutatedJson: fc.Arbitrary<Buffer> = fc
  .tuple(
    jsonText,
    fc.array(fc.tuple(fc.nat(), fc.constantFrom("replace", "insert", "remove"), fc.constantFrom(...HOSTILE)), {
      minLength: 1,
      maxLength: 4,
    }),
  )
  .map(([text, changes]) => {
    const bytes = [...Buffer.from(text)];
    for (const [place, what, character] of changes) {
      const at = place % (bytes.length + 1);
      const added = what === "remove" ? [] : [character.charCodeAt(0)];
      bytes.splice(at, what === "insert" ? 0 : 1, ...added);
    }
    return Buffer.from(bytes);
  });
