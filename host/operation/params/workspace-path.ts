import { checkString, type ParamKind } from "./kind.ts";

/** A file inside the workspace that the program writes: it is given a staged file, which is moved into place when the program succeeds. */
export const workspacePath: ParamKind = {
  isPath: false,
  check: (value, rule) => ({ kind: "text", text: checkString(value, rule) }),
};
