import { shortened } from "../../wire/text.ts";
import { nearest } from "./nearest.ts";

/** Most names that a list in a sentence has. */
const MAX_LISTED = 20;
/** Longest such list, in bytes. */
const MAX_LIST_BYTES = 600;

/** Names in a sentence; the first ones when there are many. */
export function listed(names: readonly string[]): string {
  const all = names.slice(0, MAX_LISTED).join(", ");
  return shortened(all, MAX_LIST_BYTES) + (names.length > MAX_LISTED ? ", …" : "");
}

/** Shorter words are close to everything. */
const LEAST_LENGTH = 3;

/** A question that stands in front of a sentence, when one of the names is close to what was given; else nothing. */
export function didYouMean(given: string, names: readonly string[]): string {
  const meant = given.length < LEAST_LENGTH ? undefined : nearest(given, names);
  return meant === undefined || meant === given ? "" : `Did you mean ${meant}? `;
}
