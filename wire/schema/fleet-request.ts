import { type Static, Type } from "typebox";
import { oneOf } from "./common.ts";

/** What an administrator of a gateway sends: to add a target, to change its tags, to enrol a machine. Which members count depends on the route. */
export const FleetRequestFile = Type.Object({
  name: Type.Optional(Type.String({ maxLength: 128 })),
  host: Type.Optional(Type.String({ maxLength: 253 })),
  port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_535 })),
  shell: Type.Optional(Type.String({ maxLength: 64 })),
  tags: Type.Optional(Type.Array(Type.String({ maxLength: 64 }), { maxItems: 64 })),
  way: Type.Optional(oneOf(["link", "capnp"])),
  add_tags: Type.Optional(Type.Array(Type.String({ maxLength: 64 }), { maxItems: 64 })),
  remove_tags: Type.Optional(Type.Array(Type.String({ maxLength: 64 }), { maxItems: 64 })),
  code: Type.Optional(Type.String({ maxLength: 4_096 })),
  addresses: Type.Optional(Type.Array(Type.String({ maxLength: 255 }), { maxItems: 8 })),
  minutes: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_440 })),
});

export type FleetRequestFields = Static<typeof FleetRequestFile>;
