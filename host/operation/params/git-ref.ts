import { gitRef as form } from "../../project/forms/git-ref.ts";
import { formedText } from "./text-kind.ts";

/** The name of a ref, or an object id. */
export const gitRef = formedText(form);
