import { NEUTRAL_GIT_CONFIG } from "./neutral-git-config.ts";
import type { Recipe } from "./recipe.ts";

export const aws: Recipe = {
  name: "aws",
  needs: "The home directory, where the credentials and the SSO cache are.",
  passes: ["HOME", "USER"],
  sets: () =>
    new Map([
      ["AWS_PAGER", ""],
      ["AWS_CLI_AUTO_PROMPT", "off"],
    ]),
  gitConfig: () => NEUTRAL_GIT_CONFIG,
};
