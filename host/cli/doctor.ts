import { CodedError } from "../../wire/errors.ts";
import { listProjectIds, requireProjectId } from "../project/project-id.ts";
import { command, JSON_SWITCH } from "./command.ts";
import { isContainer } from "./container-places.ts";
import type { Context } from "./context.ts";
import { auditChecks } from "./doctor-audit.ts";
import { Checks, checksText, type Check } from "./doctor-check.ts";
import { containerChecks } from "./doctor-container.ts";
import { daemonChecks, directoryCheck, tokensCheck } from "./doctor-host.ts";
import { projectsChecks } from "./doctor-project.ts";
import { serviceChecks } from "./doctor-service.ts";

async function hostChecks(context: Context, project: string | undefined): Promise<readonly Check[]> {
  const base = context.base();
  const ids = project === undefined ? listProjectIds(base.projects) : [requireProjectId(project)];
  const general = new Checks(null, "configuration");
  return [
    ...[base.root, base.projects, base.tokens, base.staging, base.git, base.empty].map((directory) =>
      directoryCheck(directory, null),
    ),
    ...(await serviceChecks(context, base)),
    ...(await daemonChecks(context, base)),
    ...(await auditChecks(context)),
    ...tokensCheck(base, undefined),
    ...(ids.length > 0 ? [] : [general.warn("no project is configured", "cmd2host config init --repo=OWNER/NAME")]),
    ...(await projectsChecks(context, base, ids)),
  ];
}

export const doctor = command({
  path: ["doctor"],
  about:
    "Look at everything that operations need, workspaces included, and say what to do. Changes and starts nothing. Works in a container too.",
  options: {
    project: { kind: "text", about: "Only this project (default: every project)", placeholder: "ID" },
    json: JSON_SWITCH,
  },
  examples: [
    ["doctor", "Is everything well?"],
    ["doctor --project=OWNER_NAME", "Why is a workspace refused, and which commands repair it?"],
  ],
  more: "Exits with 1 when something must be repaired; warnings do not count. In a container (no base directory, but a variable HOST_CMD_PROXY_…, /run/cmd2host or /run/cmd2host-session) it looks at the way to the daemon, the token, the commands that go to the host, and the MCP files of the current directory.",
  run: async ({ project }, context) => {
    const inside = isContainer(context.environment, context.containerRoot);
    if (inside && project !== undefined)
      throw new CodedError("usage", "--project is for the host; a container has one session", {
        hint: "Leave it out.",
      });
    const checks = inside ? await containerChecks(context) : await hostChecks(context, project);
    return {
      exit: checks.some(({ level }) => level === "fail") ? 1 : 0,
      human: checksText(checks, context.style, inside ? "this container" : "this host"),
      json: checks,
    };
  },
});
