import { checkString, type ParamKind } from "./kind.ts";

/** Text that becomes one argument. */
export const string: ParamKind = {
  isPath: false,
  check: (value, rule) => ({ kind: "text", text: checkString(value, rule) }),
};
