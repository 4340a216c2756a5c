import type { Recipe } from "./recipe.ts";

export const minimal: Recipe = {
  name: "minimal",
  needs: "Nothing of the user: no home directory, no agent, no credentials.",
  passes: [],
  sets: () => new Map(),
};
