import { quoted } from "../../../wire/text.ts";
import { placeholdersOf } from "../template.ts";
import type { Operation, TemplateElement } from "../types.ts";
import { flagAccepts, valueAccepts } from "./accepts.ts";
import { dangerOf, subcommandWords, type Danger } from "./dangers.ts";
import { pointerTo, type OperationRule } from "./finding.ts";
import { programName } from "../push.ts";

function templateTexts(operation: Operation): readonly string[] {
  return operation.template.map((element) => element.text);
}

function dangerFor(operation: Operation, word: string): Danger | undefined {
  const option = word.split("=", 1)[0] ?? word;
  return option.startsWith("-")
    ? dangerOf(operation.command, subcommandWords(operation.command, templateTexts(operation)), option)
    : undefined;
}

/** Flags that the caller may add, and should not. */
export const dangerousFlags: OperationRule = (operation, at, report) => {
  [...operation.flags.values()].forEach((spec) => {
    const danger = dangerFor(operation, spec.flag);
    if (danger?.asFlag === undefined) return;
    const probe = danger.probes?.find((value) => flagAccepts(spec, value));
    if (danger.probes !== undefined && probe === undefined) return;
    const index = (operation.source.allowed_flags ?? []).findIndex(
      (entry) => (typeof entry === "string" ? entry : entry.flag) === spec.flag,
    );
    report({
      severity: danger.asFlag,
      rule: "flag_dangerous",
      pointer: at + pointerTo("allowed_flags", index),
      message: `${quoted(spec.flag)} ${danger.why}${probe === undefined ? "" : `; ${quoted(probe)} is accepted`}`,
      fix:
        danger.probes === undefined
          ? "Remove it from allowed_flags."
          : "Give it a pattern that refuses that, or remove it from allowed_flags.",
    });
  });
};

/** Parameters (not injected values, not env) that an element holds. */
function callerNames(operation: Operation, element: TemplateElement | undefined): readonly string[] {
  return element === undefined ? [] : placeholdersOf(element).filter((name) => operation.params.has(name));
}

/** The parameters that make up the value of the option at `index`: behind `=`, or the next argument. */
function valueNames(operation: Operation, index: number): readonly string[] {
  const element = operation.template[index];
  const own = callerNames(operation, element);
  return element?.text.includes("=") === true || own.length > 0
    ? own
    : callerNames(operation, operation.template[index + 1]);
}

/** Options that the template fixes, or whose value the caller fills in, and that should not be there. */
export const dangerousTemplate: OperationRule = (operation, at, report) => {
  operation.template.forEach((element, index) => {
    const danger = dangerFor(operation, element.text);
    if (danger === undefined) return;
    const names = valueNames(operation, index);
    const severity = names.length > 0 ? danger.withParam : danger.asLiteral;
    if (severity === undefined) return;
    const probe = danger.probes?.find((value) => names.some((name) => acceptsParam(operation, name, value)));
    if (danger.probes !== undefined && probe === undefined) return;
    report({
      severity,
      rule: "template_dangerous",
      pointer: at + pointerTo("args_template", index),
      message: `${quoted(element.text)} ${danger.why}${names.length > 0 ? `, and the caller fills in ${names.join(", ")}` : ""}`,
      fix:
        names.length > 0
          ? "Fix the value in the template, or leave the option out."
          : "Leave the option out if it is not needed.",
    });
  });
};

function acceptsParam(operation: Operation, name: string, value: string): boolean {
  const rule = operation.params.get(name);
  return rule !== undefined && valueAccepts(rule, value);
}

/** Transports of git that run a program. */
export const gitTransports: OperationRule = (operation, at, report) => {
  if (programName(operation.command) !== "git") return;
  operation.template.forEach((element, index) => {
    if (!/^(?:ext|fd)::/.test(element.text)) return;
    report({
      severity: "error",
      rule: "template_dangerous",
      pointer: at + pointerTo("args_template", index),
      message: `${quoted(element.text)} is a transport that runs a program`,
      fix: "Use {expected_git_url}.",
    });
  });
};

const PATH_PROBES = ["../x", "..%2fx", "%2e%2e/x", "a\\b", "https://example.invalid/x"];

/** The path of `gh api`: a value that climbs out of it, or is a whole address, reaches another call or another host. */
export const ghApiPath: OperationRule = (operation, at, report) => {
  if (programName(operation.command) !== "gh" || operation.template[0]?.text !== "api") return;
  operation.template.forEach((element, index) => {
    const previous = operation.template[index - 1];
    const isValue = previous?.kind === "literal" && /^-[A-Za-z-]+$/.test(previous.text);
    if (index === 0 || isValue || element.text.startsWith("-")) return;
    for (const name of callerNames(operation, element)) {
      const probe = PATH_PROBES.find((value) => acceptsParam(operation, name, value));
      if (probe === undefined) continue;
      report({
        severity: "error",
        rule: "api_path",
        pointer: at + pointerTo("args_template", index),
        message: `{${name}} stands in the path of gh api and accepts ${quoted(probe)}`,
        fix: "Give it a pattern such as ^[A-Za-z0-9_][A-Za-z0-9_-]*$.",
      });
    }
  });
};
