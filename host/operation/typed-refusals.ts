import { CodedError } from "../../wire/errors.ts";
import { quoted, shortened } from "../../wire/text.ts";
import { interactiveSubcommand } from "../project/interactive.ts";
import { readsHostFile } from "./file-url.ts";

/** What no project can allow a typed command line: the original's stand-in refused it before it asked. */

export function interactiveRefusal(what: string): CodedError {
  return new CodedError(
    "interactive_command",
    `cmd2host: ${what} requires interactive TTY; nobody sits there on the host`,
  );
}

/**
 * Refuses values that stand for a file of the host, and commands that need a terminal, whatever operations there are.
 * @throws CodedError `file_url_refused`, `interactive_command`
 */
export function refuseTyped([command = "", ...words]: readonly string[]): void {
  const file = words.find(readsHostFile);
  if (file !== undefined)
    throw new CodedError(
      "file_url_refused",
      `cmd2host: rejects file:// and fileb:// values: ${quoted(shortened(file, 60))} would read a file of the host`,
    );
  const interactive = interactiveSubcommand(command, words);
  if (interactive !== undefined) throw interactiveRefusal(interactive);
}
