import type { Form } from "../../project/forms/form.ts";
import { ANY_TEXT, ValueError, checkString, checkStrings, shown, type ParamKind } from "./kind.ts";

/** A kind whose values are one text and one argument. */
export function oneText(isPath: boolean): ParamKind {
  return {
    isPath,
    capture: ANY_TEXT,
    read: (word) => word,
    check: (value, rule) => ({ kind: "text", text: checkString(value, rule) }),
  };
}

/** A kind whose values are several texts, each of which becomes one argument. */
export function severalTexts(isPath: boolean): ParamKind {
  return {
    isPath,
    capture: ANY_TEXT,
    check: (value, rule) => ({ kind: "list", items: checkStrings(value, rule) }),
  };
}

/** A kind whose values are one text of a form that is fixed by the type. A word of another form is not one. */
export function formedText(form: Form): ParamKind {
  return {
    isPath: false,
    capture: ANY_TEXT,
    read: (word, rule) => (form(word, rule.schema) === undefined ? word : undefined),
    check(value, rule) {
      const text = checkString(value, rule);
      const problem = form(text, rule.schema);
      if (problem !== undefined) throw new ValueError(`${shown(text)} is no ${rule.type ?? "value"}: ${problem}`);
      return { kind: "text", text };
    },
  };
}
