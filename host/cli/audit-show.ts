import { CodedError } from "../../wire/errors.ts";
import { printable, quoted, shortened } from "../../wire/text.ts";
import { entriesById, type Entry } from "../audit/entries.ts";
import { textOf } from "../audit/stored.ts";
import { reading } from "../audit/reading.ts";
import { entryJson } from "./audit-list.ts";
import { auditPlaces } from "./audit-places.ts";
import { recordMembers } from "./audit-words.ts";
import { command, JSON_SWITCH } from "./command.ts";

const PREFIX = /^[0-9a-f]{4}[0-9a-f-]{0,32}$/;
const MAX_NAMED = 10;

function one(entries: readonly Entry[], prefix: string): Entry {
  const [first, second] = entries;
  if (first === undefined)
    throw new CodedError("not_found", `no decision's id begins with ${prefix}`, { hint: "See cmd2host audit." });
  if (second === undefined) return first;
  const ids = entries.map(({ decision }) => `\n  ${decision === undefined ? "" : printable(textOf(decision, "id"))}`);
  throw new CodedError("usage", `${prefix} fits several decisions:${ids.join("")}`, { hint: "Give more characters." });
}

export const auditShow = command({
  path: ["audit", "show"],
  about: "Show everything that is recorded of one request.",
  options: {
    id: { kind: "word", about: "The decision's id, which is the run's, or its first characters (at least 4)" },
    json: JSON_SWITCH,
  },
  examples: [["audit show 0f1e2d3c", "What was decided, and how it ended"]],
  run: async ({ id }, context) => {
    const prefix = id.toLowerCase();
    if (!PREFIX.test(prefix))
      throw new CodedError("usage", `${quoted(shortened(id, 60))} is not the beginning of an id`, {
        hint: "Give at least 4 characters of the last column of cmd2host audit.",
      });
    const { directory } = await auditPlaces(context);
    const entry = one(await reading(() => entriesById(directory, prefix, MAX_NAMED)), prefix);
    const { decision, outcome } = entry;
    return {
      exit: 0,
      human: [
        ...(decision === undefined ? [] : [`decision\n${recordMembers(decision)}`]),
        outcome === undefined ? "no outcome is recorded\n" : `outcome\n${recordMembers(outcome)}`,
      ].join(""),
      json: entryJson(entry),
    };
  },
});
