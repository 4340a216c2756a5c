import { existsSync } from "node:fs";
import { CodedError } from "../../wire/errors.ts";
import { readJsonFile } from "../../wire/parse.ts";
import type { DaemonConfig, ProjectConfig } from "../../wire/schema.ts";
import { printable } from "../../wire/text.ts";
import { canonicalText } from "../project/canonical.ts";
import { compileProject } from "../project/compile.ts";
import { casesText, parseCases } from "../project/cases.ts";
import { parseTemplate } from "../project/init.ts";
import { projectFiles } from "../project/pin.ts";
import { requireProjectId } from "../project/project-id.ts";
import { readTemplate, readTemplateCases } from "../project/templates.ts";
import { withLock } from "../util/lock.ts";
import { readTrusted } from "../util/read-trusted.ts";
import { makePrivateDirectory, writeAtomic } from "../util/write-atomic.ts";
import { command, JSON_SWITCH } from "./command.ts";
import { approve } from "./review.ts";

const MAX_DAEMON_FILE = 262_144;

/** daemon.json with `agent` in it; what is there stays. @throws CodedError `daemon_config_invalid` */
function withAgent(file: string, wanted: NonNullable<DaemonConfig["agent"]>): string | undefined {
  const bytes = readTrusted(file, MAX_DAEMON_FILE)?.bytes ?? Buffer.from("{}");
  const read = readJsonFile("daemon_config", bytes, file);
  if (!read.ok) throw new CodedError("daemon_config_invalid", `Daemon config error: ${read.fault.message}`);
  if (read.value.agent !== undefined) return undefined;
  return `${JSON.stringify({ ...(read.raw as object), agent: wanted }, null, 2)}\n`;
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
    ["agent init --template=fleet_ops --run-as=deploy --allow-root", "Let them also restart services, as deploy"],
  ],
  run: async (values, context) => {
    const { template, project, tag: tags, allow, force, listen } = values;
    const base = context.base();
    const id = requireProjectId(project);
    const written = parseTemplate(readTemplate(context.templates, template), template);
    if (written.machine === undefined)
      throw new CodedError("usage", `template ${printable(template)} is for repositories, not for a machine`, {
        hint: "Use fleet_readonly, fleet_ops or fleet_shell.",
      });
    const runAs = values["run-as"];
    const machine = { ...written.machine, ...(runAs === undefined ? {} : { run_as: runAs }) };
    const config: ProjectConfig = { ...written, machine };
    const bytes = Buffer.from(canonicalText(config), "utf8");
    const files = projectFiles(base.projects, id);
    const loaded = compileProject(id, bytes, files.config);
    const place = listenMembers(listen);
    makePrivateDirectory(base.root);
    makePrivateDirectory(files.directory);
    await withLock(files.directory, () => {
      if (!force && existsSync(files.config))
        throw new CodedError("already_exists", `${printable(files.config)} already exists`);
      writeAtomic(files.config, bytes.toString("utf8"));
      const cases = readTemplateCases(context.templates, template);
      if (cases !== undefined && !existsSync(files.cases))
        writeAtomic(files.cases, casesText(parseCases(cases, `${template}.cases.json`).cases));
    });
    const daemonText = withAgent(base.daemonFile, {
      ...(values.name === undefined ? {} : { name: values.name }),
      ...(tags.length === 0 ? {} : { tags: [...tags] }),
      ...place,
      ...(values["dial-only"] ? { listen: false } : {}),
      ...(values["allow-root"] ? { allow_root: true } : {}),
    });
    if (daemonText !== undefined) writeAtomic(base.daemonFile, daemonText);
    const approved = allow ? await approve(id, context) : undefined;
    const kept =
      daemonText === undefined
        ? `warning: ${printable(base.daemonFile)} has "agent" already; it was not changed\n`
        : "";
    return {
      exit: 0,
      human: `Created policy: ${printable(files.config)}\n${daemonText === undefined ? "" : `Agent: ${printable(base.daemonFile)}\n`}${
        approved === undefined ? `Not allowed yet: cmd2host config allow ${id}\n` : `${approved.text}Policy allowed.\n`
      }\nNext:\n${(allow ? [] : [`Read and approve it:   cmd2host config show ${id} && cmd2host config allow ${id}`])
        .concat(["Start it:              cmd2host agent", "Make a code for it:    cmd2host agent enroll"])
        .map((step, index) => `  ${index + 1}. ${step}\n`)
        .join("")}`,
      json: { project: id, config: files.config, allowed: allow, hash: loaded.project.configHash },
      stderr: (approved?.stderr ?? "") + kept,
    };
  },
});

/** @throws CodedError `usage` */
function listenMembers(listen: string | undefined): {
  readonly listen_address?: string;
  readonly listen_port?: number;
} {
  if (listen === undefined) return {};
  const found = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(listen);
  const [, bracketed, plain, port = ""] = found ?? [];
  const address = bracketed ?? plain;
  if (address === undefined) throw new CodedError("usage", `--listen ${printable(listen)} is not ADDRESS:PORT`);
  return { listen_address: address, listen_port: Number(port) };
}
