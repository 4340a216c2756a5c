import { CodedError } from "../../../wire/errors.ts";
import type { TokenRecord, TokenStore } from "../../auth/token-store.ts";
import type { TokenDesk, TokenRow } from "../../page/desk.ts";
import type { RunStore } from "../../runs/run-store.ts";
import { IdentityCache } from "../../util/identity-cache.ts";

/** As records write it; what `token list` shows. */
const SESSION_LENGTH = 8;
/** Enough to name one of them for certain. */
const ID_LENGTH = 16;

function rowOf(record: TokenRecord): TokenRow {
  const { hash, projectId: project, repo, label, createdAt, expiresAt, state } = record;
  return {
    id: hash.slice(0, ID_LENGTH),
    session: hash.slice(0, SESSION_LENGTH),
    project,
    repo,
    label,
    createdAt: createdAt.getTime(),
    expiresAt: expiresAt.getTime(),
    state,
  };
}

/** The session tokens of a daemon, for the page. */
export class SessionTokens implements TokenDesk {
  readonly #directory: string;
  readonly #tokens: TokenStore;
  readonly #runs: RunStore;
  readonly #cache = new IdentityCache<readonly TokenRecord[]>(1);

  constructor(directory: string, tokens: TokenStore, runs: RunStore) {
    this.#directory = directory;
    this.#tokens = tokens;
    this.#runs = runs;
  }

  list(): readonly TokenRow[] {
    const now = Date.now();
    // A page looks every second; the directory is read again when something in it came or went.
    const records = this.#cache.get("tokens", [this.#directory], () => this.#tokens.list());
    return records.map((record) => {
      const row = rowOf(record);
      return row.state === "valid" && row.expiresAt <= now ? { ...row, state: "expired" } : row;
    });
  }

  /** Ends a token at once, with its runs and what is kept of them. */
  async revoke(id: string): Promise<void> {
    const [found, ...others] = this.#tokens.list().filter(({ hash }) => hash.slice(0, ID_LENGTH) === id);
    if (found === undefined || others.length > 0)
      throw new CodedError("not_found", "There is no such token any more", { hint: "See cmd2host token list." });
    await this.#tokens.revoke([found.hash]);
    this.#runs.removeSession(found.hash);
  }
}
