import { CodedError } from "../../wire/errors.ts";
import type { OperationRequest } from "../../wire/request.ts";
import type { Explanation } from "../../wire/schema.ts";
import { Approvals } from "../approval/approvals.ts";
import { explainForOwner } from "../engine/about-explaining.ts";
import type { ExplainingRooms } from "../engine/explain.ts";
import type { Rooms } from "../engine/rooms.ts";
import { Staging } from "../exec/staging.ts";
import { Fleet } from "../fleet/fleet.ts";
import { WorkspaceInspector } from "../git/inspection/inspect.ts";
import { SYSTEM_CLOCK } from "../util/deadline.ts";
import { Budgets } from "../limits/budgets.ts";
import { Limits } from "../limits/limits.ts";
import { KillSwitch } from "../limits/kill-switch.ts";
import { ProjectStore } from "../project/store.ts";
import { SearchPath } from "../sanitize/search-path.ts";
import type { BaseDirectory } from "../util/base-directory.ts";
import { engineSettings, hostEnvironment } from "./engine-settings.ts";
import { loadDaemonSettings } from "./settings.ts";

/** Places for files that are not made. */
export function dryStaging(staging: Staging): Rooms["dry"] {
  return {
    stage: (workspace) => staging.pretend(workspace),
    copyIn: async (workspace, relative, maxBytes) =>
      Promise.resolve().then(() => staging.lookAt(workspace, relative, maxBytes)),
  };
}

/**
 * What explaining needs, without a daemon: as one would have it that is started now, here, in this environment.
 * @throws CodedError `daemon_config_invalid`, `config_untrusted`, `file_failed`
 */
export function explainingRooms(base: BaseDirectory, environment: NodeJS.ProcessEnv): ExplainingRooms {
  const { settings } = loadDaemonSettings(base);
  const projects = new ProjectStore(base.projects);
  const killSwitch = new KillSwitch(base.stopped);
  const inspector = new WorkspaceInspector();
  const searchPath = new SearchPath(environment["PATH"] ?? "");
  const staging = new Staging(settings.staging, () => undefined, { inputRoot: base.staging });
  return {
    // The owner needs no token, and nobody else is here.
    authenticate: () => {
      throw new CodedError("unauthenticated", "Authentication failed");
    },
    resolveProject: (session) => {
      const found = projects.resolve(session);
      killSwitch.require(found.id);
      return found;
    },
    inspectWorkspace: (path, projectPaths) => inspector.inspect(path, projectPaths),
    searchPath: (workspaces) => searchPath.without(workspaces),
    dry: dryStaging(staging),
    targetTags: async (name) => new Fleet(() => settings.fleet).tagsOf(name),
    approvals: new Approvals(() => settings.approvals.timeoutMs),
    limits: new Limits(new Budgets(base.budgets, SYSTEM_CLOCK, () => undefined)),
    ownPaths: [],
    settings: engineSettings(settings, hostEnvironment(environment)),
  };
}

/**
 * Explains a request without a daemon.
 * @throws CodedError `daemon_config_invalid`, `config_untrusted`, `file_failed`
 */
export async function explainHere(
  base: BaseDirectory,
  environment: NodeJS.ProcessEnv,
  project: string,
  asked: OperationRequest,
): Promise<Explanation> {
  return explainForOwner(explainingRooms(base, environment), project, asked);
}
