import { checkStrings, type ParamKind } from "./kind.ts";

/** Several texts, each of which becomes one argument. */
export const array: ParamKind = {
  isPath: false,
  check: (value, rule) => ({ kind: "list", items: checkStrings(value, rule) }),
};
