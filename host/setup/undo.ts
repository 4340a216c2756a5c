import { applyPatch, reversePatch, structuredPatch } from "diff";
import type { Change, Made } from "./change.ts";
import { JsoncError, JsoncText } from "./jsonc-text.ts";
import type { Form } from "./workspace-files.ts";

/** What taking changes back comes to. */
export interface Undo {
  readonly changes: readonly Change[];
  /** Files that were changed since in the same places. */
  readonly conflicts: readonly string[];
}

/** Comparing takes as long as the square of it, and a container can write both sides. */
const MAX_DIFFERENT = 4_000;

/** A text without a change that was made to it; undefined when others changed it in the same place. */
function without(current: string, before: string, after: string): string | undefined {
  if (current === after) return before;
  const difference = structuredPatch("", "", before, after, "", "", { context: 1, maxEditLength: MAX_DIFFERENT });
  if (difference === undefined) return undefined;
  const patch = reversePatch(difference);
  const text = applyPatch(current, patch, { fuzzFactor: 0, autoConvertLineEndings: false });
  if (text === false) return undefined;
  try {
    return new JsoncText(text).toString();
  } catch (error) {
    if (error instanceof JsoncError) return undefined;
    throw error;
  }
}

/**
 * What has to be changed so that nothing is left of `made`, which is in the order in which it was made.
 * @param read the content of a file now; undefined when it is not there
 */
export function undoOf(made: readonly Made[], read: (path: string, form?: Form) => string | undefined): Undo {
  const forms = new Map<string, Form>();
  const first = new Map<string, string | undefined>();
  const now = new Map<string, string | undefined>();
  const conflicts = new Set<string>();
  for (const { path, before, after, form } of [...made].reverse()) {
    if (!now.has(path)) {
      const text = read(path, form);
      if (form !== undefined) forms.set(path, form);
      first.set(path, text);
      now.set(path, text);
    }
    const current = now.get(path);
    // A file that was removed comes back, unless somebody put another one there.
    if (after === undefined && current === undefined) now.set(path, before);
    if (current === undefined || current === before || after === undefined) continue;
    const text = current === after ? before : form === "base64" ? undefined : without(current, before ?? "", after);
    // A file that was ours alone, and now holds something of somebody else.
    if (text === undefined && !(current === after && before === undefined)) conflicts.add(path);
    else now.set(path, text);
  }
  const changes = [...now]
    .map(([path, after]): Change => {
      const form = forms.get(path);
      return { path, before: first.get(path), after, ...(form === undefined ? {} : { form }) };
    })
    .filter(({ before, after }) => before !== after);
  return { changes, conflicts: [...conflicts] };
}
