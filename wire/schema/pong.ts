import { type Static, Type } from "typebox";
import { trouble } from "./common.ts";

/** Whether a host is there, and what it is. */

export const PingRequestFile = Type.Object({
  protocol: Type.Optional(Type.Integer()),
  ping: Type.Optional(Type.Boolean()),
  token: Type.Optional(Type.String()),
});

export const PongFile = Type.Object({
  hostname: Type.String(),
  /** Of the daemon's process, in seconds. */
  uptime_seconds: Type.Integer({ minimum: 0 }),
  /** The shell that command strings get; empty when there is none that this session may use. */
  shell: Type.String(),
  version: Type.String(),
});

export const PongReplyFile = Type.Object({
  pong: Type.Optional(Type.Union([PongFile, Type.Null()])),
  ...trouble(),
});

export type PingRequestFields = Static<typeof PingRequestFile>;
export type PongFields = Static<typeof PongFile>;
export type PongReply = Static<typeof PongReplyFile>;
