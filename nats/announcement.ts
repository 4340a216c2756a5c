import { isUtf8 } from "node:buffer";
import { CodedError } from "../wire/errors.ts";
import { isBlank } from "../wire/framing.ts";
import { JsonScanner } from "../wire/json.ts";

/** What a machine says of itself. All of it is a claim: the link proves the key. */
export interface Announcement {
  readonly name: string;
  /** Of the key that its end of a link has. */
  readonly fingerprint: string;
  readonly version: string;
  readonly tags: readonly string[];
}

/** Bytes, and how many tags. */
const MAX_BYTES = 8_192;
const MAX_TEXT = 128;
const MAX_TAGS = 64;
const TEXT = /^[^\p{C}\p{Zl}\p{Zp}]+$/u;
const FINGERPRINT = /^[A-Za-z0-9+/=:_-]{16,128}$/;
const MEMBERS = ["name", "fingerprint", "version", "tags", "leaves"];

/** What came: an announcement, or that the machine goes. */
export interface Announced {
  readonly announcement: Announcement;
  readonly leaves: boolean;
}

/** @throws CodedError `nats_unusable` when it does not fit into an announcement */
export function encodeAnnouncement({ name, fingerprint, version, tags }: Announcement, leaves: boolean): Buffer {
  const bytes = Buffer.from(JSON.stringify({ name, fingerprint, version, tags, ...(leaves ? { leaves } : {}) }));
  if (decodeAnnouncement(bytes) === undefined)
    throw new CodedError("nats_unusable", "NATS: what this machine would announce of itself is too long or no text", {
      hint: `Each part has at most ${MAX_TEXT} bytes and no control characters, and there are at most ${MAX_TAGS} tags.`,
    });
  return bytes;
}

/** Undefined for anything that is not exactly an announcement. */
export function decodeAnnouncement(data: Uint8Array): Announced | undefined {
  const value = strictJson(data);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  if (Object.keys(value).some((member) => !MEMBERS.includes(member))) return undefined;
  const { name, fingerprint, version, tags, leaves = false } = value as Readonly<Record<string, unknown>>;
  if (!isText(name) || !isText(version) || typeof leaves !== "boolean") return undefined;
  if (typeof fingerprint !== "string" || !FINGERPRINT.test(fingerprint)) return undefined;
  if (!Array.isArray(tags) || tags.length > MAX_TAGS || !tags.every(isText)) return undefined;
  return { announcement: { name, fingerprint, version, tags }, leaves };
}

function isText(value: unknown): value is string {
  return typeof value === "string" && Buffer.byteLength(value) <= MAX_TEXT && TEXT.test(value);
}

function strictJson(data: Uint8Array): unknown {
  if (data.length > MAX_BYTES || !isUtf8(data)) return undefined;
  const result = new JsonScanner().write(data);
  if (result.state !== "done" || !isBlank(Buffer.from(data.subarray(result.end)))) return undefined;
  return JSON.parse(Buffer.from(data.subarray(0, result.end)).toString("utf8"));
}
