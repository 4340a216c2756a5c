import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { TokenStore } from "../../host/auth/token-store.ts";
import { durationWords, parseDuration, timeWords } from "../../host/cli/duration.ts";
import { blake3Hex } from "../../host/util/hash.ts";
import { CodedError } from "../../wire/errors.ts";
import { Host, smallConfig } from "./harness.ts";

const HOUR = 3_600_000;

function hostWithProject(...ids: readonly string[]): Host {
  const host = new Host();
  for (const id of ids.length === 0 ? ["owner_repo"] : ids) host.project(id, smallConfig(host.checkout));
  return host;
}

function store(host: Host): TokenStore {
  return new TokenStore(join(host.base, "tokens"));
}

async function mint(host: Host, ...more: string[]): Promise<string> {
  return (await host.run("token", "mint", "--project=owner_repo", ...more)).stdout.trim();
}

describe("token mint", () => {
  it("prints only the token on standard output, and the rest on standard error", async () => {
    const host = hostWithProject();
    await host.run("config", "allow", "owner_repo");
    const { exit, stdout, stderr } = await host.run("token", "mint", "--project=owner_repo", "--ttl=8h");
    expect(exit).toBe(0);
    expect(stdout).toMatch(/^[0-9a-f]{64}\n$/);
    expect(stderr).toMatch(
      /^Token [0-9a-f]{12} for owner_repo \(owner\/repo\), valid for 8h, until \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\.\n$/,
    );
    expect(stderr).not.toContain(stdout.trim());
  });

  it("makes a token that authenticates for the project and its first repository, stored as a private file named by its hash", async () => {
    const host = hostWithProject();
    const token = await mint(host);
    expect(store(host).authenticate(token)).toMatchObject({ projectId: "owner_repo", repo: "owner/repo" });
    const file = join(host.base, "tokens", blake3Hex(token));
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(join(host.base, "tokens")).mode & 0o777).toBe(0o700);
    expect(readFileSync(file, "utf8")).not.toContain(token);
  });

  it("warns when the configuration is not approved", async () => {
    const { exit, stderr } = await hostWithProject().run("token", "mint", "--project=owner_repo");
    expect(exit).toBe(0);
    expect(stderr).toContain("is not approved, so the token can do nothing yet");
  });

  it("with --out writes the token without a line end, mode 0600, and does not print it", async () => {
    const host = hostWithProject();
    const { stdout, stderr } = await host.run("token", "mint", "--project=owner_repo", "--out=token");
    const token = readFileSync(join(host.root, "token"), "utf8");
    expect(token).toMatch(/^[0-9a-f]{64}$/);
    expect(statSync(join(host.root, "token")).mode & 0o777).toBe(0o600);
    expect(stdout + stderr).not.toContain(token);
    expect(store(host).authenticate(token).projectId).toBe("owner_repo");
  });

  it("replaces an older token file, whatever its mode was, and leaves nothing beside it", async () => {
    const host = hostWithProject();
    const directory = join(host.root, "session");
    mkdirSync(directory);
    writeFileSync(join(directory, "token"), "old", { mode: 0o644 });
    expect((await host.run("token", "mint", "--project=owner_repo", "--out=session/token")).exit).toBe(0);
    expect(statSync(join(directory, "token")).mode & 0o777).toBe(0o600);
    expect(readdirSync(directory)).toEqual(["token"]);
  });

  it.each([
    [
      "a directory that everybody can write",
      (host: Host) => {
        chmodSync(join(host.root, "session"), 0o777);
      },
      "can be written by others",
    ],
    [
      "a directory that a group can write",
      (host: Host) => {
        chmodSync(join(host.root, "session"), 0o770);
      },
      "can be written by others",
    ],
    [
      "a link at the file's place",
      (host: Host) => {
        symlinkSync(join(host.root, "victim"), join(host.root, "session", "token"));
      },
      "is no regular file",
    ],
    [
      "a directory at the file's place",
      (host: Host) => {
        mkdirSync(join(host.root, "session", "token"));
      },
      "is no regular file",
    ],
  ])("refuses %s, and takes the token back", async (_what, prepare, message) => {
    const host = hostWithProject();
    mkdirSync(join(host.root, "session"));
    writeFileSync(join(host.root, "victim"), "precious");
    prepare(host);
    const { exit, stdout, stderr } = await host.run("token", "mint", "--project=owner_repo", "--out=session/token");
    expect({ exit, stdout }).toEqual({ exit: 1, stdout: "" });
    expect(stderr).toContain(message);
    expect(readFileSync(join(host.root, "victim"), "utf8")).toBe("precious");
    expect(store(host).list()).toEqual([]);
  });

  it("refuses a way that leads over a link, which a container could have made", async () => {
    const host = hostWithProject();
    mkdirSync(join(host.root, "home"));
    mkdirSync(join(host.root, "workspace"));
    symlinkSync(join(host.root, "home"), join(host.root, "workspace", "session"));
    const { exit, stderr } = await host.run("token", "mint", "--project=owner_repo", "--out=workspace/session/token");
    expect(exit).toBe(1);
    expect(stderr).toContain(`${join(host.root, "workspace", "session")}: is a link`);
    expect(readdirSync(join(host.root, "home"))).toEqual([]);
  });

  it("accepts a directory that everybody can write when its sticky bit keeps others from our files", async () => {
    const host = hostWithProject();
    mkdirSync(join(host.root, "session"));
    chmodSync(join(host.root, "session"), 0o1777);
    expect((await host.run("token", "mint", "--project=owner_repo", "--out=session/token")).exit).toBe(0);
  });

  it("does not make directories", async () => {
    const host = hostWithProject();
    expect((await host.run("token", "mint", "--project=owner_repo", "--out=nowhere/token")).stderr).toContain(
      "there is no such directory",
    );
    expect(existsSync(join(host.root, "nowhere"))).toBe(false);
  });

  it.each([
    [["--project=nothing"], 1, "project config not found"],
    [["--project=../x"], 1, "is not a project id"],
    [["--project=owner_repo", "--repo=other/repo"], 1, 'is for owner/repo, not for "other/repo"'],
    [["--project=owner_repo", "--ttl=25h"], 2, "no lifetime"],
    [["--project=owner_repo", `--label=${"x".repeat(201)}`], 2, "longer than 200 bytes"],
    [[], 2, "missing --project"],
  ])("refuses %j and makes no token", async (more, exit, message) => {
    const host = hostWithProject();
    const result = await host.run("token", "mint", ...more);
    expect(result).toMatchObject({ exit, stdout: "" });
    expect(result.stderr).toContain(message);
    expect(existsSync(join(host.base, "tokens"))).toBe(false);
  });

  it("refuses a project whose configuration does not load", async () => {
    const host = hostWithProject();
    writeFileSync(host.projectFile("owner_repo"), "{");
    expect(await host.run("token", "mint", "--project=owner_repo")).toMatchObject({ exit: 1, stdout: "" });
  });

  it("prints JSON with the token, or with the file instead", async () => {
    const host = hostWithProject();
    const printed = (await host.json("token", "mint", "--project=owner_repo", "--label=review")) as {
      token: string;
      hash: string;
    };
    expect(printed).toMatchObject({ project: "owner_repo", repo: "owner/repo", label: "review", state: "valid" });
    expect(blake3Hex(printed.token)).toBe(printed.hash);
    const written = await host.json("token", "mint", "--project=owner_repo", "--out=token");
    expect(written).toMatchObject({ out: "token" });
    expect(written).not.toHaveProperty("token");
  });
});

