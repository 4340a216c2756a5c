import { newestEntries, type Entry } from "../audit/entries.ts";
import { reading } from "../audit/reading.ts";
import { AUDIT_FILTERS, wantedOf } from "./audit-filters.ts";
import { auditPlaces } from "./audit-places.ts";
import { AUDIT_HEADINGS, entryRow } from "./audit-words.ts";
import { command, JSON_SWITCH, type Command } from "./command.ts";
import { wholeNumber } from "./runs-find.ts";
import { table } from "./table.ts";

const MAX_LIMIT = 100_000;

function strangeWords(count: number): string {
  return `${count} ${count === 1 ? "line is no record" : "lines are no records"}; see cmd2host audit verify.\n`;
}

export function entryJson({ decision, outcome, note }: Entry): unknown {
  return {
    ...(decision === undefined ? {} : { decision: decision.members }),
    ...(outcome === undefined ? {} : { outcome: outcome.members }),
    ...(note === undefined ? {} : { note: note.members }),
  };
}

/** The same command under two names. */
function listing(path: readonly string[]): Command {
  const name = path.join(" ");
  return command({
    path,
    about: "List what was asked for and how it ended, the newest first.",
    options: {
      ...AUDIT_FILTERS,
      notes: {
        kind: "switch",
        about: "Also what the audit says about itself: starts, repairs, times when it could not be written",
      },
      limit: { kind: "text", about: `How many at most, up to ${MAX_LIMIT}`, placeholder: "NUMBER", default: "20" },
      json: JSON_SWITCH,
    },
    examples: [
      [name, "What agents asked for lately"],
      [`${name} --since=8h --outcome=deny`, "What was denied today"],
    ],
    run: async ({ limit, notes, ...filters }, context) => {
      const wanted = wantedOf(filters);
      const most = wholeNumber("--limit", limit, 1, MAX_LIMIT);
      const { directory } = await auditPlaces(context);
      const { entries, strange } = await reading(() => newestEntries(directory, wanted, most, notes));
      return {
        exit: 0,
        human: entries.length === 0 ? "Nothing.\n" : table([AUDIT_HEADINGS, ...entries.map(entryRow)]),
        json: { entries: entries.map(entryJson), strange_lines: strange },
        ...(strange === 0 ? {} : { stderr: strangeWords(strange) }),
      };
    },
  });
}

export const audit = listing(["audit"]);
export const auditList = listing(["audit", "list"]);
