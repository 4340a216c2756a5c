import { delimiter, isAbsolute, resolve } from "node:path";
import type { ProfileName } from "../../wire/names.ts";
import { realOrSame } from "../util/real-path.ts";
import { RECIPES } from "./index.ts";
import { BASE_PASSES, type Situation } from "./recipe.ts";

/** `key=value` pairs as git reads them from GIT_CONFIG_PARAMETERS. */
export function gitConfigParameters(config: ReadonlyMap<string, string>): string {
  return [...config].map(([key, value]) => `'${`${key}=${value}`.replaceAll("'", "'\\''")}'`).join(" ");
}

/**
 * The daemon's PATH without entries that are relative, empty, or lead into a workspace. Reads the disk, to follow links.
 * @param workspaces real paths
 */
export function cleanPath(path: string, workspaces: readonly string[]): string {
  const inside = (entry: string): boolean =>
    workspaces.some((workspace) => entry === workspace || entry.startsWith(`${workspace}/`));
  return path
    .split(delimiter)
    .filter((entry) => isAbsolute(entry) && !inside(resolve(entry)) && !inside(realOrSame(entry)))
    .join(delimiter);
}

/**
 * The environment of one program, made from nothing: the base, the project's `env`, the recipe's own variables, git configuration. Later wins.
 * @param path cleaned PATH of the daemon
 */
export function buildEnvironment(
  profile: ProfileName,
  situation: Situation,
  projectEnv: ReadonlyMap<string, string>,
  path: string,
): ReadonlyMap<string, string> {
  const recipe = RECIPES[profile];
  const passed = [...BASE_PASSES, ...recipe.passes].flatMap((name): [string, string][] => {
    const value = situation.host.get(name) ?? "";
    return value === "" ? [] : [[name, value]];
  });
  return new Map([
    ["PATH", path],
    ...passed,
    ...projectEnv,
    ...recipe.sets(situation),
    ["GIT_CONFIG_PARAMETERS", gitConfigParameters(recipe.gitConfig(situation))],
  ]);
}
