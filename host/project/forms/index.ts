import type { ParamType } from "../../../wire/names.ts";
import type { Form } from "./form.ts";
import { gitBranch } from "./git-branch.ts";
import { gitRef } from "./git-ref.ts";
import { ownerRepo } from "./owner-repo.ts";
import { url } from "./url.ts";

/** Value types that have a grammar of their own; none of them has a value that begins with a dash. */
export const FORMS: ReadonlyMap<ParamType, Form> = new Map([
  ["git_ref", gitRef],
  ["git_branch", gitBranch],
  ["url", url],
  ["owner_repo", ownerRepo],
]);
