import { type Static, Type } from "typebox";
import { TARGET_WAYS } from "../names.ts";
import { oneOf, strings } from "./common.ts";

/** What a gateway keeps of the targets that were added or tagged while it ran: targets.json in its state directory. */

export const TargetsFile = Type.Object(
  {
    version: Type.Integer({ minimum: 1, maximum: 1 }),
    targets: Type.Array(
      Type.Object({
        name: Type.String(),
        host: Type.Optional(Type.String({ description: "Missing: it dials in." })),
        port: Type.Integer({ minimum: 1, maximum: 65_535 }),
        shell: Type.String(),
        tags: strings("Words that targets are chosen by."),
        way: Type.Optional(oneOf(TARGET_WAYS)),
        fingerprint: Type.Optional(Type.String()),
      }),
      { maxItems: 10_000, description: "Added while the gateway ran." },
    ),
    tags: Type.Record(
      Type.String(),
      Type.Object({ add: strings("Tags that it has besides."), remove: strings("Tags that it has not.") }),
      { description: "Changes of the tags of enrolled and discovered targets, by name." },
    ),
  },
  { $id: "targets.json", title: "cmd2host targets", description: "targets.json in the state directory of a gateway." },
);

export type TargetsState = Static<typeof TargetsFile>;