describe("token list", () => {
  it("shows a table of tokens without any token in it", async () => {
    const host = hostWithProject();
    const token = await mint(host, "--label=review", "--ttl=90m");
    const { stdout } = await host.run("token", "list");
    const [heading, row] = stdout.split("\n");
    expect(heading).toMatch(/^HASH +PROJECT +REPO +LABEL +CREATED +EXPIRES IN +STATE$/);
    expect(row).toMatch(
      new RegExp(
        `^${blake3Hex(token).slice(0, 12)} +owner_repo +owner/repo +review +\\d{4}-\\S+Z +1h (29|30)m +valid$`,
      ),
    );
    expect(stdout).not.toContain(token);
  });

  it("can be limited to a project", async () => {
    const host = hostWithProject("owner_repo", "other");
    await mint(host);
    await host.run("token", "mint", "--project=other");
    expect(await host.json("token", "list", "--project=other")).toMatchObject({ tokens: [{ project: "other" }] });
    expect((await host.run("token", "list", "--project=nothing")).stdout).toBe("No tokens.\n");
  });

  it("tells tokens that are expired or cannot be read", async () => {
    const host = hostWithProject();
    const directory = join(host.base, "tokens");
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, "a".repeat(64)), '{"repo":"owner/repo"}', { mode: 0o600 });
    const old = new Date(Date.now() - 25 * HOUR);
    utimesSync(join(directory, "a".repeat(64)), old, old);
    writeFileSync(join(directory, "b".repeat(64)), "{", { mode: 0o600 });
    writeFileSync(
      join(directory, "c".repeat(64)),
      '{"project_id":"x\\u001b[2J","created_at":"yesterday","expires_at":"2999-01-01T00:00:00Z"}',
      { mode: 0o600 },
    );
    const { exit, stdout } = await host.run("token", "list");
    expect(exit).toBe(0);
    expect(stdout).toMatch(/^a{12} .* expired$/m);
    expect(stdout).toMatch(/^b{12} .* unreadable$/m);
    expect(stdout).toMatch(/^c{12} +x\\x1b\[2J .* valid$/m);
  });
});

