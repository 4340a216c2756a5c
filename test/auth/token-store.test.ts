import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { TokenStore } from "../../host/auth/token-store.ts";
import { blake3Hex } from "../../host/util/hash.ts";
import { CodedError } from "../../wire/errors.ts";
import { TOKEN_LIFETIME_MS } from "../../wire/limits.ts";
import { Base, TOKEN } from "../fixtures/base.ts";
import { tempDirectory } from "../fixtures/temp.ts";

const room = tempDirectory();
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

interface Fixture {
  readonly base: Base;
  readonly store: TokenStore;
  readonly warnings: readonly string[];
  readonly pathOf: (token: string) => string;
}

function fixture(): Fixture {
  const base = new Base(mkdtempSync(join(room, "b")));
  const warnings: string[] = [];
  const store = new TokenStore(base.directory.tokens, (message) => warnings.push(message));
  return { base, store, warnings, pathOf: (token) => join(base.directory.tokens, blake3Hex(token)) };
}

function isRefused(store: TokenStore, token: string): boolean {
  try {
    store.authenticate(token);
    return false;
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    expect(error).toMatchObject({ code: "unauthenticated", message: "Authentication failed" });
    return true;
  }
}

function fromNow(ms: number): string {
  return new Date(Date.now() + ms).toISOString();
}

describe("a token file as the original writes it", () => {
  it("lets its token in, and says what it is bound to", () => {
    const { base, store } = fixture();
    base.writeToken(TOKEN, { project_id: "p", repo: "owner/repo", profile: "x" });
    expect(store.authenticate(TOKEN)).toEqual({
      id: "04939f3b",
      key: blake3Hex(TOKEN),
      projectId: "p",
      repo: "owner/repo",
    });
  });

  it.each([
    [25 * HOUR, true],
    [TOKEN_LIFETIME_MS + 5_000, true],
    [TOKEN_LIFETIME_MS - 5_000, false],
    [0, false],
    [-HOUR, false],
  ])("of an age of %i ms is refused: %s", (age, refused) => {
    const { base, store } = fixture();
    base.writeToken(TOKEN, { repo: "owner/repo" }, age);
    expect(isRefused(store, TOKEN)).toBe(refused);
  });

  it("is renewed by touching it", () => {
    const { base, store, pathOf } = fixture();
    base.writeToken(TOKEN, { repo: "owner/repo" }, 25 * HOUR);
    expect(isRefused(store, TOKEN)).toBe(true);
    utimesSync(pathOf(TOKEN), new Date(), new Date());
    expect(isRefused(store, TOKEN)).toBe(false);
  });

  it.each(["{}", "null", " null\n", '{"repo":""}', '{"repo":null,"project_id":null}'])(
    "with the content %j lets in, unbound",
    (content) => {
      const { base, store } = fixture();
      base.writeToken(TOKEN, content);
      expect(store.authenticate(TOKEN)).toMatchObject({ projectId: "", repo: "" });
    },
  );

  it.each([
    "{invalid",
    "",
    "[]",
    "5",
    '"x"',
    '{"repo":5}',
    '{"project_id":[]}',
    "{}{}",
    '{"repo":"a","repo":"b"}',
    "nullnull",
    "\ufeffnull",
    "\ufeff{}",
  ])("with the content %j lets nobody in", (content) => {
    const { base, store, warnings } = fixture();
    base.writeToken(TOKEN, content);
    expect(isRefused(store, TOKEN)).toBe(true);
    expect(warnings).toEqual([]);
  });

  it("may be readable by others, and may be a link", () => {
    const { base, store, pathOf } = fixture();
    base.writeToken(TOKEN, { repo: "o/r" });
    chmodSync(pathOf(TOKEN), 0o644);
    const other = "a".repeat(64);
    symlinkSync(pathOf(TOKEN), pathOf(other));
    expect(isRefused(store, TOKEN)).toBe(false);
    expect(isRefused(store, other)).toBe(false);
  });

  it("that its group can write lets nobody in, and the owner of the host is told without the token", () => {
    const { base, store, warnings, pathOf } = fixture();
    base.writeToken(TOKEN, { repo: "o/r" });
    chmodSync(pathOf(TOKEN), 0o664);
    expect(isRefused(store, TOKEN)).toBe(true);
    expect(warnings).toEqual([`token 04939f3b: ${pathOf(TOKEN)}: can be written by others (mode 664)`]);
  });

  it("that cannot be read lets nobody in, and the owner of the host is told", () => {
    const { base, store, warnings, pathOf } = fixture();
    mkdirSync(pathOf(TOKEN), { recursive: true });
    expect(isRefused(store, TOKEN)).toBe(true);
    expect(warnings).toEqual([`token 04939f3b: ${pathOf(TOKEN)}: is not a regular file`]);
    base.writeToken("e".repeat(64), `{"label":"${"x".repeat(20_000)}"}`);
    expect(isRefused(store, "e".repeat(64))).toBe(true);
    expect(warnings[1]).toContain("larger than 16384 bytes");
    expect(isRefused(new TokenStore(base.directory.tokens), TOKEN)).toBe(true);
  });
});

