import { printable } from "../../wire/text.ts";
import { commandWords, untilWords } from "./approval-words.ts";
import { command, JSON_SWITCH, type Command } from "./command.ts";
import { timeWords } from "./duration.ts";
import { asOwner } from "./owner-client.ts";
import { idLength } from "./runs-words.ts";
import { table } from "./table.ts";

const HEADINGS = ["ID", "PROJECT", "SESSION", "UNTIL", "GRANTED", "BY", "USES", "WHAT"];

function listing(path: readonly string[]): Command {
  return command({
    path,
    about: "List what you allowed and is remembered: calls and operations that run without asking.",
    options: { json: JSON_SWITCH },
    examples: [[path.join(" "), "What runs without asking now"]],
    more: "A grant ends with its session, with its time, when the project's configuration changes, and when the daemon stops.",
    run: async (_, context) => {
      const grants = await asOwner(context.base(), async (owner) => owner.grants());
      const length = idLength(grants.map(({ id }) => id));
      const rows = grants.map((grant) => [
        grant.id.slice(0, length),
        printable(grant.project),
        grant.session,
        untilWords(grant),
        timeWords(new Date(grant.granted_at)),
        printable(grant.by),
        String(grant.uses),
        grant.kind === "operation" ? `every ${printable(grant.operation)}` : commandWords(grant.argv ?? []),
      ]);
      return {
        exit: 0,
        human: rows.length === 0 ? "No grants.\n" : table([HEADINGS, ...rows]),
        json: { grants },
      };
    },
  });
}

export const grants = listing(["grants"]);
export const grantsList = listing(["grants", "list"]);
