import { ownerRepo as form } from "../../project/forms/owner-repo.ts";
import { formedText } from "./text-kind.ts";

/** owner/name of a repository. */
export const ownerRepo = formedText(form);
