import { existsSync } from "node:fs";
import { attempt, CodedError } from "../../wire/errors.ts";
import { readJsonFile } from "../../wire/parse.ts";
import type { DaemonConfig, ProjectConfig } from "../../wire/schema.ts";
import { printable } from "../../wire/text.ts";
import { agentSettings, MACHINE_PROJECT } from "../agent/settings.ts";
import { canonicalText } from "../project/canonical.ts";
import { casesText } from "../project/cases.ts";
import { compileProject } from "../project/compile.ts";
import { parseTemplate } from "../project/init.ts";
import { projectFiles } from "../project/pin.ts";
import { requireProjectId } from "../project/project-id.ts";
import { readTemplate } from "../project/templates.ts";
import type { Project } from "../project/types.ts";
import { findAccount } from "../util/account.ts";
import { withLock } from "../util/lock.ts";
import { readTrusted } from "../util/read-trusted.ts";
import { makePrivateDirectory, writeAtomic } from "../util/write-atomic.ts";
import { firstCases } from "./cases.ts";
import { command, JSON_SWITCH } from "./command.ts";
import type { Context } from "./context.ts";
import { commandFinder } from "./find-command.ts";
import { approve } from "./review.ts";
import { templatesFor } from "./template-words.ts";

const MAX_DAEMON_FILE = 262_144;

type AgentMembers = NonNullable<DaemonConfig["agent"]>;

/** @throws CodedError `usage` */
function listenMembers(listen: string | undefined, dialOnly: boolean): AgentMembers {
  if (dialOnly && listen !== undefined)
    throw new CodedError("usage", "--listen and --dial-only: an agent that only dials out listens nowhere");
  if (dialOnly) return { listen: false };
  if (listen === undefined) return {};
  const [, bracketed, plain, port = ""] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(listen) ?? [];
  const address = bracketed ?? plain;
  if (address === undefined) throw new CodedError("usage", `--listen ${printable(listen)} is not ADDRESS:PORT`);
  return { listen_address: address, listen_port: Number(port) };
}

/** What the daemon would not take. @throws CodedError `usage` */
function checkMembers(members: AgentMembers): void {
  agentSettings(members, (pointer, message) => {
    throw new CodedError("usage", `${pointer.replace("/agent/", "")}: ${message}`);
  });
}

/** daemon.json with `agent` in it; undefined when it has one already. @throws CodedError `daemon_config_invalid` */
function withAgent(file: string, agent: AgentMembers): string | undefined {
  const bytes = readTrusted(file, MAX_DAEMON_FILE)?.bytes ?? Buffer.from("{}");
  const read = readJsonFile("daemon_config", bytes, file);
  if (!read.ok) throw new CodedError("daemon_config_invalid", `Daemon config error: ${read.fault.message}`);
  if (read.value.agent !== undefined) return undefined;
  return `${JSON.stringify({ ...(read.raw as object), agent }, null, 2)}\n`;
}

/** A template with the user that programs run as. @throws CodedError `usage`, `not_found` */
function policyOf(template: string, runAs: string | undefined, context: Context): ProjectConfig {
  const written = parseTemplate(readTemplate(context.templates, template), template);
  if (written.machine === undefined)
    throw new CodedError("usage", `template ${printable(template)} is for repositories, not for a machine`, {
      hint: `Use ${templatesFor("machines", context.templates).join(", ")}; for a repository: cmd2host config init`,
    });
  return { ...written, machine: { ...written.machine, ...(runAs === undefined ? {} : { run_as: runAs }) } };
}

/** What of the policy will not work on this machine. */
function warningsOf({ operations, allowed, machine }: Project, context: Context): readonly string[] {
  const find = commandFinder(context.environment);
  const commands = allowed.flatMap((id) => {
    const operation = operations.get(id);
    return operation === undefined || operation.machine?.transfer !== undefined ? [] : [operation.command];
  });
  const missing = [...new Set(commands)].filter((name) =>
    attempt(
      () => find(name, [], { path: undefined }) === "",
      () => true,
    ),
  );
  const user = machine?.runAs;
  return [
    ...missing.map((name) => `there is no ${name} on this machine; its operations fail until there is`),
    ...(user === undefined || findAccount(user) !== undefined
      ? []
      : [`there is no user ${user} on this machine; nothing runs until there is`]),
  ];
}

