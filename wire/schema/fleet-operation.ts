import { Type } from "typebox";
import { strings } from "./common.ts";

/** Of an operation that runs on a machine of a fleet: the daemon asks its gateway, whose key no caller ever sees. */
export const FleetOperationSchema = Type.Object(
  {
    target: Type.String({
      description: "The machine: a name, or {PARAM} for the value of a parameter.",
    }),
    operation: Type.String({ description: "The operation of that machine's policy." }),
    params: Type.Optional(
      Type.Record(Type.String(), Type.String(), {
        description:
          "Its parameters: texts, in which {PARAM} stands for the value of a parameter; {PARAM} alone is the value as it is, or nothing when it was left out.",
      }),
    ),
    targets: Type.Optional(
      strings("Globs of machines that {PARAM} may name. Missing or empty, with tags missing too: those of its enum."),
    ),
    tags: Type.Optional(
      strings("Machines with one of these tags may be named, too. The gateway says which have them, for each call."),
    ),
  },
  {
    description:
      "Makes the operation one of a machine of a fleet. It has no command of its own; daemon.json's fleet says where the gateway is.",
  },
);

/** Of daemon.json: the gateway that such operations go to. */
export const FleetSchema = Type.Object(
  {
    gateway: Type.String({ description: "Its address: https://HOST:PORT, or http to this machine." }),
    key_file: Type.String({ description: "Absolute path of the file with the daemon's key there." }),
  },
  { description: "The gateway to a fleet, for operations that run on its machines. Missing: they fail." },
);
