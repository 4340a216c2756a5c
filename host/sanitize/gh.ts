import { NEUTRAL_GIT_CONFIG } from "./neutral-git-config.ts";
import type { Recipe } from "./recipe.ts";

/** Where gh keeps its login, said outright: gh looks in several places. */
function configDirectory(host: ReadonlyMap<string, string>): readonly (readonly [string, string])[] {
  const set = (name: string): string | undefined => (host.get(name) === "" ? undefined : host.get(name));
  const [own, xdg, home] = [set("GH_CONFIG_DIR"), set("XDG_CONFIG_HOME"), set("HOME")];
  const directory = own ?? (xdg !== undefined ? `${xdg}/gh` : home !== undefined ? `${home}/.config/gh` : undefined);
  return directory === undefined ? [] : [["GH_CONFIG_DIR", directory]];
}

export const gh: Recipe = {
  name: "gh",
  needs: "The home directory, where the login is kept, and on some systems the session bus of the key ring.",
  passes: ["HOME", "USER", "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR"],
  sets: ({ repo, gitHost, host }) =>
    new Map([
      ...configDirectory(host),
      ["GH_HOST", gitHost],
      ["GH_PROMPT_DISABLED", "1"],
      ["NO_COLOR", "1"],
      ["GH_REPO", gitHost === "github.com" ? repo : `${gitHost}/${repo}`],
      ["GH_NO_UPDATE_NOTIFIER", "1"],
      ["GH_PAGER", "cat"],
      // gh runs git on its own, in its empty directory.
      ["GIT_TERMINAL_PROMPT", "0"],
    ]),
  gitConfig: () => NEUTRAL_GIT_CONFIG,
};
