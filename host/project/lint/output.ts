import { quoted } from "../../../wire/text.ts";
import { programName } from "../push.ts";
import type { Operation } from "../types.ts";
import { pointerTo, type OperationRule } from "./finding.ts";

const ALWAYS_JSON = new Set(["jq"]);
/** Options that make something else of JSON. */
const RESHAPES = new Set(["--jq", "-q", "--template", "-t", "--output", "-o", "--format", "--query", "--web", "-w"]);

function saysJson(operation: Operation): boolean {
  const words = operation.template.map(({ text }) => text);
  const name = programName(operation.command);
  return ALWAYS_JSON.has(name) || (name === "gh" && words[0] === "api") || words.some((word) => /json/i.test(word));
}

/** Output that is said to be JSON, and is not bound to be. */
export const jsonOutput: OperationRule = (operation, at, report) => {
  if (operation.output !== "json") return;
  if (!saysJson(operation)) {
    report({
      severity: "warning",
      rule: "json_not_forced",
      pointer: `${at}/output`,
      message: "nothing in args_template makes the program print JSON",
      fix: "Add the program's option for it, such as --json or --output json, or remove output.",
    });
  }
  (operation.source.allowed_flags ?? []).forEach((entry, index) => {
    const flag = typeof entry === "string" ? entry : entry.flag;
    if (!RESHAPES.has(flag)) return;
    report({
      severity: "warning",
      rule: "json_reshaped",
      pointer: at + pointerTo("allowed_flags", index),
      message: `with ${quoted(flag)} the output may be no JSON`,
      fix: "Remove it from allowed_flags, or remove output.",
    });
  });
};

/** Filters that do nothing, or do it where nothing can be had back. */
export const filters: OperationRule = ({ output, rtk, source }, at, report) => {
  for (const member of ["strip_ansi", "collapse_progress", "max_lines"] as const) {
    const given = source.filter?.[member];
    if (output !== "json" || given === undefined || given === false) continue;
    report({
      severity: "warning",
      rule: "filter_idle",
      pointer: `${at}/filter/${member}`,
      message: `${member} does nothing: JSON is not filtered as text`,
      fix: "Remove it, or use json_fields.",
    });
  }
  if (!rtk) return;
  report({
    severity: "warning",
    rule: "rtk_shortens",
    pointer: `${at}/rtk`,
    message: "rtk shortens the output before anything is kept, so that what it leaves out cannot be read later",
    fix: "Use filter where the whole output may be needed.",
  });
};
