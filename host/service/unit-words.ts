import { CodedError } from "../../wire/errors.ts";
import { quoted } from "../../wire/text.ts";

/** Words of systemd's unit files: written so that they mean nothing but themselves, and read back. */

const CONTROLS = /[\u0000-\u001f\u007f]/;

/** A word of a unit file: quoted, and without meaning for systemd. @throws CodedError `usage` */
export function unitWord(text: string): string {
  if (CONTROLS.test(text))
    throw new CodedError("usage", `${quoted(text)} holds a control character, which a unit file cannot hold`);
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("%", "%%")}"`;
}

/** Of the program itself no variables are replaced, and systemd runs none whose path holds quotation marks. */
function executable(path: string): string {
  if (/["'\\]/.test(path))
    throw new CodedError(
      "usage",
      `${quoted(path)} holds a quotation mark or a backslash: systemd does not run such a program`,
      {
        hint: "Install cmd2host somewhere else.",
      },
    );
  return unitWord(path);
}

/** A command line, the program's absolute path first. @throws CodedError `usage` */
export function unitCommand([file = "", ...args]: readonly string[]): string {
  // In a command line, a dollar begins a variable.
  return [executable(file), ...args.map((text) => unitWord(text.replaceAll("$", "$$$$")))].join(" ");
}

/** The words of a line of a unit file that we wrote. */
function words(line: string): readonly string[] {
  return [...line.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(([, inner, bare = ""]) =>
    (inner ?? bare).replace(/\\(.)/g, "$1").replaceAll("%%", "%"),
  );
}

function values(text: string, name: string): readonly string[] {
  return text.split("\n").flatMap((line) => (line.startsWith(`${name}=`) ? [line.slice(name.length + 1)] : []));
}

/** The command line that a unit file starts; of one that is not ours, as much as is written in the same way. */
export function readCommand(text: string): readonly string[] {
  return words(values(text, "ExecStart").at(-1) ?? "").map((part, index) =>
    index === 0 ? part : part.replaceAll("$$", "$"),
  );
}

/** The variables that a unit file sets. */
export function readVariables(text: string): ReadonlyMap<string, string> {
  const pairs = values(text, "Environment")
    .flatMap(words)
    .flatMap((pair): readonly [string, string][] => {
      const at = pair.indexOf("=");
      return at < 1 ? [] : [[pair.slice(0, at), pair.slice(at + 1)]];
    });
  return new Map(pairs);
}
