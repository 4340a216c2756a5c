import { type Static, Type } from "typebox";
import { FLAG_TYPES, PARAM_TYPES } from "../names.ts";
import { oneOf, strings } from "./common.ts";

/** What parameters and flags accept. */

/** Rules that parameters and flags share. */
const shared = () => ({
  schemes: Type.Optional(strings("url only: the schemes that are accepted. Missing or empty: https.")),
  hosts: Type.Optional(
    strings(
      "url only: the hosts that are accepted, each with :port when that is not the scheme's own. Missing or empty: any host, also one of the host's own network.",
    ),
  ),
});
const leadingDash = () =>
  Type.Optional(
    Type.Boolean({
      description:
        "Accept a value that begins with '-', which most programs take for an option. Default: false. Does nothing for enum, git_ref, git_branch, url and owner_repo.",
    }),
  );

export const ParamSchema = Type.Object(
  {
    type: Type.Optional(
      Type.Union([oneOf(PARAM_TYPES), Type.String()], {
        description:
          "What the value is: string; integer; number; enum; array (one argument per element); path and paths (relative, inside the workspace, checked against path_deny); workspace_path (a file that is copied out of or into the workspace, see direction); git_ref; git_branch; url; owner_repo.",
      }),
    ),
    optional: Type.Optional(Type.Boolean({ description: "May be left out. Default: false, it must be given." })),
    description: Type.Optional(Type.String({ description: "What the parameter is for; shown to the agent." })),
    pattern: Type.Optional(
      Type.String({
        description:
          "RE2 pattern that must be found in the value; anchor it with ^ and $ to match the whole. For array and paths: in every element.",
      }),
    ),
    minLength: Type.Optional(
      Type.Integer({ description: "Least length in bytes; 0 or less is off. For array and paths: of every element." }),
    ),
    maxLength: Type.Optional(
      Type.Integer({
        description: "Greatest length in bytes; 0 or less is off. For array and paths: of every element.",
      }),
    ),
    min: Type.Optional(Type.Number({ description: "Least integer or number." })),
    max: Type.Optional(Type.Number({ description: "Greatest integer or number." })),
    enum: Type.Optional(
      strings("The only values that are accepted; type enum needs it. For array and paths: for every element."),
    ),
    items: Type.Optional(
      Type.Object(
        { type: Type.Optional(Type.String()) },
        { description: 'What the elements of an array are; "string".' },
      ),
    ),
    direction: Type.Optional(
      Type.String({
        description:
          'workspace_path only. "output": the program writes a file, which is moved into the workspace; at most one per operation. "input": the program reads a copy of a file of the workspace; at most 8. Default: output.',
      }),
    ),
    max_bytes: Type.Optional(
      Type.Integer({
        minimum: 1,
        description:
          "workspace_path only: greatest size of the file. Default: 67108864 (64 MiB) for an input, none for an output.",
      }),
    ),
    ...shared(),
    allow_leading_dash: leadingDash(),
  },
  { description: "What a parameter accepts." },
);

export const FlagObject = Type.Object(
  {
    flag: Type.String({ description: "The flag with its dashes, for example --limit." }),
    type: Type.Optional(oneOf(FLAG_TYPES, "What its value is. Default: string.")),
    pattern: Type.Optional(Type.String({ description: "RE2 pattern that must be found in the value." })),
    min: Type.Optional(Type.Number({ description: "Least integer or number." })),
    max: Type.Optional(Type.Number({ description: "Greatest integer or number." })),
    enum: Type.Optional(strings("The only values that are accepted; type enum needs it.")),
    ...shared(),
    allow_leading_dash: leadingDash(),
    repeat: Type.Optional(
      Type.Boolean({ description: "May stand several times, each time with a value that is checked. Default: false." }),
    ),
    description: Type.Optional(Type.String({ description: "What the flag is for; shown to the agent." })),
  },
  { description: "A flag whose value is checked." },
);

export type Param = Static<typeof ParamSchema>;
export type FlagRule = Static<typeof FlagObject>;
