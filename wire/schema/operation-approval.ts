import { type Static, Type } from "typebox";
import { ALLOWANCES } from "../names.ts";
import { oneOf, strings } from "./common.ts";

/** Of a project: when a person is asked before an operation runs. */

/** What must hold of a call for a person to be asked: a flag is there, or a parameter is; with a pattern, its value besides. */
const ApprovalCondition = Type.Object(
  {
    flag: Type.Optional(Type.String({ description: "One of allowed_flags." })),
    param: Type.Optional(Type.String({ description: "One of params." })),
    pattern: Type.Optional(
      Type.String({ description: "RE2; holds when it is found in the value. Missing: any value will do." }),
    ),
    unless: Type.Optional(
      Type.String({ description: "RE2; holds when it does not match the whole of the value, or there is none." }),
    ),
  },
  { additionalProperties: false },
);

export const ApprovalSchema = Type.Union(
  [
    Type.Object(
      {
        when: Type.Optional(
          Type.Array(ApprovalCondition, {
            description: "A person is asked when one of these holds. With neither when nor after: always.",
          }),
        ),
        after: Type.Optional(
          Type.Object(
            {
              runs: Type.Integer({ minimum: 1, maximum: 1_000 }),
              per_seconds: Type.Integer({ minimum: 1, maximum: 604_800 }),
            },
            {
              additionalProperties: false,
              description: "A person is asked when the operation has run so often within that time, whoever asked.",
            },
          ),
        ),
        timeout: Type.Optional(
          Type.Integer({
            minimum: 1,
            maximum: 86_400,
            description: "Seconds until no answer is a denial. Default: daemon.json's approvals.timeout.",
          }),
        ),
        via: Type.Optional(
          strings(
            "Who is told: desktop, or names of daemon.json's approvals.webhooks. Missing: all of them. The terminal and the page always can answer.",
          ),
        ),
        answers: Type.Optional(
          Type.Array(oneOf(ALLOWANCES), {
            description: "What may be allowed, besides denying. Missing: once, call and operation.",
          }),
        ),
        says: Type.Optional(
          Type.String({
            description: "What the call would do, for the person who is asked; {name} stands for a parameter's value.",
          }),
        ),
      },
      { additionalProperties: false },
    ),
    oneOf(["ask"]),
  ],
  { description: "Whether a person is asked before it runs. Missing: nobody is." },
);

export type ApprovalFields = Static<typeof ApprovalSchema>;
