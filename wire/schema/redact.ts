import { type Static, Type } from "typebox";
import { strings } from "./common.ts";

/** Of a project, and of an operation: how secrets in the output are masked. */

export const RedactSchema = Type.Object(
  {
    enabled: Type.Optional(
      Type.Boolean({
        description:
          "False: the output leaves as it is. What the daemon itself says is masked all the same. Default: true.",
      }),
    ),
    off: Type.Optional(strings("Rules that are switched off, by name. Missing or empty: none.")),
    patterns: Type.Optional(
      Type.Array(
        Type.Object({
          name: Type.String({ description: "Stands in the mask: small letters, digits and dashes." }),
          pattern: Type.String({ description: "RE2 pattern; what it matches in a line is masked." }),
        }),
        { description: "More that is masked. Output then leaves line by line." },
      ),
    ),
    env: Type.Optional(
      strings(
        "Variables of the daemon, or of env, whose values are secrets, whatever they are called. 4 bytes or more.",
      ),
    ),
  },
  {
    description:
      "How secrets in the output are masked. Of the project and of the operation together: lists are joined, and the operation's enabled wins.",
  },
);

export type RedactConfig = Static<typeof RedactSchema>;
