import { CodedError } from "../../wire/errors.ts";
import { byteLength, printable } from "../../wire/text.ts";
import type { TokenRecord, TokenStore } from "../auth/token-store.ts";
import type { Report } from "./command.ts";
import type { Context } from "./context.ts";
import { durationWords, timeWords } from "./duration.ts";
import { shortHash } from "./find-token.ts";
import { writeToken } from "./write-token.ts";

/** Where a new token goes. */
export const OUT_OPTION = {
  kind: "text",
  about: "File to write it to, mode 0600; without it the token is printed on standard output",
  placeholder: "FILE",
} as const;

/** A token record as JSON: times as ISO 8601, null for one that is not known. */
export function tokenJson(record: TokenRecord): Readonly<Record<string, unknown>> {
  const time = (date: Date): string | null => (Number.isNaN(date.getTime()) ? null : timeWords(date));
  return {
    hash: record.hash,
    project: record.projectId,
    repo: record.repo,
    label: record.label,
    created_at: time(record.createdAt),
    expires_at: time(record.expiresAt),
    state: record.state,
  };
}

export interface NewToken {
  readonly projectId: string;
  readonly repo: string;
  readonly label: string | undefined;
  readonly lifetimeMs: number;
  /** Where it is written; undefined prints it. */
  readonly out: string | undefined;
}

/** A report whose JSON is an object. */
export interface TokenReport extends Report {
  readonly json: Readonly<Record<string, unknown>>;
}

const MAX_LABEL = 200;

/**
 * Makes a token and hands it over, in a file or on standard output. When the file cannot be written the token is taken back.
 * @param notes lines for standard error
 */
export async function handOver(
  store: TokenStore,
  wanted: NewToken,
  context: Context,
  notes: readonly string[],
): Promise<TokenReport> {
  const { projectId, repo, label, lifetimeMs, out } = wanted;
  if (label !== undefined && byteLength(label) > MAX_LABEL)
    throw new CodedError("usage", `--label is longer than ${MAX_LABEL} bytes`, { hint: "Write a shorter note." });
  const { token, record } = await store.mint(
    { projectId, repo, ...(label === undefined ? {} : { label }) },
    lifetimeMs,
  );
  if (out !== undefined) {
    try {
      writeToken(out, token, context.cwd);
    } catch (error) {
      await store.revoke([record.hash]);
      throw error;
    }
  }
  const owner = projectId === "" ? repo : projectId;
  const details = `Token ${shortHash(record.hash)} for ${printable(owner)} (${printable(repo)}), valid for ${durationWords(lifetimeMs)}, until ${timeWords(record.expiresAt)}.\n`;
  const warnings = notes.map((note) => `${note}\n`).join("");
  const json = { ...tokenJson(record), ...(out === undefined ? { token } : { out }) };
  if (out === undefined) return { exit: 0, human: `${token}\n`, json, stderr: details + warnings };
  return { exit: 0, human: `${details}Written to ${printable(out)}.\n`, json, stderr: warnings };
}
