import { resolve } from "node:path";
import { CodedError } from "../../wire/errors.ts";
import { quoted, shortened } from "../../wire/text.ts";
import type { Operation } from "../project/types.ts";
import { isWithin } from "../util/within.ts";
import type { Values } from "./values.ts";

/**
 * Holds the path of a transfer against the directories that its operation names, as it is written: a path elsewhere is denied, and starts nothing. Where
 * links lead is looked at by the program that reads or writes, on the way.
 * @throws CodedError `file_denied`
 */
export function checkTransferPath({ id, machine }: Operation, values: Values): void {
  const rules = machine?.transfer;
  const path = values.get("path");
  if (rules === undefined || path?.kind !== "text") return;
  const clean = resolve(path.text);
  if (rules.roots.some((root) => isWithin(clean, root))) return;
  throw new CodedError(
    "file_denied",
    `${quoted(shortened(path.text, 400))} is below none of the directories that operation ${quoted(id)} may use`,
  );
}
