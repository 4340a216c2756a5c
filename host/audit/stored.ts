import { MAX_LINE, SEAL_LENGTH, seal, type Link } from "./chain.ts";

/** A record as it is read from the log: JSON of which nothing more is known than this. */
export interface Stored extends Link {
  readonly kind: string;
  readonly prev: string;
  readonly members: Readonly<Record<string, unknown>>;
}

/** Undefined for what is no record: no JSON, or members of the chain are missing. */
export function parseStored(line: Buffer): Stored | undefined {
  if (line.length > MAX_LINE) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(line.toString("utf8"));
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const members = value as Readonly<Record<string, unknown>>;
  const { seq, prev, hash, kind } = members;
  if (typeof seq !== "number" || !Number.isSafeInteger(seq) || typeof hash !== "string") return undefined;
  return typeof kind === "string" && typeof prev === "string" ? { seq, hash, kind, prev, members } : undefined;
}

/** The bytes of a line that its hash is of. */
export function hashedPart(line: Buffer): Buffer {
  return line.subarray(0, Math.max(0, line.length - SEAL_LENGTH));
}

/** Whether a line ends with this hash, in exactly the form in which lines end. */
export function endsWithHash(line: Buffer, hash: string): boolean {
  return line.toString("latin1", Math.max(0, line.length - SEAL_LENGTH)) === seal(hash);
}

/** A member that is text; empty when it is missing or something else. */
export function textOf({ members }: Stored, name: string): string {
  const value = Object.hasOwn(members, name) ? members[name] : undefined;
  return typeof value === "string" ? value : typeof value === "number" ? String(value) : "";
}

export function numberOf({ members }: Stored, name: string): number | undefined {
  const value = Object.hasOwn(members, name) ? members[name] : undefined;
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}