describe("a token", () => {
  it.each([
    "",
    "f".repeat(63),
    "f".repeat(65),
    `${TOKEN}\n`,
    ` ${TOKEN}`,
    `${TOKEN} `,
    `g${"f".repeat(63)}`,
    `é${"f".repeat(63)}`,
    `${"f".repeat(62)}../`,
    "invalid-token",
  ])("of the form %j is refused without a look at the disk", (token) => {
    const { base, store } = fixture();
    mkdirSync(base.directory.tokens);
    // Would let anything in that is looked up by its hash.
    base.writeToken(token, { repo: "o/r" });
    expect(isRefused(store, token)).toBe(true);
  });

  it("in capitals is another one than in small letters", () => {
    const { base, store } = fixture();
    base.writeToken("AB".repeat(32), { repo: "o/r" });
    expect(isRefused(store, "AB".repeat(32))).toBe(false);
    expect(isRefused(store, "ab".repeat(32))).toBe(true);
    expect(isRefused(store, "f".repeat(64))).toBe(true);
  });

  it("ends as soon as its file is gone, also when it was used before", async () => {
    const { base, store } = fixture();
    base.writeToken(TOKEN, { repo: "o/r" });
    await sleep(80);
    expect(isRefused(store, TOKEN)).toBe(false);
    expect(isRefused(store, TOKEN)).toBe(false);
    expect(await store.revoke([blake3Hex(TOKEN)])).toBe(1);
    expect(isRefused(store, TOKEN)).toBe(true);
  });

  it("is refused where there are no tokens at all", () => {
    expect(isRefused(fixture().store, TOKEN)).toBe(true);
  });
});

describe("a token with its own expiry", () => {
  it("ends then, whatever the age of its file", () => {
    const { base, store } = fixture();
    base.writeToken(TOKEN, { repo: "o/r", expires_at: fromNow(-1_000) });
    expect(isRefused(store, TOKEN)).toBe(true);
    base.writeToken(TOKEN, { repo: "o/r", expires_at: fromNow(HOUR) }, 30 * HOUR);
    expect(isRefused(store, TOKEN)).toBe(false);
  });

  it("ends while it is cached", async () => {
    const { base, store } = fixture();
    base.writeToken(TOKEN, { repo: "o/r", expires_at: fromNow(900) });
    await sleep(100);
    expect(isRefused(store, TOKEN)).toBe(false);
    await sleep(900);
    expect(isRefused(store, TOKEN)).toBe(true);
  });

  it("is not renewed by touching its file", () => {
    const { base, store, pathOf } = fixture();
    base.writeToken(TOKEN, { repo: "o/r", expires_at: fromNow(-1_000) });
    utimesSync(pathOf(TOKEN), new Date(), new Date());
    expect(isRefused(store, TOKEN)).toBe(true);
  });

  it.each(["soon", "", "2026-13-45"])("of %j is refused: what is no date must not mean never", (expiry) => {
    const { base, store } = fixture();
    base.writeToken(TOKEN, { repo: "o/r", expires_at: expiry });
    expect(isRefused(store, TOKEN)).toBe(true);
  });

  it("of null has none", () => {
    const { base, store } = fixture();
    base.writeToken(TOKEN, '{"repo":"o/r","expires_at":null}');
    expect(isRefused(store, TOKEN)).toBe(false);
  });
});

