import { NEUTRAL_GIT_CONFIG } from "./neutral-git-config.ts";
import type { Recipe } from "./recipe.ts";

export const minimal: Recipe = {
  name: "minimal",
  needs: "Nothing of the user: no home directory, no agent, no credentials.",
  passes: [],
  sets: () => new Map(),
  gitConfig: () => NEUTRAL_GIT_CONFIG,
};
