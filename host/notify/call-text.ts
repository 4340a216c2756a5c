import type { Pending } from "../approval/approvals.ts";
import { quoted, shortened } from "../../wire/text.ts";

/** Longest text of one argument, and most arguments, that a message carries. */
const MAX_ARGUMENT_BYTES = 4_096;
const MAX_ARGUMENTS = 256;

/** What a message carries of a call's arguments: never cut in silence. */
export interface CarriedArguments {
  readonly argv: readonly string[];
  /** True when this is not all. */
  readonly truncated: boolean;
}

/** The arguments as a message carries them. */
export function carriedArguments({ card }: Pending): CarriedArguments {
  const { argv } = card.plan;
  const carried = argv.slice(0, MAX_ARGUMENTS).map((text) => shortened(text, MAX_ARGUMENT_BYTES));
  const missing = argv.length - carried.length;
  return {
    argv: missing === 0 ? carried : [...carried, `… (${missing} more arguments)`],
    truncated: missing > 0 || carried.some((text, index) => text !== argv[index]),
  };
}

/** Longest command in one text, in bytes. */
const MAX_COMMAND_BYTES = 2_000;

/** The command in one line, with its controls escaped. */
export function commandText(pending: Pending): string {
  const { argv } = carriedArguments(pending);
  const words = argv.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : quoted(word)));
  return shortened(words.join(" "), MAX_COMMAND_BYTES);
}
