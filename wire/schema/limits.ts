import { type Static, Type } from "typebox";

/** Of a project, and of an operation: how often something may run. */

export const LimitsSchema = Type.Object(
  {
    rate: Type.Optional(
      Type.Object(
        {
          runs: Type.Integer({ minimum: 1, maximum: 10_000 }),
          per_seconds: Type.Integer({ minimum: 1, maximum: 86_400 }),
        },
        { additionalProperties: false, description: "So many runs within any such time." },
      ),
    ),
    concurrent: Type.Optional(Type.Integer({ minimum: 1, description: "Runs at the same time." })),
    per_day: Type.Optional(Type.Integer({ minimum: 1, description: "Runs a day (UTC)." })),
  },
  { additionalProperties: false, description: "How often something may run. Missing: as often as it likes." },
);

export type LimitFields = Static<typeof LimitsSchema>;
