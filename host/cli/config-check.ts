import { isAbsolute, join } from "node:path";
import { CodedError } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";
import { lintConfig, type FindCommand, type Finding } from "../project/lint.ts";
import { MAX_CONFIG_BYTES, projectFiles } from "../project/pin.ts";
import { readPlainFile } from "../project/plain-file.ts";
import { listProjectIds, requireProjectId } from "../project/project-id.ts";
import { readTrusted } from "../util/read-trusted.ts";
import { command, JSON_SWITCH } from "./command.ts";
import type { Context } from "./context.ts";
import { commandFinder } from "./find-command.ts";
import type { Style } from "./style.ts";

interface Checked {
  /** Null for a file that belongs to no project. */
  readonly id: string | null;
  readonly file: string;
  readonly findings: readonly Finding[];
}

function untrusted(error: CodedError): Finding {
  return { severity: "error", rule: error.code, pointer: "", line: 1, message: error.message, fix: error.hint };
}

function checkProject(id: string, projects: string, findCommand: FindCommand): Checked {
  const file = projectFiles(projects, id).config;
  let bytes: Buffer | undefined;
  try {
    bytes = readTrusted(file, MAX_CONFIG_BYTES)?.bytes;
  } catch (error) {
    if (error instanceof CodedError) return { id, file, findings: [untrusted(error)] };
    throw error;
  }
  if (bytes === undefined)
    throw new CodedError("project_unknown", `project config not found: ${id} (expected at ${printable(file)})`, {
      hint: "See cmd2host projects.",
    });
  return { id, file, findings: lintConfig(id, bytes, file, findCommand) };
}

function checkFile(path: string, context: Context, findCommand: FindCommand): Checked {
  const file = isAbsolute(path) ? path : join(context.cwd, path);
  const bytes = readPlainFile(file, MAX_CONFIG_BYTES);
  if (bytes === undefined)
    throw new CodedError("not_found", `${printable(file)}: there is no such file`, { hint: "Check the path." });
  return { id: null, file, findings: lintConfig("file", bytes, file, findCommand) };
}

function count(findings: readonly Finding[], severity: Finding["severity"]): number {
  return findings.filter((finding) => finding.severity === severity).length;
}

function plural(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

function text({ id, file, findings }: Checked, style: Style): string {
  const name = id ?? printable(file);
  if (findings.length === 0) return `${name}: ${style.good("nothing found")}\n`;
  const heading = `${style.strong(name)}: ${plural(count(findings, "error"), "error")}, ${plural(count(findings, "warning"), "warning")}${id === null ? "" : ` in ${printable(file)}`}\n`;
  const lines = findings.map(({ severity, rule, line, pointer, message, fix }) => {
    const mark = severity === "error" ? style.bad(severity) : style.careful(severity);
    return `  ${mark} line ${line}${pointer === "" ? "" : ` ${printable(pointer)}`}: ${message} ${style.quiet(`[${rule}]`)}\n      ${fix}\n`;
  });
  return heading + lines.join("");
}

export const configCheck = command({
  path: ["config", "check"],
  about: "Look for mistakes and dangers in a configuration, with the line and what to do. Changes nothing.",
  options: {
    id: { kind: "optional_word", about: "The project's id (default: every project)" },
    file: { kind: "text", about: "Check this file instead of a project", placeholder: "FILE" },
    json: JSON_SWITCH,
  },
  examples: [
    ["config check", "Check every project"],
    ["config check --file=policy.json", "Check a file before it becomes a project"],
  ],
  more: "Exits with 1 when there are errors; warnings do not count.",
  run: ({ id, file }, context) => {
    if (id !== undefined && file !== undefined)
      throw new CodedError("usage", "give a project or --file, not both", {
        hint: "See cmd2host config check --help.",
      });
    const findCommand = commandFinder(context.environment);
    const ids = (directory: string): readonly string[] =>
      id === undefined ? listProjectIds(directory) : [requireProjectId(id)];
    let checked: readonly Checked[];
    if (file === undefined) {
      const { projects } = context.base();
      checked = ids(projects).map((one) => checkProject(one, projects, findCommand));
    } else checked = [checkFile(file, context, findCommand)];
    const errors = checked.reduce((sum, { findings }) => sum + count(findings, "error"), 0);
    return {
      exit: errors > 0 ? 1 : 0,
      human:
        checked.length === 0 ? "No projects configured.\n" : checked.map((one) => text(one, context.style)).join(""),
      json: { errors, checked: checked.map((one) => ({ project: one.id, file: one.file, findings: one.findings })) },
    };
  },
});
