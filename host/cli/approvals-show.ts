import { cardLines } from "./approval-words.ts";
import { findPending } from "./approvals-find.ts";
import { command, JSON_SWITCH } from "./command.ts";
import { asOwner } from "./owner-client.ts";

export const approvalsShow = command({
  path: ["approvals", "show"],
  about: "Show everything about a call that waits for your approval.",
  options: {
    id: { kind: "word", about: "Its id, or its first characters (at least 4)" },
    full: { kind: "switch", about: "Cut nothing, however long it is" },
    json: JSON_SWITCH,
  },
  examples: [["approvals show 1f3a", "What exactly would run"]],
  run: async ({ id, full }, context) =>
    asOwner(context.base(), async (owner) => {
      const pending = await findPending(owner, id);
      return { exit: 0, human: `${cardLines(pending, context.style, full).join("\n")}\n`, json: pending };
    }),
});
