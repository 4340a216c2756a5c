import { CodedError } from "../../wire/errors.ts";
import { byPrefix } from "./approvals-find.ts";
import { grantWords } from "./approval-words.ts";
import { command, JSON_SWITCH } from "./command.ts";
import { asOwner } from "./owner-client.ts";

export const grantsRevoke = command({
  path: ["grants", "revoke"],
  about: "Take grants back: the next such call asks again. What runs already goes on.",
  options: {
    id: { kind: "words", about: "Ids of grants, or their first characters (at least 4)" },
    project: { kind: "text", about: "Every grant of this project", placeholder: "ID" },
    session: { kind: "text", about: "Every grant of this session", placeholder: "ID" },
    all: { kind: "switch", about: "Every grant" },
    json: JSON_SWITCH,
  },
  examples: [
    ["grants revoke 1f3a", "Take one back"],
    ["grants revoke --all", "Ask about everything again"],
  ],
  run: async ({ id: given, project, session, all }, context) => {
    if ([given.length > 0, project !== undefined, session !== undefined, all].filter(Boolean).length !== 1)
      throw new CodedError("usage", "name the grants in one way: ids, --project, --session or --all", {
        hint: "See cmd2host grants revoke --help.",
      });
    return asOwner(context.base(), async (owner) => {
      const known = given.length === 0 ? [] : await owner.grants();
      const ids = given.map((one) => byPrefix(known, one, "grant", "cmd2host grants").id);
      const revoked = await owner.revokeGrants({ ids, project, session, all });
      return {
        exit: 0,
        human:
          revoked.length === 0
            ? "No grants to revoke.\n"
            : `Revoked ${revoked.length} ${revoked.length === 1 ? "grant" : "grants"}:\n${revoked.map((grant) => `  ${grantWords(grant)}\n`).join("")}`,
        json: { revoked },
      };
    });
  },
});
