import type { RedactConfig } from "../../../wire/schema.ts";
import { quoted } from "../../../wire/text.ts";
import { RULE_NAMES } from "../../redact/rule-names.ts";
import { pointerTo, type OperationRule, type Report, type Rule } from "./finding.ts";

function check(redact: RedactConfig | undefined, at: string, report: Report): void {
  if (redact?.enabled === false) {
    report({
      severity: "warning",
      rule: "redact_disabled",
      pointer: `${at}/enabled`,
      message: "output leaves with every secret that is in it",
      fix: "Switch off by name, in off, what has to be seen.",
    });
  }
  (redact?.off ?? []).forEach((name, index) => {
    const isKnown = RULE_NAMES.includes(name);
    report({
      severity: "warning",
      rule: isKnown ? "redact_off" : "redact_unknown",
      pointer: `${at}/off/${index}`,
      message: isKnown ? `secrets of ${name} leave unmasked` : `${quoted(name)} is no rule, so nothing is switched off`,
      fix: isKnown ? "Remove it, unless the agent has to see them." : "docs/redaction.md lists the rules.",
    });
  });
}

/** Masks that the project switches off. */
export const projectRedaction: Rule = ({ loaded }, report) => {
  check(loaded.config.redact, pointerTo("redact"), report);
};

/** Masks that one operation switches off. */
export const operationRedaction: OperationRule = ({ source }, at, report) => {
  check(source.redact, `${at}/redact`, report);
};
