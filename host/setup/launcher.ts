import { chmodSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { attempt, CodedError } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";
import { readTrusted } from "../util/read-trusted.ts";
import { makePrivateDirectory, writeAtomic } from "../util/write-atomic.ts";

const MARK = "# Written by cmd2host setup: how a container's start finds the installed program.";
const MAX_BYTES = 65_536;

function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function launcherText(program: readonly string[]): string {
  return `#!/bin/sh\n${MARK}\nexec ${program.map(shellQuoted).join(" ")} "$@"\n`;
}

/** What stands at the launcher's place: ours, nothing, or a program of somebody else, which may be large. */
function standing(path: string): "ours" | "nothing" | "other" {
  return attempt(
    () => {
      const file = readTrusted(path, MAX_BYTES);
      if (file === undefined) return "nothing";
      return file.bytes.includes(MARK) ? "ours" : "other";
    },
    () => "other",
  );
}

/**
 * Puts a small program at `path` that starts the installed one, unless a program is there already.
 * @param workspace a program in it could be changed by the container, and is refused
 * @throws CodedError `command_untrusted`, `file_failed`
 */
export function writeLauncher(path: string, program: readonly string[], workspace: string): void {
  const inside = program.find((word) => word.startsWith(`${workspace}/`));
  if (inside !== undefined)
    throw new CodedError(
      "command_untrusted",
      `${printable(inside)} lies inside the workspace, which the container can write`,
      {
        hint: "Install cmd2host outside of it (npm install --global cmd2host), and use that one.",
      },
    );
  if (standing(path) === "other") return;
  makePrivateDirectory(dirname(path));
  writeAtomic(path, launcherText(program));
  chmodSync(path, 0o700);
}

/** Removes it, if it is ours. */
export function removeLauncher(path: string): void {
  if (standing(path) === "ours") rmSync(path);
}
