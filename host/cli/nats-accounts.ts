import { readFileSync } from "node:fs";
import { CodedError, errnoOf } from "../../wire/errors.ts";
import { printable, quoted, shortened } from "../../wire/text.ts";
import { accountsText, type NatsUser } from "../../nats/permissions.ts";
import { DEFAULT_PREFIX, nameToken, Subjects } from "../../nats/subjects.ts";
import { command, JSON_SWITCH } from "./command.ts";

const FORM = "agent:NAME=KEY or gateway:NAME=KEY";
const MACHINE = /^(agent|gateway):([^=]+)=(U[A-Z2-7]{55})$/;

function wrong(why: string): CodedError {
  return new CodedError("usage", why, { hint: `Write each machine as ${FORM}; cmd2host nats key prints the key.` });
}

/** The lines of a list, without what is a comment. @throws CodedError `file_failed` */
function linesOf(file: string): readonly string[] {
  try {
    return readFileSync(file, "utf8")
      .split("\n")
      .map((line) => line.replace(/#.*/, "").trim())
      .filter((line) => line !== "");
  } catch (error) {
    throw new CodedError("file_failed", `${printable(file)}: cannot be read: ${errnoOf(error) ?? "unknown error"}`, {
      cause: error,
    });
  }
}

/** @throws CodedError `usage`; `nats_unusable` for a name that is none */
function userOf(text: string, isPublicNkey: (key: string) => boolean): NatsUser {
  const [, role, name = "", nkey = ""] = MACHINE.exec(text) ?? [];
  if (role !== "agent" && role !== "gateway") throw wrong(`${quoted(shortened(text, 120))} is not ${FORM}`);
  if (!isPublicNkey(nkey)) throw wrong(`the key of ${quoted(name)} has a wrong checksum: it was mistyped`);
  nameToken(name);
  return { role, name, nkey };
}

/** One key is one machine, and one name too, whatever its role: both would write into one log. @throws CodedError `usage` */
function requireDistinct(users: readonly NatsUser[]): void {
  const owners = new Map<string, string>();
  for (const { name, nkey } of users) {
    if (owners.has(`name ${name}`)) throw wrong(`${quoted(name)} is named twice`);
    const other = owners.get(nkey);
    if (other !== undefined) throw wrong(`${quoted(other)} and ${quoted(name)} have the same key`);
    owners.set(`name ${name}`, name).set(nkey, name);
  }
}

export const natsAccounts = command({
  path: ["nats", "accounts"],
  about: "Print the part of a NATS server's configuration that knows these machines, and what each of them may do.",
  options: {
    machines: { kind: "words", about: `A machine and its key: ${FORM}` },
    list: { kind: "text", about: "File with more of them, one on each line; # begins a comment", placeholder: "FILE" },
    prefix: { kind: "text", about: "First tokens of all subjects", placeholder: "WORD", default: DEFAULT_PREFIX },
    json: JSON_SWITCH,
  },
  examples: [
    [
      "nats accounts gateway:gw1=UDRU5KSLQ5T5FGFSCOQ2KDHEWMZMW3QDBGBSPFP474PIDI7VC2SQWKIT --list=agents.txt > accounts.conf",
      "Then include it in the configuration of every server, and reload them",
    ],
  ],
  more: "A machine may listen, speak and announce itself under its own name only; a gateway may also make the stream of audits. Nobody else is known to the servers then. The file has no secrets in it.",
  run: async ({ machines, list, prefix }) => {
    const { isPublicNkey } = await import("../../nats/credentials.ts");
    const texts = [...machines, ...(list === undefined ? [] : linesOf(list))];
    if (texts.length === 0) throw wrong("no machine is named");
    // Looks at it.
    new Subjects(prefix);
    const users = texts.map((text) => userOf(text, isPublicNkey));
    requireDistinct(users);
    const accounts = accountsText(users, prefix);
    return { exit: 0, human: accounts, json: { accounts, machines: users.length } };
  },
});
