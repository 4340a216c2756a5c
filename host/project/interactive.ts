import { programName } from "./push.ts";

/** Commands that ask somebody at a terminal, or open a browser or an editor. A list like this is never complete; it is for advice in time. */

const SUBCOMMANDS: ReadonlyMap<string, readonly (readonly string[])[]> = new Map([
  [
    "aws",
    [
      ["configure"],
      ["sso", "login"],
      ["ecs", "execute-command"],
      ["ssm", "start-session"],
      ["ec2-instance-connect", "ssh"],
    ],
  ],
  [
    "gh",
    [
      ["auth", "login"],
      ["auth", "refresh"],
      ["browse"],
      ["codespace", "ssh"],
      ["codespace", "code"],
      ["extension", "browse"],
    ],
  ],
]);

const OPTIONS: ReadonlyMap<string, readonly string[]> = new Map([["gh", ["--web", "--editor"]]]);

/**
 * Where a subcommand may begin: behind the options in front, each of which may or may not take the next word for its value. At most one place
 * per word, so the work is linear.
 */
function* beginnings(words: readonly string[]): Generator<number> {
  let [here, next] = [true, false];
  for (let at = 0; at < words.length && (here || next); at++) {
    const word = words[at] ?? "";
    const isOption = word.startsWith("-");
    if (here && !isOption) yield at;
    const follows = here && isOption;
    [here, next] = [next || follows, follows && !word.includes("=")];
  }
}

/** The interactive subcommand that `command words` runs, as it is called; undefined when it runs none that is known. */
export function interactiveSubcommand(command: string, words: readonly string[]): string | undefined {
  const name = programName(command);
  const paths = SUBCOMMANDS.get(name);
  if (paths === undefined) return undefined;
  for (const at of beginnings(words)) {
    const path = paths.find((one) => one.every((word, index) => words[at + index] === word));
    if (path !== undefined) return [name, ...path].join(" ");
  }
  return undefined;
}

/** The option among these words that opens a browser or an editor; undefined when there is none that is known. */
export function interactiveOption(command: string, words: readonly string[]): string | undefined {
  const name = programName(command);
  const option = OPTIONS.get(name)?.find((one) => words.some((word) => word === one || word.startsWith(`${one}=`)));
  return option === undefined ? undefined : `${name} ${option}`;
}
