import { type Static, Type } from "typebox";
import { strings } from "./common.ts";
import { OperationRequestFile } from "./requests.ts";

/** What a project must allow, ask and deny. */

export const CasesFile = Type.Object(
  {
    cases: Type.Array(
      Type.Object({
        name: Type.String({ description: "What it shows, for people." }),
        request: Type.Unsafe<Static<typeof OperationRequestFile>>({
          ...OperationRequestFile,
          description:
            "What is asked for, as on the wire, without a token: operation with params and flags, or raw_argv; target_repo when the project has several repositories.",
        }),
        argv: Type.Optional(strings("It may run, with exactly these arguments, without the program's name.")),
        ask: Type.Optional(Type.Boolean({ description: "A person is asked first. With argv, about these arguments." })),
        denied: Type.Optional(Type.String({ description: "It is denied, with this code." })),
      }),
    ),
  },
  { description: "cases.json in ~/.cmd2host/projects/ID: what the project must allow, ask and deny." },
);

export type PolicyCases = Static<typeof CasesFile>;
