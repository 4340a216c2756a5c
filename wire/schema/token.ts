import { type Static, Type } from "typebox";

/** What a token file holds. Written by `cmd2host token mint`; the original's files have only the first three. */
export const TokenFile = Type.Object({
  project_id: Type.Optional(Type.String()),
  repo: Type.Optional(Type.String()),
  profile: Type.Optional(Type.String()),
  created_at: Type.Optional(Type.String()),
  expires_at: Type.Optional(Type.String()),
  label: Type.Optional(Type.String()),
});

export type TokenBinding = Static<typeof TokenFile>;