describe("token revoke", () => {
  it("ends the named token at once, and only that one", async () => {
    const host = hostWithProject();
    const [first, second] = [await mint(host), await mint(host)];
    const { exit, stdout } = await host.run("token", "revoke", blake3Hex(first).slice(0, 12));
    expect(exit).toBe(0);
    expect(stdout).toContain("Revoked 1 token:\n");
    expect(() => store(host).authenticate(first)).toThrow(CodedError);
    expect(store(host).authenticate(second).projectId).toBe("owner_repo");
  });

  it("ends every token of a project, or all", async () => {
    const host = hostWithProject("owner_repo", "other");
    await mint(host);
    await mint(host);
    await host.run("token", "mint", "--project=other");
    expect((await host.run("token", "revoke", "--project=owner_repo")).stdout).toContain("Revoked 2 tokens");
    expect(store(host).list()).toHaveLength(1);
    await host.run("token", "revoke", "--all");
    expect(store(host).list()).toEqual([]);
    expect((await host.run("token", "revoke", "--all")).stdout).toBe("No tokens to revoke.\n");
  });

  it("ends the tokens on standard input, so that a token can be revoked by who holds it", async () => {
    const host = hostWithProject();
    const token = await mint(host);
    host.stdin = `${token}\n`;
    expect((await host.run("token", "revoke", "--stdin")).stdout).toContain("Revoked 1 token");
    const again = await host.run("token", "revoke", "--stdin");
    expect(again.exit).toBe(1);
    expect(again.stderr).toContain("is not known here");
    expect(again.stderr).not.toContain(token);
  });

  it("names the candidates of an ambiguous beginning and ends none", async () => {
    const host = hostWithProject();
    const directory = join(host.base, "tokens");
    mkdirSync(directory, { recursive: true });
    for (const end of ["1", "2"])
      writeFileSync(join(directory, "abcd".repeat(15) + end.repeat(4)), '{"project_id":"p"}', { mode: 0o600 });
    const { exit, stderr } = await host.run("token", "revoke", "abcd");
    expect(exit).toBe(2);
    expect(stderr).toContain("abcd fits 2 tokens: abcdabcdabcd p; abcdabcdabcd p");
    expect(store(host).list()).toHaveLength(2);
  });

  it.each([
    [[], 2, "in one way"],
    [["abcd", "--all"], 2, "in one way"],
    [["abc"], 2, "not the beginning of a token's hash"],
    [["XYZW"], 2, "not the beginning of a token's hash"],
    [["abcdef"], 1, "no token's hash begins with abcdef"],
  ])("refuses %j", async (more, exit, message) => {
    const host = hostWithProject();
    await mint(host);
    const result = await host.run("token", "revoke", ...more);
    expect(result.exit).toBe(exit);
    expect(result.stderr).toContain(message);
    expect(store(host).list()).toHaveLength(1);
  });

  it("never repeats a token that was given in place of a hash", async () => {
    const host = hostWithProject();
    const token = await mint(host);
    const upper = await host.run("token", "revoke", token.toUpperCase());
    const lower = await host.run("token", "revoke", token);
    expect([upper.exit, lower.exit]).toEqual([2, 1]);
    expect((upper.stderr + lower.stderr).toLowerCase()).not.toContain(token.slice(0, 12));
  });
});

