import { type Static, Type } from "typebox";
import { trouble } from "./common.ts";

/** For the owner of the host only: where the page is served. */
export const ServedPageFile = Type.Object({
  /** Logs in once. Absent when the page was ended. */
  url: Type.Optional(Type.String()),
  /** A file that leads there, for whoever must not name the address in a command line. */
  file: Type.Optional(Type.String()),
  address: Type.Optional(Type.String()),
  login_seconds: Type.Optional(Type.Integer()),
  /** Whether there was a page to end. */
  stopped: Type.Optional(Type.Boolean()),
});
export const PageReplyFile = Type.Object({
  page: Type.Optional(Type.Union([ServedPageFile, Type.Null()])),
  ...trouble(),
});

export type ServedPage = Static<typeof ServedPageFile>;
export type PageReply = Static<typeof PageReplyFile>;
