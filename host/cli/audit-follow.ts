import { jsonLine } from "../audit/record.ts";
import { isWanted, newestLines } from "../audit/entries.ts";
import { appendedLines } from "../audit/follow.ts";
import { parseStored, type Stored } from "../audit/stored.ts";
import { reading } from "../audit/reading.ts";
import { AUDIT_FILTERS, wantedOf } from "./audit-filters.ts";
import { auditPlaces } from "./audit-places.ts";
import { recordLine } from "./audit-words.ts";
import { command } from "./command.ts";
import { wholeNumber } from "./runs-find.ts";

const MAX_LINES = 1_000;

/** The last records that are wanted, in their order. */
function lastRecords(directory: string, count: number, isShown: (record: Stored) => boolean): readonly Stored[] {
  const records: Stored[] = [];
  if (count === 0) return records;
  for (const { bytes } of newestLines(directory)) {
    const record = parseStored(bytes);
    if (record !== undefined && isShown(record)) records.push(record);
    if (records.length >= count) break;
  }
  return records.reverse();
}

export const auditFollow = command({
  path: ["audit", "follow"],
  about: "Write records as they come.",
  options: {
    ...AUDIT_FILTERS,
    lines: { kind: "text", short: "n", about: "So many earlier ones first", placeholder: "NUMBER", default: "10" },
    json: { kind: "switch", about: "One JSON object per line instead of text for people" },
  },
  examples: [
    ["audit follow", "Watch what agents ask for"],
    ["audit follow --outcome=deny --json", "Denials, for a program"],
  ],
  more: "It goes on in the next file when the audit begins one. End it with Ctrl-C.",
  run: async ({ lines, json, ...filters }, context) => {
    const wanted = wantedOf(filters);
    const count = wholeNumber("--lines", lines, 0, MAX_LINES);
    const { directory } = await auditPlaces(context);
    const { direct } = context;
    const show = async (record: Stored): Promise<void> =>
      direct.write("stdout", Buffer.from(json ? `${jsonLine(record.members)}\n` : recordLine(record)));
    return direct.report(async () =>
      reading(async () => {
        // From here on, so that nothing is missed between the two.
        const coming = appendedLines(directory, direct.signal);
        const first = coming.next();
        let shown = 0;
        for (const record of lastRecords(directory, count, (one) => isWanted(one, wanted))) {
          shown = record.seq;
          await show(record);
        }
        for (let next = await first; next.done !== true; next = await coming.next()) {
          const record = parseStored(next.value.bytes);
          if (record === undefined)
            await direct.write("stderr", Buffer.from("A line is no record; see cmd2host audit verify.\n"));
          else if (record.seq > shown && isWanted(record, wanted)) await show(record);
        }
        return 0;
      }),
    );
  },
});
