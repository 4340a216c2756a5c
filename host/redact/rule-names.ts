import { KNOWN_KINDS } from "./known-secret.ts";
import { RULES } from "./rules.ts";

/** Every rule that can be switched off, by name. */
export const RULE_NAMES: readonly string[] = [...KNOWN_KINDS, ...RULES.map(({ id }) => id)];

/** What a pattern of the owner's may be called. */
export const PATTERN_NAME = /^[a-z0-9][a-z0-9-]{0,63}$/;
