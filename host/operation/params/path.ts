import { checkString, checkStrings, type ParamKind } from "./kind.ts";

/** One path inside the workspace, relative to it. */
export const path: ParamKind = {
  isPath: true,
  check: (value, rule) => ({ kind: "text", text: checkString(value, rule) }),
};

/** Several paths inside the workspace, each of which becomes one argument. */
export const paths: ParamKind = {
  isPath: true,
  check: (value, rule) => ({ kind: "list", items: checkStrings(value, rule) }),
};
