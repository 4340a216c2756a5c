import { randomBytes } from "node:crypto";
import { lstatSync, readdirSync, rmSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { CodedError, errnoOf } from "../../wire/errors.ts";
import { TOKEN_LIFETIME_MS } from "../../wire/limits.ts";
import { readJsonFile } from "../../wire/parse.ts";
import type { TokenBinding } from "../../wire/schema.ts";
import { blake3Hex } from "../util/hash.ts";
import { IdentityCache } from "../util/identity-cache.ts";
import { withLock } from "../util/lock.ts";
import { readTrusted } from "../util/read-trusted.ts";
import { makePrivateDirectory, writeAtomic } from "../util/write-atomic.ts";

const TOKEN = /^[0-9a-fA-F]{64}$/;
const TOKEN_FILE = /^[0-9a-f]{64}$/;
const MAX_TOKEN_FILE = 16_384;
const BARE_NULL = /^[\t\n\r ]*null[\t\n\r ]*$/;
const MAX_CACHED = 256;
/** Files this much older than their lifetime are removed by the clean-up. */
const CLEANUP_MARGIN_MS = 5 * 60 * 1_000;

/** A proved identity: what the token was bound to when it was minted. */
export interface Session {
  /** First 8 characters of the token's hash: enough to tell sessions apart in a log, useless as a token. */
  readonly id: string;
  /** The hash of the token: what belongs to a session is kept under it. */
  readonly key: string;
  readonly projectId: string;
  readonly repo: string;
}

/** A token as the owner of the host sees it; never the token itself. */
export interface TokenRecord {
  readonly hash: string;
  readonly projectId: string;
  readonly repo: string;
  readonly label: string;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly state: "valid" | "expired" | "unreadable";
}

interface StoredToken {
  readonly binding: TokenBinding;
  readonly modifiedMs: number;
  /** Own expiry in milliseconds since 1970, or undefined: then the age of the file decides. */
  readonly expiresMs: number | undefined;
}

function unauthenticated(): CodedError {
  return new CodedError("unauthenticated", "Authentication failed");
}

function isValid(stored: StoredToken, nowMs: number): boolean {
  if (stored.expiresMs !== undefined) return nowMs < stored.expiresMs;
  return nowMs - stored.modifiedMs < TOKEN_LIFETIME_MS;
}

/**
 * The session tokens of one base directory: one file per token, named by the BLAKE3 hash of the token's text, so that a lookup compares
 * nothing and a stolen directory listing holds no token. A token that carries its own expiry ends then; one that carries none (the original's) ends
 * 24 hours after its file was last modified.
 */
export class TokenStore {
  readonly #directory: string;
  readonly #warn: (message: string) => void;
  readonly #cache = new IdentityCache<StoredToken>(MAX_CACHED);

  constructor(directory: string, warn: (message: string) => void = () => undefined) {
    this.#directory = directory;
    this.#warn = warn;
  }

  /** @throws CodedError `unauthenticated` for every token that is not valid now, whatever the reason */
  authenticate(token: string): Session {
    if (!TOKEN.test(token)) throw unauthenticated();
    const hash = blake3Hex(token);
    let stored: StoredToken;
    try {
      const path = `${this.#directory}/${hash}`;
      stored = this.#cache.get(hash, [path], () => this.#read(path));
    } catch (error) {
      if (error instanceof CodedError && error.code !== "unauthenticated")
        this.#warn(`token ${hash.slice(0, 8)}: ${error.message}`);
      throw unauthenticated();
    }
    if (!isValid(stored, Date.now())) throw unauthenticated();
    const { project_id: projectId = "", repo = "" } = stored.binding;
    return { id: hash.slice(0, 8), key: hash, projectId, repo };
  }

  /** True while the token with this hash is valid. */
  isValid(hash: string): boolean {
    if (!TOKEN_FILE.test(hash)) return false;
    try {
      const path = `${this.#directory}/${hash}`;
      return isValid(
        this.#cache.get(hash, [path], () => this.#read(path)),
        Date.now(),
      );
    } catch {
      return false;
    }
  }

  /**
   * Makes a token of 256 random bits and stores its hash. The returned text is shown once and kept nowhere.
   * @param lifetimeMs at most 24 hours
   */
  async mint(
    binding: { readonly projectId: string; readonly repo: string; readonly label?: string },
    lifetimeMs = TOKEN_LIFETIME_MS,
  ): Promise<{ readonly token: string; readonly record: TokenRecord }> {
    const token = randomBytes(32).toString("hex");
    const hash = blake3Hex(token);
    const now = Date.now();
    const expires = now + Math.min(lifetimeMs, TOKEN_LIFETIME_MS);
    const content: TokenBinding = {
      project_id: binding.projectId,
      repo: binding.repo,
      created_at: new Date(now).toISOString(),
      expires_at: new Date(expires).toISOString(),
      ...(binding.label === undefined ? {} : { label: binding.label }),
    };
    makePrivateDirectory(this.#directory);
    await withLock(this.#directory, () => {
      writeAtomic(join(this.#directory, hash), `${JSON.stringify(content)}\n`);
    });
    return { token, record: this.#record(hash) };
  }

  /** Every token, the newest first. */
  list(): readonly TokenRecord[] {
    return this.#names()
      .filter((name) => TOKEN_FILE.test(name))
      .map((name) => this.#record(name))
      .sort((a, b) => b.createdAt.getTime() - a.createdAt.getTime());
  }

  /** Ends these tokens at once. Returns how many there were. */
  async revoke(hashes: readonly string[]): Promise<number> {
    if (this.#names().length === 0) return 0; // no directory to lock, perhaps
    let count = 0;
    await withLock(this.#directory, () => {
      for (const hash of hashes.filter((one) => TOKEN_FILE.test(one))) {
        try {
          unlinkSync(join(this.#directory, hash));
          count++;
        } catch (error) {
          if (errnoOf(error) !== "ENOENT")
            throw new CodedError(
              "file_failed",
              `token ${hash.slice(0, 8)}: cannot be removed: ${errnoOf(error) ?? "unknown error"}`,
            );
        }
      }
    });
    return count;
  }

  /** Removes every file that is too old to be a valid token, whatever its name. Returns how many. */
  cleanUp(): number {
    const now = Date.now();
    let count = 0;
    for (const name of this.#names()) {
      const path = join(this.#directory, name);
      const stats = lstatSync(path, { throwIfNoEntry: false });
      if (stats === undefined || stats.isDirectory()) continue;
      if (now - stats.mtimeMs <= TOKEN_LIFETIME_MS + CLEANUP_MARGIN_MS) continue;
      rmSync(path, { force: true });
      count++;
    }
    return count;
  }

  #names(): readonly string[] {
    try {
      return readdirSync(this.#directory);
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return [];
      throw new CodedError("file_failed", `${this.#directory}: ${errnoOf(error) ?? "cannot be read"}`);
    }
  }

  #read(path: string): StoredToken {
    const file = readTrusted(path, MAX_TOKEN_FILE);
    if (file === undefined) throw unauthenticated();
    const parsed = readJsonFile("token_binding", file.bytes, path);
    // The original accepts a bare null as an unbound token; the binding check then refuses it by name.
    const isNull = BARE_NULL.test(file.bytes.toString("utf8"));
    if (!parsed.ok && !isNull) throw unauthenticated();
    const binding = parsed.ok ? parsed.value : {};
    const expiresMs = binding.expires_at === undefined ? undefined : Date.parse(binding.expires_at);
    // An expiry that is no date must not mean "never".
    if (expiresMs !== undefined && Number.isNaN(expiresMs)) throw unauthenticated();
    return { binding, modifiedMs: Number(file.identity.mtimeNs / 1_000_000n), expiresMs };
  }

  #record(hash: string): TokenRecord {
    const path = join(this.#directory, hash);
    const modified = lstatSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
    try {
      const stored = this.#read(path);
      const { binding } = stored;
      const said = binding.created_at === undefined ? Number.NaN : Date.parse(binding.created_at);
      const created = Number.isNaN(said) ? stored.modifiedMs : said;
      return {
        hash,
        projectId: binding.project_id ?? "",
        repo: binding.repo ?? "",
        label: binding.label ?? "",
        createdAt: new Date(created),
        expiresAt: new Date(stored.expiresMs ?? stored.modifiedMs + TOKEN_LIFETIME_MS),
        state: isValid(stored, Date.now()) ? "valid" : "expired",
      };
    } catch {
      return {
        hash,
        projectId: "",
        repo: "",
        label: "",
        createdAt: new Date(modified),
        expiresAt: new Date(modified),
        state: "unreadable",
      };
    }
  }
}
