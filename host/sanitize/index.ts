import type { ProfileName } from "../../wire/names.ts";
import { aws } from "./aws.ts";
import { gh } from "./gh.ts";
import { git, gitRemoteStrict } from "./git.ts";
import { minimal } from "./minimal.ts";
import type { Recipe } from "./recipe.ts";
import { user } from "./user.ts";

/** Every environment recipe. A name added to the schema makes the compiler point here. */
export const RECIPES: Readonly<Record<ProfileName, Recipe>> = {
  minimal,
  user,
  git,
  git_remote_strict: gitRemoteStrict,
  gh,
  aws,
};
