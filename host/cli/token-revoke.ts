import { CodedError } from "../../wire/errors.ts";
import { TokenStore, type TokenRecord } from "../auth/token-store.ts";
import { blake3Hex } from "../util/hash.ts";
import { command, JSON_SWITCH } from "./command.ts";
import { findToken, tokenWords } from "./find-token.ts";
import { removeRevokedRuns } from "./revoked-runs.ts";

const TOKEN = /^[0-9a-fA-F]{64}$/;

/** The stored tokens among the texts on standard input, one per line. */
function typedTokens(text: string, records: readonly TokenRecord[]): readonly TokenRecord[] {
  const lines = text.split("\n").map((line) => line.trim());
  return lines
    .filter((line) => line !== "")
    .map((line, index) => {
      if (!TOKEN.test(line))
        throw new CodedError("usage", `line ${index + 1} of standard input is no token`, {
          hint: "A token is 64 hexadecimal characters; give one per line.",
        });
      const hash = blake3Hex(line);
      const found = records.find((record) => record.hash === hash);
      if (found === undefined)
        throw new CodedError("not_found", `the token on line ${index + 1} of standard input is not known here`, {
          hint: "It may have been revoked already.",
        });
      return found;
    });
}

export const tokenRevoke = command({
  path: ["token", "revoke"],
  about: "End tokens at once, and remove the outputs of their runs.",
  options: {
    hash: { kind: "words", about: "Beginnings of the tokens' hashes, as token list shows them" },
    project: { kind: "text", about: "Every token of this project", placeholder: "ID" },
    all: { kind: "switch", about: "Every token" },
    stdin: { kind: "switch", about: "The tokens on standard input, one per line" },
    json: JSON_SWITCH,
  },
  examples: [
    ["token revoke 1f3a9c", "End one token"],
    ["token revoke --project=OWNER_NAME", "End every token of a project"],
    ["token revoke --stdin < token", "End the token in a file"],
  ],
  run: async ({ hash, project, all, stdin }, context) => {
    const ways = [hash.length > 0, project !== undefined, all, stdin].filter(Boolean).length;
    if (ways !== 1)
      throw new CodedError("usage", "name the tokens in one way: hashes, --project, --all or --stdin", {
        hint: "See cmd2host token revoke --help.",
      });
    const base = context.base();
    const store = new TokenStore(base.tokens);
    const records = store.list();
    let chosen: readonly TokenRecord[];
    if (all) chosen = records;
    else if (stdin) chosen = typedTokens(await context.stdin(), records);
    else if (project !== undefined) chosen = records.filter((record) => record.projectId === project);
    else chosen = hash.map((prefix) => findToken(records, prefix));
    const once = [...new Set(chosen)];
    const hashes = once.map((record) => record.hash);
    if (once.length === 0) return { exit: 0, human: "No tokens to revoke.\n", json: { revoked: hashes } };
    await store.revoke(hashes);
    const runs = removeRevokedRuns(base, hashes);
    const names = once.map((record) => `  ${tokenWords(record)}\n`).join("");
    return {
      exit: 0,
      human: `Revoked ${once.length} ${once.length === 1 ? "token" : "tokens"}:\n${names}${runs.human}`,
      json: { revoked: hashes, ...runs.json },
      ...(runs.stderr === "" ? {} : { stderr: runs.stderr }),
    };
  },
});
