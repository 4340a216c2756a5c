import { printable } from "../../wire/text.ts";
import type { LoadedProject } from "../project/compile.ts";
import { machineDetails, machineLines } from "../project/machine-words.ts";
import { projectFiles, readPin } from "../project/pin.ts";
import { requireProjectId } from "../project/project-id.ts";
import { redactWords } from "../project/redact-words.ts";
import type { Operation } from "../project/types.ts";
import {
  commandLine,
  flagWords,
  paramWords,
  placeWords,
  profileWords,
  streamDetails,
  timeoutWords,
  word,
  limitWords,
} from "../project/words.ts";
import { approvalFor } from "../project/approval.ts";
import { command, JSON_SWITCH } from "./command.ts";
import { loadForReview, unsafeEnvironment } from "./review.ts";
import type { Style } from "./style.ts";

function operationText(operation: Operation, style: Style): string {
  const params = [...operation.params.values()].flatMap((rule) => [
    `    ${word(rule.name)}: ${paramWords(rule.schema)}`,
    ...(rule.schema.description === undefined ? [] : [`        ${printable(rule.schema.description)}`]),
  ]);
  const flags = [...operation.flags.values()].map((spec) => `    ${flagWords(spec)}`);
  return [
    `${style.strong(word(operation.id))}${operation.description === "" ? "" : `  ${printable(operation.description)}`}`,
    `  runs: ${commandLine(operation)}`,
    ...(params.length === 0 ? ["  params: none"] : ["  params:", ...params]),
    ...(flags.length === 0 ? ["  flags: none"] : ["  flags:", ...flags]),
    ...(operation.runIn === undefined ? [] : [`  runs in: ${placeWords(operation.runIn)}`]),
    ...[...machineDetails(operation), ...streamDetails(operation)].map((detail) => `  ${detail}`),
    `  ${operation.machine === undefined ? `profile: ${profileWords(operation)}; ` : ""}timeout: ${timeoutWords(operation)}; when the client goes away: ${operation.onDisconnect}`,
    "",
  ].join("\n");
}

function listText(title: string, items: readonly string[], none: string): string {
  return `${title}: ${items.length === 0 ? none : items.map(word).join(", ")}`;
}

function surroundingsText({ config, project }: LoadedProject): string {
  const { constraints = {} } = config;
  return [
    ...project.repos.map((repo) => `Repository: ${repo.name} on ${word(repo.host)} at ${word(repo.path)}`),
    ...(project.machine === undefined ? [] : machineLines(project.machine)),
    ...(project.machine === undefined
      ? [listText("Pushes to branches that match as a whole", constraints.branch_allow ?? [], "none")]
      : []),
    listText("Paths that are denied, besides .git", constraints.path_deny ?? [], "none"),
    listText("Environment set for every program", [...project.env.keys()], "none"),
    listText("Of these, able to redirect programs (env_unsafe)", config.env_unsafe ?? [], "none"),
    ...(project.machine === undefined ? [listText("Git configuration", [...project.gitConfig.keys()], "none")] : []),
    ...(project.sessionLimits === undefined ? [] : [`A session may run ${limitWords(project.sessionLimits)}`]),
    ...(config.redact === undefined ? [] : [`Redaction: ${redactWords(config.redact)}`]),
    "",
  ].join("\n");
}

function operationJson(operation: Operation, allowed: boolean): unknown {
  const { source } = operation;
  return {
    id: operation.id,
    allowed,
    description: operation.description,
    command: operation.command,
    args_template: source.args_template ?? [],
    params: source.params ?? {},
    flags: [...operation.flags.values()].map(({ flag, takes, rule }) => ({ ...rule, flag, takes })),
    profile: operation.profile ?? null,
    run_in: operation.runIn ?? null,
    timeout: operation.timeoutSeconds ?? null,
    on_disconnect: operation.onDisconnect,
    stdin: operation.stdin,
    max_stdin_bytes: operation.maxStdinBytes ?? null,
    output: operation.output,
    filter: source.filter ?? null,
    rtk: operation.rtk,
    ...(operation.machine === undefined
      ? {}
      : {
          shell: operation.machine.shell ?? null,
          transfer: source.transfer ?? null,
          run_as: operation.machine.runAs ?? null,
          env_allow: operation.machine.env === "any" ? null : (source.env_allow ?? []),
        }),
    redact: source.redact ?? null,
    title: operation.title,
    annotations: source.annotations ?? null,
    approval: source.approval ?? null,
    limits: source.limits ?? null,
  };
}

export const configShow = command({
  path: ["config", "show"],
  about:
    "Say in words what an agent may do in a project: every operation with its template, parameters, flags and limits.",
  options: { id: { kind: "word", about: "The project's id" }, json: JSON_SWITCH },
  examples: [["config show OWNER_NAME", "Read the whole policy"]],
  run: ({ id }, context) => {
    const files = projectFiles(context.base().projects, requireProjectId(id));
    const loaded = loadForReview(files, id);
    const { project, config } = loaded;
    const approval = approvalFor(loaded.bytes, readPin(files));
    const { style } = context;
    const state = {
      allowed: style.good("approved"),
      modified: style.careful("NOT approved: changed since the approval"),
      not_allowed: style.careful("NOT approved"),
    };
    const allowed = project.allowed.flatMap((name) => project.operations.get(name) ?? []);
    const others = [...project.operations.values()].filter((operation) => !project.allowed.includes(operation.id));
    const human = [
      `Project ${id}: ${state[approval]}`,
      surroundingsText(loaded),
      `An agent may run (${allowed.length}):\n`,
      ...allowed.map((operation) => operationText(operation, style)),
      ...(others.length === 0
        ? []
        : [
            listText(
              "Defined, but not allowed",
              others.map((operation) => operation.id),
              "none",
            ),
            "",
          ]),
    ].join("\n");
    return {
      exit: 0,
      human,
      json: {
        project: id,
        config: files.config,
        hash: project.configHash,
        approval,
        repos: project.repos,
        constraints: config.constraints ?? {},
        env: [...project.env.keys()],
        env_unsafe: unsafeEnvironment(loaded),
        git_config: [...project.gitConfig.keys()],
        redact: config.redact ?? null,
        operations: [
          ...allowed.map((operation) => operationJson(operation, true)),
          ...others.map((operation) => operationJson(operation, false)),
        ],
      },
    };
  },
});
