import { url as form } from "../../project/forms/url.ts";
import { formedText } from "./text-kind.ts";

/** An absolute URL in its normal form. */
export const url = formedText(form);