describe("token rotate", () => {
  it("makes a token for the same project and ends the old one", async () => {
    const host = hostWithProject();
    const old = await mint(host, "--label=review", "--ttl=2h");
    const { exit, stdout } = await host.run("token", "rotate", "--project=owner_repo");
    const fresh = stdout.trim();
    expect(exit).toBe(0);
    expect(store(host).authenticate(fresh)).toMatchObject({ projectId: "owner_repo", repo: "owner/repo" });
    expect(() => store(host).authenticate(old)).toThrow(CodedError);
    const [record] = store(host).list();
    expect(record?.label).toBe("review");
    expect((record?.expiresAt.getTime() ?? 0) - (record?.createdAt.getTime() ?? 0)).toBe(2 * HOUR);
  });

  it("leaves the old token alone when the new one cannot be written", async () => {
    const host = hostWithProject();
    const old = await mint(host);
    expect((await host.run("token", "rotate", "--project=owner_repo", "--out=nowhere/token")).exit).toBe(1);
    expect(store(host).authenticate(old).projectId).toBe("owner_repo");
    expect(store(host).list()).toHaveLength(1);
  });

  it("takes the beginning of a hash, and says what it replaced", async () => {
    const host = hostWithProject();
    const hash = blake3Hex(await mint(host));
    await mint(host);
    expect(await host.json("token", "rotate", hash.slice(0, 16), "--ttl=1h")).toMatchObject({
      replaced: hash,
      project: "owner_repo",
    });
  });

  it("wants one token named in one way", async () => {
    const host = hostWithProject();
    expect(await host.run("token", "rotate")).toMatchObject({ exit: 2 });
    expect(await host.run("token", "rotate", "--project=owner_repo")).toMatchObject({ exit: 1 });
    await mint(host);
    await mint(host);
    const both = await host.run("token", "rotate", "--project=owner_repo");
    expect(both.exit).toBe(2);
    expect(both.stderr).toContain("has 2 valid tokens");
    expect(store(host).list()).toHaveLength(2);
  });
});

describe("times", () => {
  it("are shown to the second, and as unknown when they are none", () => {
    expect(timeWords(new Date(Date.UTC(2026, 0, 2, 3, 4, 5, 678)))).toBe("2026-01-02T03:04:05Z");
    expect(timeWords(new Date(Number.NaN))).toBe("unknown");
  });
});

describe("durations", () => {
  it.each([
    ["24h", 24 * HOUR],
    ["90m", 1.5 * HOUR],
    ["1h30m", 1.5 * HOUR],
    ["45s", 45_000],
  ])("%s is %d milliseconds", (text, milliseconds) => {
    expect(parseDuration(text)).toBe(milliseconds);
  });

  it.each(["", "0s", "24h1s", "25h", "8", "h", "8d", "-1h", "1.5h", " 8h", "8h ", "1m1h", "99999999h"])(
    "%j is refused",
    (text) => {
      expect(() => parseDuration(text)).toThrow(CodedError);
    },
  );

  it.each([
    [24 * HOUR, "24h"],
    [1.5 * HOUR + 59_000, "1h 30m"],
    [61_000, "1m"],
    [999, "0s"],
    [-5, "0s"],
  ])("%d milliseconds are shown as %s", (milliseconds, text) => {
    expect(durationWords(milliseconds)).toBe(text);
  });
});
