import { listProjectIds, requireProjectId } from "../project/project-id.ts";
import { command, JSON_SWITCH } from "./command.ts";
import { Checks, checksText, type Check } from "./doctor-check.ts";
import { daemonChecks, directoryCheck, tokensCheck } from "./doctor-host.ts";
import { projectChecks } from "./doctor-project.ts";

export const doctor = command({
  path: ["doctor"],
  about:
    "Look at everything that operations need, workspaces included, and say what to do. Changes and starts nothing.",
  options: {
    project: { kind: "text", about: "Only this project (default: every project)", placeholder: "ID" },
    json: JSON_SWITCH,
  },
  examples: [
    ["doctor", "Is everything well?"],
    ["doctor --project=OWNER_NAME", "Why is a workspace refused, and which commands repair it?"],
  ],
  more: "Exits with 1 when something must be repaired; warnings do not count.",
  run: async ({ project }, context) => {
    const base = context.base();
    const ids = project === undefined ? listProjectIds(base.projects) : [requireProjectId(project)];
    const general = new Checks(null, "configuration");
    const checks: readonly Check[] = [
      ...[base.root, base.projects, base.tokens, base.staging, base.git, base.empty].map((directory) =>
        directoryCheck(directory, null),
      ),
      ...(await daemonChecks(context, base)),
      ...tokensCheck(base, undefined),
      ...(ids.length > 0 ? [] : [general.warn("no project is configured", "cmd2host config init --repo=OWNER/NAME")]),
      ...ids.flatMap((id) => projectChecks(context, base, id)),
    ];
    return {
      exit: checks.some(({ level }) => level === "fail") ? 1 : 0,
      human: checksText(checks, context.style),
      json: checks,
    };
  },
});
