import { join, resolve } from "node:path";
import { printable } from "../../wire/text.ts";
import { readPlainFile } from "../project/plain-file.ts";
import { parseSubmodules } from "../project/submodules.ts";
import { command, JSON_SWITCH } from "./command.ts";

const MAX_GITMODULES = 1_048_576;

/** A path as it can be pasted into a shell: the file that it comes from may say anything. */
function shellWord(text: string): string {
  return /^[A-Za-z0-9._/-]+$/.test(text) ? text : `'${printable(text).replaceAll("'", "'\\''")}'`;
}

export const suggestSubmodules = command({
  path: ["suggest-submodules"],
  about: "Suggest --repo and --repo-path for the git submodules of a checkout.",
  options: {
    "repo-root": { kind: "text", about: "Root of the checkout (default: the current directory)", placeholder: "PATH" },
    json: JSON_SWITCH,
  },
  examples: [["suggest-submodules --repo-root=../app", "Read ../app/.gitmodules"]],
  run: (values, context) => {
    const root = resolve(context.cwd, values["repo-root"] ?? ".");
    const bytes = readPlainFile(join(root, ".gitmodules"), MAX_GITMODULES, "no_follow");
    const { found, unsafePaths } = parseSubmodules(bytes?.toString("utf8") ?? "");
    const lines = found.map(({ repo, path }) => `  --repo=${repo} --repo-path=${shellWord(path)}\n`);
    const note =
      "Paths are relative to the checkout. Add the lines to cmd2host config init, behind the main repository's.\n";
    return {
      exit: 0,
      human:
        found.length === 0
          ? `No submodules found in ${printable(root)}.\n`
          : `Submodules that can be added:\n${lines.join("")}\n${note}`,
      json: { root, submodules: found },
      stderr: unsafePaths
        .map((path) => `warning: left out a submodule whose path leaves the checkout: ${printable(path)}\n`)
        .join(""),
    };
  },
});