export const agentInit = command({
  path: ["agent", "init"],
  about: "Make this machine an agent: write its policy from a template, and what daemon.json needs.",
  options: {
    template: {
      kind: "text",
      about: "fleet_readonly, fleet_ops or fleet_shell; see cmd2host templates",
      placeholder: "NAME",
      default: "fleet_readonly",
    },
    project: { kind: "text", about: "Id of the policy", placeholder: "ID", default: "machine" },
    "run-as": { kind: "text", about: "User that programs run as (default: the agent's own)", placeholder: "USER" },
    name: { kind: "text", about: "What the machine calls itself (default: its host name)", placeholder: "NAME" },
    tag: { kind: "texts", about: "Tags that a gateway is told", placeholder: "TAG" },
    listen: { kind: "text", about: "ADDRESS:PORT where gateways come (default: 0.0.0.0:9876)", placeholder: "PLACE" },
    "dial-only": { kind: "switch", about: "Let nobody connect: the agent only dials out" },
    "allow-root": { kind: "switch", about: "Let the agent run as root" },
    allow: { kind: "switch", about: "Approve the policy at once" },
    force: { kind: "switch", about: "Replace a policy that is there" },
    json: JSON_SWITCH,
  },
  examples: [
    ["agent init", "Let gateways look at this machine"],
    ["agent init --template=fleet_ops --allow-root", "Let them also restart services, which root may do"],
  ],
  run: async (values, context) => {
    const { template, project, tag: tags, allow, force, listen, name } = values;
    const base = context.base();
    const id = requireProjectId(project);
    const config = policyOf(template, values["run-as"], context);
    const bytes = Buffer.from(canonicalText(config), "utf8");
    const files = projectFiles(base.projects, id);
    const loaded = compileProject(id, bytes, files.config);
    const members: AgentMembers = {
      ...(name === undefined ? {} : { name }),
      ...(tags.length === 0 ? {} : { tags: [...tags] }),
      ...listenMembers(listen, values["dial-only"]),
      ...(values["allow-root"] ? { allow_root: true } : {}),
    };
    checkMembers(members);
    const daemonText = withAgent(base.daemonFile, members);
    const cases = firstCases(context.templates, template, loaded);
    makePrivateDirectory(base.root);
    makePrivateDirectory(files.directory);
    await withLock(files.directory, () => {
      if (!force && existsSync(files.config))
        throw new CodedError("already_exists", `${printable(files.config)} already exists`, {
          hint: "Replace it with --force, or name another policy with --project.",
        });
      writeAtomic(files.config, bytes);
      if (cases.length > 0 && !existsSync(files.cases)) writeAtomic(files.cases, casesText(cases));
    });
    if (daemonText !== undefined) writeAtomic(base.daemonFile, daemonText);
    const approved = allow ? await approve(id, context) : undefined;
    const warnings = [
      ...warningsOf(loaded.project, context),
      ...(daemonText === undefined ? [`${printable(base.daemonFile)} has "agent" already; it was not changed`] : []),
    ];
    const option = id === MACHINE_PROJECT ? "" : ` --project=${id}`;
    const steps = [
      ...(allow ? [] : [`Read and approve it:   cmd2host config show ${id} && cmd2host config allow ${id}`]),
      "Start it:              cmd2host agent",
      `Make a code for it:    cmd2host agent enroll${option}`,
    ];
    return {
      exit: 0,
      human: `Created policy: ${printable(files.config)}\n${
        cases.length === 0 ? "" : `Cases: ${printable(files.cases)} (cmd2host config test ${id})\n`
      }${daemonText === undefined ? "" : `Agent: ${printable(base.daemonFile)}\n`}${
        approved === undefined ? `Not allowed yet: cmd2host config allow ${id}\n` : `${approved.text}Policy allowed.\n`
      }\nNext:\n${steps.map((step, index) => `  ${index + 1}. ${step}\n`).join("")}`,
      json: { project: id, config: files.config, cases: cases.length, allowed: allow, hash: loaded.project.configHash },
      stderr: (approved?.stderr ?? "") + warnings.map((warning) => `warning: ${warning}\n`).join(""),
    };
  },
});
