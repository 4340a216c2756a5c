import type { Param } from "../../../wire/schema.ts";

/**
 * The grammar of one value type: why a text is not of that form, as it continues "… is no TYPE: ", or undefined. Pure; of the schema only the members
 * that belong to the type are looked at.
 */
export type Form = (text: string, schema: Param) => string | undefined;

/** White space of any script, controls, and marks that turn the direction of text. */
export const INVISIBLE = /[\p{Cc}\p{Z}\p{Bidi_Control}]/u;
