import { oneText } from "./text-kind.ts";

/** Text that becomes one argument. */
export const string = oneText(false);
