import type { ParamType } from "../../../wire/names.ts";
import { array } from "./array.ts";
import { integer } from "./integer.ts";
import type { ParamKind } from "./kind.ts";
import { path, paths } from "./path.ts";
import { string } from "./string.ts";
import { workspacePath } from "./workspace-path.ts";

/** Every parameter type. A name added to the schema makes the compiler point here. */
export const PARAM_KINDS: Readonly<Record<ParamType, ParamKind>> = {
  string,
  integer,
  array,
  path,
  paths,
  workspace_path: workspacePath,
};