describe("minting", () => {
  it("gives a random token of 64 hexadecimal digits that lets in at once", async () => {
    const { store } = fixture();
    const { token, record } = await store.mint({ projectId: "p", repo: "o/r", label: "laptop" });
    expect(token).toMatch(/^[0-9a-f]{64}$/);
    const key = blake3Hex(token);
    expect(store.authenticate(token)).toEqual({ id: key.slice(0, 8), key, projectId: "p", repo: "o/r" });
    expect(record).toMatchObject({
      hash: blake3Hex(token),
      projectId: "p",
      repo: "o/r",
      label: "laptop",
      state: "valid",
    });
    expect(record.expiresAt.getTime() - record.createdAt.getTime()).toBe(TOKEN_LIFETIME_MS);
    expect((await store.mint({ projectId: "p", repo: "o/r" })).token).not.toBe(token);
  });

  it("writes a file for its owner only, in a directory for its owner only, and never the token [promise 8]", async () => {
    const { base, store, pathOf } = fixture();
    const { token } = await store.mint({ projectId: "p", repo: "o/r" });
    const { tokens } = base.directory;
    expect(statSync(tokens).mode & 0o777).toBe(0o700);
    expect(statSync(pathOf(token)).mode & 0o777).toBe(0o600);
    expect(readdirSync(tokens)).toEqual([blake3Hex(token)]);
    expect(readFileSync(pathOf(token), "utf8")).not.toContain(token);
    expect(Object.keys(JSON.parse(readFileSync(pathOf(token), "utf8")) as object)).toEqual([
      "project_id",
      "repo",
      "created_at",
      "expires_at",
    ]);
  });

  it("gives a shorter life on request, and never a longer one", async () => {
    const { store } = fixture();
    const lifeOf = async (ms: number): Promise<number> => {
      const { record } = await store.mint({ projectId: "p", repo: "o/r" }, ms);
      return record.expiresAt.getTime() - record.createdAt.getTime();
    };
    expect(await lifeOf(HOUR)).toBe(HOUR);
    expect(await lifeOf(1_000 * HOUR)).toBe(TOKEN_LIFETIME_MS);
    const { token, record } = await store.mint({ projectId: "p", repo: "o/r" }, -1);
    expect(record.state).toBe("expired");
    expect(isRefused(store, token)).toBe(true);
  });

  it("fails with the path when the directory cannot be made", async () => {
    const { base } = fixture();
    writeFileSync(base.directory.tokens, "a file");
    await expect(new TokenStore(base.directory.tokens).mint({ projectId: "p", repo: "" })).rejects.toMatchObject({
      code: "file_failed",
    });
  });
});

