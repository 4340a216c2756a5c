import { isOperationId } from "../../../wire/parse-request.ts";
import { printable, quoted } from "../../../wire/text.ts";
import { pointerTo, type OperationRule, type Report, type Rule } from "./finding.ts";

function repeated(list: readonly string[]): readonly number[] {
  return list.flatMap((item, index) => (list.indexOf(item) === index ? [] : [index]));
}

/** allowed_operations: empty, with duplicates, or with ids that no request can carry. */
export const allowedOperations: Rule = ({ loaded }, report) => {
  const allowed = loaded.config.allowed_operations ?? [];
  if (allowed.length === 0) {
    report({
      severity: "warning",
      rule: "nothing_allowed",
      pointer: "/allowed_operations",
      message: "no operation is allowed",
      fix: "List the operations that may run.",
    });
  }
  for (const index of repeated(allowed)) {
    report({
      severity: "warning",
      rule: "allowed_twice",
      pointer: pointerTo("allowed_operations", index),
      message: `${quoted(allowed[index] ?? "")} is listed twice`,
      fix: "Remove one of them.",
    });
  }
};

export const operationId: OperationRule = ({ id }, at, report) => {
  if (isOperationId(id)) return;
  report({
    severity: "error",
    rule: "operation_id",
    pointer: at,
    message: `no request can name ${quoted(id)}`,
    fix: "An id is a small letter and at most 63 of a-z, 0-9 and _.",
  });
};

const FLAG = /^--?[A-Za-z0-9][A-Za-z0-9._-]*$/;

function subset(
  name: string,
  flags: readonly string[] | undefined,
  allowed: readonly string[],
  at: string,
  report: Report,
): void {
  (flags ?? []).forEach((flag, index) => {
    if (allowed.includes(flag)) return;
    report({
      severity: "warning",
      rule: "flag_not_listed",
      pointer: at + pointerTo(name, index),
      message: `${quoted(flag)} is in ${name}, but not in allowed_flags, so it is not allowed`,
      fix: "Add it to allowed_flags, or remove it here.",
    });
  });
}

/** The three lists of flags: forms that no caller can use, duplicates, and entries that say nothing. */
export const flagLists: OperationRule = ({ source }, at, report) => {
  const allowed = (source.allowed_flags ?? []).map((entry) => (typeof entry === "string" ? entry : entry.flag));
  const flagAt = (index: number): string => at + pointerTo("allowed_flags", index);
  allowed.forEach((flag, index) => {
    if (FLAG.test(flag)) return;
    report({
      severity: "error",
      rule: "flag_form",
      pointer: flagAt(index),
      message: `${quoted(flag)} is no flag`,
      fix: "Write it as --name or -n, without a value.",
    });
  });
  for (const index of repeated(allowed)) {
    report({
      severity: "warning",
      rule: "flag_twice",
      pointer: flagAt(index),
      message: `${quoted(allowed[index] ?? "")} is listed twice`,
      fix: "Remove one of them.",
    });
  }
  subset("bool_flags", source.bool_flags, allowed, at, report);
  subset("multi_value_flags", source.multi_value_flags, allowed, at, report);
  (source.multi_value_flags ?? []).forEach((flag, index) => {
    if (source.bool_flags?.includes(flag) !== true) return;
    report({
      severity: "warning",
      rule: "flag_both",
      pointer: at + pointerTo("multi_value_flags", index),
      message: `${quoted(flag)} is also in bool_flags, which wins: it takes no value`,
      fix: "Remove it from one of the lists.",
    });
  });
};

/** path_deny: globs that deny everything by being malformed, or less than they look like. */
export const globs: Rule = ({ loaded }, report) => {
  loaded.project.pathDeny.forEach(({ source, compiled }, index) => {
    const pointer = pointerTo("constraints", "path_deny", index);
    if (!compiled.ok) {
      report({
        severity: "error",
        rule: "glob_malformed",
        pointer,
        message: `${quoted(source)} is no glob (${printable(compiled.message)}); every path is denied`,
        fix: "Correct it; \\ takes the next character as it is.",
      });
    } else if (source.startsWith("/")) {
      report({
        severity: "warning",
        rule: "glob_absolute",
        pointer,
        message: `${quoted(source)} matches nothing: paths are relative to the repository`,
        fix: "Remove the leading /.",
      });
    } else if (!source.includes("/")) {
      report({
        severity: "warning",
        rule: "glob_root_only",
        pointer,
        message: `${quoted(source)} matches in the repository's root only`,
        fix: `Add ${printable(`**/${source}`)} if it is meant at every depth.`,
      });
    }
  });
};

const BARE_HOST = /^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/;

/** True for a host name without scheme, user, port or path. */
export function isBareHost(text: string): boolean {
  return BARE_HOST.test(text);
}

export const hosts: Rule = ({ loaded }, report) => {
  (loaded.config.constraints?.remote_hosts_allow ?? []).forEach((host, index) => {
    if (isBareHost(host)) return;
    report({
      severity: "error",
      rule: "host_form",
      pointer: pointerTo("constraints", "remote_hosts_allow", index),
      message: `${quoted(host)} is not a bare host name`,
      fix: "Write letters, digits, dots and hyphens only: no scheme, user, port or path.",
    });
  });
};
