import { NEUTRAL_GIT_CONFIG } from "./neutral-git-config.ts";
import type { Recipe } from "./recipe.ts";

export const user: Recipe = {
  name: "user",
  needs: "The home directory, for programs that keep their configuration or credentials there (docker, kubectl, …).",
  passes: ["HOME", "USER", "LOGNAME", "XDG_RUNTIME_DIR"],
  sets: () => new Map(),
  gitConfig: () => NEUTRAL_GIT_CONFIG,
};
