import type { RedactConfig } from "../../../wire/schema.ts";
import { quoted, shortened } from "../../../wire/text.ts";
import type { OwnPattern } from "../../redact/line-patterns.ts";
import type { RedactRules } from "../../redact/redact-rules.ts";
import { PATTERN_NAME, RULE_NAMES } from "../../redact/rule-names.ts";
import { compileFinder } from "../../util/pattern.ts";
import type { Complain } from "./complain.ts";

function compilePatterns(
  patterns: NonNullable<RedactConfig["patterns"]>,
  pointer: string,
  complain: Complain,
): readonly OwnPattern[] {
  return patterns.map(({ name, pattern }, index) => {
    const here = `${pointer}/${index}`;
    if (!PATTERN_NAME.test(name) || RULE_NAMES.includes(name))
      complain(
        `${here}/name`,
        `expected small letters, digits and dashes, and no name of a rule, got ${quoted(shortened(name, 60))}`,
      );
    const compiled = compileFinder(pattern);
    if (!compiled.ok)
      return complain(`${here}/pattern`, `invalid pattern ${quoted(shortened(pattern, 120))}: ${compiled.message}`);
    return { name, find: compiled.find };
  });
}

/**
 * What is masked, of what a project or operation says and of what holds around it.
 * @param around the project's rules for an operation's, else the default
 */
export function compileRedact(
  config: RedactConfig | undefined,
  around: RedactRules,
  pointer: string,
  complain: Complain,
): RedactRules {
  if (config === undefined) return around;
  const { enabled = around.enabled, off = [], patterns = [], env = [] } = config;
  off.forEach((name, index) => {
    if (name === "session-token")
      complain(`${pointer}/off/${index}`, "session-token cannot be switched off: who has the token has the session");
  });
  return {
    enabled,
    off: new Set([...around.off, ...off]),
    patterns: [...around.patterns, ...compilePatterns(patterns, `${pointer}/patterns`, complain)],
    env: new Set([...around.env, ...env]),
  };
}
