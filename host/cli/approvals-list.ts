import { printable } from "../../wire/text.ts";
import { commandWords, leftWords } from "./approval-words.ts";
import { command, JSON_SWITCH, type Command } from "./command.ts";
import { asOwner } from "./owner-client.ts";
import { idLength } from "./runs-words.ts";
import { table } from "./table.ts";

const HEADINGS = ["ID", "LEFT", "PROJECT", "OPERATION", "SESSION", "COMMAND"];

function listing(path: readonly string[]): Command {
  return command({
    path,
    about: "List the calls that wait for your approval, the oldest first.",
    options: { json: JSON_SWITCH },
    examples: [[path.join(" "), "What agents want to do now"]],
    more: "approvals watch shows each as it comes, and asks you. No session token can answer.",
    run: async (_, context) => {
      const { approvals } = await asOwner(context.base(), async (owner) => owner.approvals("", 0));
      const length = idLength(approvals.map(({ id }) => id));
      const rows = approvals.map((pending) => [
        pending.id.slice(0, length),
        leftWords(pending),
        printable(pending.project),
        printable(pending.operation),
        pending.session,
        commandWords(pending.argv),
      ]);
      return {
        exit: 0,
        human: rows.length === 0 ? "Nothing waits for your approval.\n" : table([HEADINGS, ...rows]),
        json: { approvals },
      };
    },
  });
}

export const approvals = listing(["approvals"]);
export const approvalsList = listing(["approvals", "list"]);