describe("the list of tokens", () => {
  it("shows every token with its state, the newest first, and nothing that is no token", async () => {
    const { base, store, pathOf } = fixture();
    base.writeToken("1".repeat(64), { repo: "o/r" }, 30 * HOUR);
    base.writeToken("2".repeat(64), "{broken", 20 * HOUR);
    base.writeToken("3".repeat(64), {
      project_id: "p",
      label: "l",
      created_at: fromNow(-HOUR),
      expires_at: fromNow(-MINUTE),
    });
    base.writeToken("4".repeat(64), { repo: "o/r" }, 10 * HOUR);
    writeFileSync(join(base.directory.tokens, "README"), "x");
    const { token } = await store.mint({ projectId: "p", repo: "o/r" });
    const rows = store.list().map(({ hash, state, label }) => [hash, state, label]);
    expect(rows).toEqual([
      [blake3Hex(token), "valid", ""],
      [blake3Hex("3".repeat(64)), "expired", "l"],
      [blake3Hex("4".repeat(64)), "valid", ""],
      [blake3Hex("2".repeat(64)), "unreadable", ""],
      [blake3Hex("1".repeat(64)), "expired", ""],
    ]);
    const createdAt = new Date(Math.floor(statSync(pathOf("4".repeat(64))).mtimeMs));
    expect(store.list()[2]).toMatchObject({ createdAt, expiresAt: new Date(createdAt.getTime() + TOKEN_LIFETIME_MS) });
  });

  it("goes by the file's time where created_at is no date", () => {
    const { base, store } = fixture();
    base.writeToken(TOKEN, { repo: "o/r", created_at: "yesterday" }, HOUR);
    const [record] = store.list();
    expect(Math.abs(Date.now() - HOUR - (record?.createdAt.getTime() ?? Number.NaN))).toBeLessThan(MINUTE);
  });

  it("is empty where there is no directory, and fails where it cannot be read", () => {
    const { base, store } = fixture();
    expect(store.list()).toEqual([]);
    writeFileSync(base.directory.tokens, "a file");
    expect(() => store.list()).toThrow(
      expect.objectContaining({ code: "file_failed", message: `${base.directory.tokens}: ENOTDIR` }) as Error,
    );
  });
});

describe("revoking", () => {
  it("removes tokens by their hashes, counts those that were there, and takes no other name", async () => {
    const { base, store, pathOf } = fixture();
    base.writeToken(TOKEN, { repo: "o/r" });
    base.writeToken("1".repeat(64), { repo: "o/r" });
    writeFileSync(join(base.root, "daemon.json"), "{}");
    const hashes = [blake3Hex(TOKEN), "0".repeat(64), "../daemon.json", "", "README"];
    expect(await store.revoke(hashes)).toBe(1);
    expect(existsSync(pathOf(TOKEN))).toBe(false);
    expect(existsSync(pathOf("1".repeat(64)))).toBe(true);
    expect(existsSync(join(base.root, "daemon.json"))).toBe(true);
  });

  it("says which token it could not remove", async () => {
    const { store, pathOf } = fixture();
    mkdirSync(pathOf(TOKEN), { recursive: true });
    await expect(store.revoke([blake3Hex(TOKEN)])).rejects.toMatchObject({
      code: "file_failed",
      message: expect.stringMatching(/^token 04939f3b: cannot be removed: E/) as string,
    });
  });

  it("revokes nothing where there are no tokens", async () => {
    expect(await fixture().store.revoke([blake3Hex(TOKEN)])).toBe(0);
  });
});

describe("the clean-up", () => {
  it("removes files a little past their life, whatever their name, and keeps the others and directories", () => {
    const { base, store, pathOf } = fixture();
    base.writeToken("1".repeat(64), { repo: "o/r" }, 25 * HOUR);
    base.writeToken("2".repeat(64), { repo: "o/r" }, TOKEN_LIFETIME_MS + MINUTE);
    base.writeToken("3".repeat(64), { repo: "o/r" });
    const { tokens } = base.directory;
    const old = new Date(Date.now() - 25 * HOUR);
    for (const name of ["stray", "link"]) {
      if (name === "link") symlinkSync("nowhere", join(tokens, name));
      else writeFileSync(join(tokens, name), "x");
    }
    utimesSync(join(tokens, "stray"), old, old);
    mkdirSync(join(tokens, "directory"));
    utimesSync(join(tokens, "directory"), old, old);
    expect(store.cleanUp()).toBe(2);
    expect(readdirSync(tokens).sort()).toEqual(
      [blake3Hex("2".repeat(64)), blake3Hex("3".repeat(64)), "directory", "link"].sort(),
    );
    expect(existsSync(pathOf("1".repeat(64)))).toBe(false);
  });

  it("finds nothing where there is no directory", () => {
    expect(fixture().store.cleanUp()).toBe(0);
  });
});
