import { printable } from "../../wire/text.ts";
import { TokenStore, type TokenRecord } from "../auth/token-store.ts";
import { command, JSON_SWITCH } from "./command.ts";
import { durationWords, timeWords } from "./duration.ts";
import { shortHash } from "./find-token.ts";
import { tokenJson } from "./session-token.ts";
import { table } from "./table.ts";

const HEADINGS = ["HASH", "PROJECT", "REPO", "LABEL", "CREATED", "EXPIRES IN", "STATE"];

function row(record: TokenRecord): readonly string[] {
  const left = record.state === "valid" ? durationWords(record.expiresAt.getTime() - Date.now()) : "-";
  const cell = (text: string): string => (text === "" ? "-" : printable(text));
  return [
    shortHash(record.hash),
    cell(record.projectId),
    cell(record.repo),
    cell(record.label),
    timeWords(record.createdAt),
    left,
    record.state,
  ];
}

export const tokenList = command({
  path: ["token", "list"],
  about: "List the session tokens, the newest first. Tokens themselves are not kept and cannot be shown.",
  options: {
    project: { kind: "text", about: "Only the tokens of this project", placeholder: "ID" },
    json: JSON_SWITCH,
  },
  examples: [["token list --project=OWNER_NAME", "Who can still use this project, and how long"]],
  run: ({ project }, context) => {
    const records = new TokenStore(context.base().tokens)
      .list()
      .filter((record) => project === undefined || record.projectId === project);
    return {
      exit: 0,
      human: records.length === 0 ? "No tokens.\n" : table([HEADINGS, ...records.map(row)]),
      json: { tokens: records.map(tokenJson) },
    };
  },
});
