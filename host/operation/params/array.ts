import { severalTexts } from "./text-kind.ts";

/** Several texts, each of which becomes one argument. */
export const array = severalTexts(false);
