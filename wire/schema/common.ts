import { Type } from "typebox";

/** What several schemas are made of. Not for anything outside: wire/schema.ts does not hand it on. */

export const strings = (description: string) => Type.Array(Type.String(), { description });
export const oneOf = <const T extends readonly string[]>(values: T, description?: string) =>
  Type.Unsafe<T[number]>({ enum: [...values], ...(description === undefined ? {} : { description }) });

/** Longest wait that a request may ask for, in seconds. */
export const waitSeconds = () => Type.Optional(Type.Integer({ minimum: 0, maximum: 300 }));

export const trouble = () => ({
  error: Type.Optional(Type.String()),
  code: Type.Optional(Type.String()),
  hint: Type.Optional(Type.String()),
});
