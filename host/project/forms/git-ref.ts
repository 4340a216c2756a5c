import { INVISIBLE, type Form } from "./form.ts";

/** Each with what it is; the first that is found is named. Source: git-check-ref-format(1), with `--allow-onelevel`. */
const REFUSED: readonly (readonly [RegExp, string])[] = [
  [/^$/, "it is empty"],
  // A program that shortens refs/heads/-x would have an option in its hands.
  [/^(?:refs\/(?:heads|tags)\/)?-/, "it begins with '-'"],
  // In a refspec it would force the push.
  [/^\+/, "it begins with '+'"],
  [/[~^:?*[\\]/, "it has one of ~ ^ : ? * [ \\"],
  [/\.\./, "it has .."],
  [/@\{/, "it has @{"],
  [/^@$/, "@ alone means HEAD"],
  [/^\/|\/$|\/\//, "it has an empty part"],
  [/(?:^|\/)\./, "a part begins with ."],
  [/\.lock(?:\/|$)/, "a part ends with .lock"],
  [/\.$/, "it ends with ."],
];

/** A full or short name of a ref, or a whole object id: whatever git takes for the name of a ref, but nothing that it would calculate with, or read as an option or a refspec. */
export const gitRef: Form = (text) =>
  INVISIBLE.test(text) ? "it has a space or control character" : REFUSED.find(([pattern]) => pattern.test(text))?.[1];
