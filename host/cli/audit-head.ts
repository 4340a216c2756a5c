import { CodedError } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";
import { linkText } from "../audit/chain.ts";
import { readHead } from "../audit/head.ts";
import { auditPlaces } from "./audit-places.ts";
import { command, JSON_SWITCH } from "./command.ts";

export const auditHead = command({
  path: ["audit", "head"],
  about: "Print where the audit stands, to be written down elsewhere and held against it later.",
  options: { json: JSON_SWITCH },
  examples: [["audit head", "SEQ:HASH, for cmd2host audit verify --head"]],
  run: async (_, context) => {
    const { headFile } = await auditPlaces(context);
    const { head, isForged } = readHead(headFile);
    if (head === undefined)
      throw isForged
        ? new CodedError("audit_unreadable", `${printable(headFile)} holds no signed head`, {
            hint: "See cmd2host audit verify.",
          })
        : new CodedError("not_found", `${printable(headFile)} is not there`, {
            hint: "It is made when the daemon starts: cmd2host serve.",
          });
    return {
      exit: 0,
      human: `${printable(linkText(head))}\n`,
      json: { ...head, text: linkText(head) },
      stderr: `Signed at ${printable(head.time)} by key ${printable(head.key)}.\n`,
    };
  },
});
