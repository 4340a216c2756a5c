import { oneText, severalTexts } from "./text-kind.ts";

/** One path inside the workspace, relative to it. */
export const path = oneText(true);

/** Several paths inside the workspace, each of which becomes one argument. */
export const paths = severalTexts(true);
