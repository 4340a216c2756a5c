import type { OwnPattern } from "./line-patterns.ts";

/** What a project, or an operation, says about masking. */
export interface RedactRules {
  readonly enabled: boolean;
  /** Rules that are switched off. */
  readonly off: ReadonlySet<string>;
  readonly patterns: readonly OwnPattern[];
  /** Variables whose values count as secrets whatever they look like. */
  readonly env: ReadonlySet<string>;
}

/** Nothing is switched off, and nothing is added. */
export const DEFAULT_RULES: RedactRules = { enabled: true, off: new Set(), patterns: [], env: new Set() };
