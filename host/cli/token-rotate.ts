import { CodedError } from "../../wire/errors.ts";
import { TOKEN_LIFETIME_MS } from "../../wire/limits.ts";
import { quoted } from "../../wire/text.ts";
import { TokenStore, type TokenRecord } from "../auth/token-store.ts";
import { command, JSON_SWITCH } from "./command.ts";
import { parseDuration } from "./duration.ts";
import { findToken, shortHash, tokenWords } from "./find-token.ts";
import { removeRevokedRuns } from "./revoked-runs.ts";
import { handOver, OUT_OPTION } from "./session-token.ts";

function onlyTokenOf(records: readonly TokenRecord[], project: string): TokenRecord {
  const found = records.filter((record) => record.projectId === project && record.state === "valid");
  const [first, second] = found;
  if (first === undefined)
    throw new CodedError("not_found", `project ${quoted(project)} has no valid token`, {
      hint: `cmd2host token mint --project=${project}`,
    });
  if (second !== undefined) {
    throw new CodedError(
      "usage",
      `project ${project} has ${found.length} valid tokens: ${found.map(tokenWords).join("; ")}`,
      { hint: "Name one by the beginning of its hash." },
    );
  }
  return first;
}

/** As long as the old one was made for. */
function lifetimeOf(record: TokenRecord): number {
  const lifetime = record.expiresAt.getTime() - record.createdAt.getTime();
  return lifetime > 0 && lifetime <= TOKEN_LIFETIME_MS ? lifetime : TOKEN_LIFETIME_MS;
}

export const tokenRotate = command({
  path: ["token", "rotate"],
  about: "Replace a token: make one for the same project, then end the old one and remove the outputs of its runs.",
  options: {
    hash: { kind: "optional_word", about: "Beginning of the old token's hash, as token list shows it" },
    project: { kind: "text", about: "The project whose only valid token is replaced", placeholder: "ID" },
    ttl: {
      kind: "text",
      about: "How long the new one is valid (default: as long as the old one was)",
      placeholder: "TIME",
    },
    out: OUT_OPTION,
    json: JSON_SWITCH,
  },
  examples: [
    ["token rotate --project=OWNER_NAME --out=.devcontainer/.session/token", "Give the container a new token"],
  ],
  run: async ({ hash, project, ttl, out }, context) => {
    if ((hash === undefined) === (project === undefined)) {
      throw new CodedError("usage", "name the old token in one way: HASH or --project", {
        hint: "See cmd2host token rotate --help.",
      });
    }
    const lifetime = ttl === undefined ? undefined : parseDuration(ttl);
    const base = context.base();
    const store = new TokenStore(base.tokens);
    const records = store.list();
    const old = hash === undefined ? onlyTokenOf(records, project ?? "") : findToken(records, hash);
    if (old.state === "unreadable")
      throw new CodedError("file_failed", `token ${shortHash(old.hash)} cannot be read`, {
        hint: "Revoke it and mint a new one.",
      });
    const { projectId, repo, label } = old;
    const wanted = {
      projectId,
      repo,
      label: label === "" ? undefined : label,
      lifetimeMs: lifetime ?? lifetimeOf(old),
      out,
    };
    const report = await handOver(store, wanted, context, []);
    await store.revoke([old.hash]);
    const runs = removeRevokedRuns(base, [old.hash]);
    return {
      ...report,
      json: { ...report.json, replaced: old.hash, ...runs.json },
      stderr: `${report.stderr ?? ""}Revoked ${tokenWords(old)}.\n${runs.human}${runs.stderr}`,
    };
  },
});
