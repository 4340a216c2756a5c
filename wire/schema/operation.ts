import { type Static, Type } from "typebox";
import { OUTPUT_ENDS, OUTPUT_FORMS, PROFILES, RUN_PLACES, STDIN_MODES } from "../names.ts";
import { oneOf, strings } from "./common.ts";
import { FleetOperationSchema } from "./fleet-operation.ts";
import { LimitsSchema } from "./limits.ts";
import { machineMembers } from "./machine.ts";
import { ApprovalSchema } from "./operation-approval.ts";
import { FlagObject, ParamSchema } from "./params-and-flags.ts";
import { RedactSchema } from "./redact.ts";

/** Of a project: one operation, what its output leaves out, and what clients may show of it. */

export const FilterSchema = Type.Object(
  {
    strip_ansi: Type.Optional(
      Type.Boolean({ description: "Leave out terminal escapes (colours, cursor movements). Default: false." }),
    ),
    collapse_progress: Type.Optional(
      Type.Boolean({
        description:
          "Of a line that was overwritten by carriage returns, as progress bars do, keep the last state only; of several equal lines in a row, keep one and say how many there were. Default: false.",
      }),
    ),
    max_lines: Type.Optional(
      Type.Object(
        {
          head: Type.Optional(Type.Integer({ minimum: 0, description: "Lines that are kept at the beginning." })),
          tail: Type.Optional(Type.Integer({ minimum: 0, description: "Lines that are kept at the end." })),
        },
        { description: "Keep some lines at the beginning and some at the end. Both missing or 0: all." },
      ),
    ),
    json_fields: Type.Optional(
      strings(
        'Needs output "json": keep these members only, as paths with dots (a.b); of an array, of each of its elements. Missing or empty: all.',
      ),
    ),
  },
  { description: "What a model need not see of standard output." },
);

export const AnnotationsSchema = Type.Object(
  {
    read_only: Type.Optional(Type.Boolean({ description: "It changes nothing anywhere. Default: false." })),
    destructive: Type.Optional(
      Type.Boolean({
        description: "It may delete or overwrite. Default: true, unless it is read_only.",
      }),
    ),
    idempotent: Type.Optional(
      Type.Boolean({
        description: "Doing it twice is the same as doing it once. Default: false, unless it is read_only.",
      }),
    ),
    open_world: Type.Optional(
      Type.Boolean({
        description: "It speaks with something outside the host, or returns what third parties wrote. Default: true.",
      }),
    ),
  },
  { description: "What a client may show to its user. Hints: they allow nothing and forbid nothing." },
);

export const OperationSchema = Type.Object(
  {
    command: Type.Optional(
      Type.String({ description: "The program: an absolute path, or a name found on the daemon's PATH." }),
    ),
    args_template: Type.Optional(
      strings(
        "The arguments, one element each. {name} stands for a parameter, an env entry, or {repo}, {repo_path}, {expected_git_url}; a whole element {name} may become several arguments or none.",
      ),
    ),
    params: Type.Optional(Type.Record(Type.String(), ParamSchema, { description: "Parameters by name." })),
    allowed_flags: Type.Optional(
      Type.Array(Type.Union([Type.String(), FlagObject]), {
        description:
          "Flags that the agent may add, as text or as an object with rules for the value. Missing or empty: none.",
      }),
    ),
    bool_flags: Type.Optional(strings("Those of allowed_flags that take no value.")),
    multi_value_flags: Type.Optional(strings("Those of allowed_flags that take several values: --flag a b c.")),
    description: Type.Optional(Type.String({ description: "What the operation does; shown to the agent." })),
    profile: Type.Optional(
      oneOf(PROFILES, "The environment recipe. Default: chosen by the program's name (git, gh, aws), else minimal."),
    ),
    timeout: Type.Optional(
      Type.Integer({
        minimum: 1,
        description: "Seconds until the program is ended; at most daemon.json's max_timeout.",
      }),
    ),
    max_stdout_bytes: Type.Optional(
      Type.Integer({
        minimum: 1,
        description:
          "Bytes of standard output that leave the host, whatever the client; at most daemon.json's max_output_bytes. Missing: clients that stream get all, the others daemon.json's max_stdout_bytes.",
      }),
    ),
    max_stderr_bytes: Type.Optional(
      Type.Integer({
        minimum: 1,
        description: "The same for standard error.",
      }),
    ),
    stdin: Type.Optional(
      oneOf(
        STDIN_MODES,
        "Whether the caller may, or must, send standard input. Default: none. Programs only, not git; only clients that stream can send it.",
      ),
    ),
    max_stdin_bytes: Type.Optional(
      Type.Integer({
        minimum: 1,
        description:
          "Bytes of standard input that are taken; with more the program is ended. Default and upper bound: daemon.json's max_stdin_bytes.",
      }),
    ),
    output: Type.Optional(
      oneOf(OUTPUT_FORMS, 'What standard output is. "json": typed tools give it to the agent as data. Default: text.'),
    ),
    filter: Type.Optional(FilterSchema),
    rtk: Type.Optional(
      Type.Boolean({
        description:
          "When the host has the program rtk, which shortens the output of many programs, run the command through it. Default: false.",
      }),
    ),
    redact: Type.Optional(RedactSchema),
    title: Type.Optional(Type.String({ description: "A short name for people; clients show it." })),
    annotations: Type.Optional(AnnotationsSchema),
    on_disconnect: Type.Optional(
      oneOf(["cancel", "finish"], "What happens when the client goes away while it runs. Default: cancel."),
    ),
    approval: Type.Optional(ApprovalSchema),
    limits: Type.Optional(LimitsSchema),
    run_in: Type.Optional(
      oneOf(
        RUN_PLACES,
        "Where the program runs: in the target's checkout, or in an empty directory of the daemon's own. Default: aws and gh in an empty directory, other programs in the checkout. gh never runs in the checkout, and git, which always runs in directories of the daemon's own, does not take run_in.",
      ),
    ),
    keep: Type.Optional(
      oneOf(
        OUTPUT_ENDS,
        "Which end of a stream leaves the host when it is longer than max_stdout_bytes or max_stderr_bytes. The tail is known, and sent, only at the end. Default: head.",
      ),
    ),
    ...machineMembers(),
    fleet: Type.Optional(FleetOperationSchema),
  },
  { description: "One operation: a program, its argument template, and what the agent may fill in." },
);

export type OperationTemplate = Static<typeof OperationSchema>;
