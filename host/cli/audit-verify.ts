import { CodedError } from "../../wire/errors.ts";
import { printable, quoted, shortened } from "../../wire/text.ts";
import { linkText, parseLink, type Link } from "../audit/chain.ts";
import { NOTES } from "../audit/record.ts";
import { DAMAGES, type Damage, type Verification } from "../audit/verification.ts";
import { verifyLog } from "../audit/verify.ts";
import { auditPlaces } from "./audit-places.ts";
import { command, JSON_SWITCH } from "./command.ts";

function linkOf(option: string, text: string | undefined): Link | undefined {
  if (text === undefined) return undefined;
  const link = parseLink(text);
  if (link !== undefined) return link;
  throw new CodedError("usage", `${option} ${quoted(shortened(text, 60))} is no SEQ:HASH`, {
    hint: "Give what cmd2host audit head printed.",
  });
}

function places({ file, line, seq }: Damage): string {
  const parts = [
    ...(file === undefined ? ["the head"] : [printable(file)]),
    ...(line === undefined ? [] : [`line ${line}`]),
    ...(seq === undefined ? [] : [`record ${seq}`]),
  ];
  return parts.join(", ");
}

function headWords({ head, unsigned }: Verification): string {
  if (head === undefined) return "";
  const signed = `Signed up to record ${head.seq} at ${printable(head.time)} by key ${printable(head.key)}.\n`;
  return unsigned === 0
    ? signed
    : `${signed}${unsigned} ${unsigned === 1 ? "record" : "records"} behind it not signed yet: usual for 50 ms while a daemon runs, and after a crash.\n`;
}

function words(found: Verification): string {
  const { files, records, first, last, damage, notes } = found;
  const range = first === undefined || last === undefined ? "" : ` (${first} to ${last.seq})`;
  const read = `${records} ${records === 1 ? "record" : "records"}${range} in ${files} ${files === 1 ? "file" : "files"}`;
  const told = notes.map(({ note, seq, time }) => `note: record ${seq}, ${printable(time)}: ${NOTES[note].about}\n`);
  if (damage === undefined) return `good: ${read}.\n${headWords(found)}${told.join("")}`;
  return `DAMAGED: ${DAMAGES[damage.kind]} (${damage.kind})\n  where: ${places(damage)}\n  what:  ${printable(damage.what)}\n${read} are good before it.\n${told.join("")}`;
}

function linkJson(link: Link | undefined): unknown {
  return link === undefined ? null : { seq: link.seq, hash: link.hash, text: linkText(link) };
}

export const auditVerify = command({
  path: ["audit", "verify"],
  about: "Verify that no record of the audit was changed, removed, moved or put in, and name the first that was.",
  options: {
    head: {
      kind: "text",
      about: "A head that was written down elsewhere: the log must contain it",
      placeholder: "SEQ:HASH",
    },
    from: {
      kind: "text",
      about: "A record that is known to be good: what stands before it is not looked at",
      placeholder: "SEQ:HASH",
    },
    json: JSON_SWITCH,
  },
  examples: [
    ["audit verify", "Hold the log against its chain and its signed head"],
    ["audit verify --head=1042:9f86…", "And against what cmd2host audit head printed last week"],
  ],
  more: "The exit code is 1 when something is wrong. docs/audit.md says what each kind of damage means, and what somebody with your account can do unseen.",
  run: async ({ head, from }, context) => {
    const against = { written: linkOf("--head", head), from: linkOf("--from", from) };
    const found = await verifyLog({ ...(await auditPlaces(context)), ...against });
    const { damage, notes, files, records, bytes, first, last, unsigned } = found;
    return {
      exit: damage === undefined ? 0 : 1,
      human: words(found),
      json: {
        good: damage === undefined,
        damage: damage ?? null,
        files,
        records,
        bytes,
        first_seq: first ?? null,
        last: linkJson(last),
        head: found.head ?? null,
        unsigned_records: unsigned,
        notes,
      },
    };
  },
});
