import { gitBranch as form } from "../../project/forms/git-branch.ts";
import { formedText } from "./text-kind.ts";

/** The short name of a branch. */
export const gitBranch = formedText(form);
