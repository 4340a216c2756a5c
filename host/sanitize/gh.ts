import { NEUTRAL_GIT_CONFIG } from "./neutral-git-config.ts";
import type { Recipe } from "./recipe.ts";

export const gh: Recipe = {
  name: "gh",
  needs: "The home directory, where the login is kept, and on some systems the session bus of the key ring.",
  passes: ["HOME", "USER", "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR"],
  sets: ({ repo, gitHost }) =>
    new Map([
      ["GH_PROMPT_DISABLED", "1"],
      ["NO_COLOR", "1"],
      ["GH_REPO", gitHost === "github.com" ? repo : `${gitHost}/${repo}`],
      ["GH_NO_UPDATE_NOTIFIER", "1"],
      ["GH_PAGER", "cat"],
      // gh runs git in the workspace on its own; that git gets the same protection.
      ["GIT_TERMINAL_PROMPT", "0"],
    ]),
  gitConfig: () => NEUTRAL_GIT_CONFIG,
};
