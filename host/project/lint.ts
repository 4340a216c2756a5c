import { CodedError } from "../../wire/errors.ts";
import { compileProject, type LoadedProject } from "./compile.ts";
import { approvals } from "./lint/approval.ts";
import { dangerousFlags, dangerousTemplate, ghApiPath, gitTransports } from "./lint/arguments.ts";
import { commandDanger, commandFile, profile } from "./lint/commands.ts";
import { forEachOperation, lineOf, type Finding, type FindCommand, type Rule } from "./lint/finding.ts";
import { hints } from "./lint/hints.ts";
import { interactive } from "./lint/interactive.ts";
import { standardInput } from "./lint/input.ts";
import { allowedOperations, flagLists, globs, hosts, operationId } from "./lint/lists.ts";
import { machineOperation } from "./lint/machines.ts";
import { unknownMembers } from "./lint/members.ts";
import { filters, jsonOutput } from "./lint/output.ts";
import { params } from "./lint/params.ts";
import { branchPatterns, unanchoredPatterns } from "./lint/patterns.ts";
import { workspaceConfig } from "./lint/places.ts";
import { closedFlags, openOptions } from "./lint/positions.ts";
import { gitRemotes, gitUrl, pushNeedsBranches } from "./lint/pushes.ts";
import { operationRedaction, projectRedaction } from "./lint/redaction.ts";
import { environment, gitConfig, repositories } from "./lint/surroundings.ts";
import { values } from "./lint/values.ts";

export type { Finding, FindCommand } from "./lint/finding.ts";
export { isBareHost } from "./lint/lists.ts";

const RULES: readonly Rule[] = [
  repositories,
  allowedOperations,
  hosts,
  globs,
  branchPatterns,
  environment,
  projectRedaction,
  gitConfig,
  forEachOperation([
    operationId,
    commandFile,
    commandDanger,
    profile,
    machineOperation,
    workspaceConfig,
    params,
    values,
    openOptions,
    closedFlags,
    unanchoredPatterns,
    flagLists,
    dangerousFlags,
    dangerousTemplate,
    gitTransports,
    ghApiPath,
    pushNeedsBranches,
    gitRemotes,
    gitUrl,
    standardInput,
    jsonOutput,
    filters,
    operationRedaction,
    hints,
    approvals,
    interactive,
  ]),
  unknownMembers,
];

/** What is to be said about a project that loads: errors first, then in the order of the file. */
export function lintProject(loaded: LoadedProject, bytes: Buffer, findCommand: FindCommand): readonly Finding[] {
  const findings: Finding[] = [];
  for (const rule of RULES) {
    rule({ loaded, findCommand }, (draft) => findings.push({ ...draft, line: lineOf(bytes, draft.pointer) }));
  }
  const inOrder = findings.sort((a, b) => a.line - b.line);
  return [
    ...inOrder.filter((finding) => finding.severity === "error"),
    ...inOrder.filter((finding) => finding.severity === "warning"),
  ];
}

function loadFinding(error: CodedError, file: string): Finding {
  const text = error.message.replace(/^invalid project config: /, "");
  const place = text.startsWith(`${file}:`) ? /^:(\d+):\d+: (?:at (\/.*?): )?/s.exec(text.slice(file.length)) : null;
  return {
    severity: "error",
    rule: error.code,
    pointer: place?.[2] ?? "",
    line: Number(place?.[1] ?? "1"),
    message: place === null ? text : text.slice(file.length + place[0].length),
    fix: "Correct it; nothing runs for this project until it loads.",
  };
}

/** What is to be said about the bytes of a configuration, also when they do not load. `file` is only named in messages. */
export function lintConfig(id: string, bytes: Buffer, file: string, findCommand: FindCommand): readonly Finding[] {
  try {
    return lintProject(compileProject(id, bytes, file), bytes, findCommand);
  } catch (error) {
    if (error instanceof CodedError && error.code === "config_invalid") return [loadFinding(error, file)];
    throw error;
  }
}
