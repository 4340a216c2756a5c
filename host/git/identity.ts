import { realpathSync } from "node:fs";
import { join } from "node:path";
import { errnoOf } from "../../wire/errors.ts";
import { readBounded, Unfit } from "../util/folder.ts";
import { parseGitConfig, type GitConfigEntry } from "./inspection/config-file.ts";

const MAX_BYTES = 1_048_576;

function identityIn(path: string): readonly GitConfigEntry[] {
  let bytes: Buffer;
  try {
    // Many keep the file elsewhere and a link in its place; both are the owner's.
    bytes = readBounded(realpathSync(path), MAX_BYTES);
  } catch (error) {
    if (error instanceof Unfit || errnoOf(error) !== undefined) return [];
    throw error;
  }
  const parsed = parseGitConfig(bytes);
  const isIdentity = ({ section, subsection, key }: GitConfigEntry): boolean =>
    section === "user" && subsection === undefined && (key === "name" || key === "email");
  return parsed.ok ? parsed.entries.filter(isIdentity) : [];
}

/**
 * Who the owner of the host is to git: `user.name` and `user.email` of the owner's own configuration files. The rest of those files does not hold for
 * commands that run on a workspace: with a filter or an alias of the owner's, the workspace would choose when it runs. Includes are not followed.
 */
export function ownersIdentity(environment: ReadonlyMap<string, string>): readonly GitConfigEntry[] {
  const home = environment.get("HOME") ?? "";
  if (home === "") return [];
  const xdg = environment.get("XDG_CONFIG_HOME") ?? "";
  return [join(xdg === "" ? join(home, ".config") : xdg, "git/config"), join(home, ".gitconfig")].flatMap(identityIn);
}
