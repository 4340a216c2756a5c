import type { ParamType } from "../../../wire/names.ts";
import { array } from "./array.ts";
import { choice } from "./choice.ts";
import { gitBranch } from "./git-branch.ts";
import { gitRef } from "./git-ref.ts";
import { integer } from "./integer.ts";
import type { ParamKind } from "./kind.ts";
import { number } from "./number.ts";
import { ownerRepo } from "./owner-repo.ts";
import { path, paths } from "./path.ts";
import { string } from "./string.ts";
import { url } from "./url.ts";
import { workspacePath } from "./workspace-path.ts";

/** Every type of value. A name added to the schema makes the compiler point here. */
export const PARAM_KINDS: Readonly<Record<ParamType, ParamKind>> = {
  string,
  integer,
  number,
  enum: choice,
  array,
  path,
  paths,
  workspace_path: workspacePath,
  git_ref: gitRef,
  git_branch: gitBranch,
  url,
  owner_repo: ownerRepo,
};
