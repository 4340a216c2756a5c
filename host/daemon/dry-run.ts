import type { OperationRequest } from "../../wire/request.ts";
import type { Explanation } from "../../wire/schema.ts";
import { Approvals } from "../approval/approvals.ts";
import { explainForOwner } from "../engine/about-explaining.ts";
import type { Rooms } from "../engine/rooms.ts";
import { Staging } from "../exec/staging.ts";
import { WorkspaceInspector } from "../git/inspection/inspect.ts";
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
 * Explains a request without a daemon, as one would that is started now, here, in this environment.
 * @throws CodedError `daemon_config_invalid`, `config_untrusted`, `file_failed`
 */
export async function explainHere(
  base: BaseDirectory,
  environment: NodeJS.ProcessEnv,
  project: string,
  asked: OperationRequest,
): Promise<Explanation> {
  const { settings } = loadDaemonSettings(base);
  const projects = new ProjectStore(base.projects);
  const inspector = new WorkspaceInspector();
  const searchPath = new SearchPath(environment["PATH"] ?? "");
  const staging = new Staging(settings.staging, () => undefined, { inputRoot: base.staging });
  return explainForOwner(
    {
      // Replaced: who calls is the owner.
      authenticate: () => ({ id: "", key: "", projectId: "", repo: "" }),
      resolveProject: (session) => projects.resolve(session),
      inspectWorkspace: (path, projectPaths) => inspector.inspect(path, projectPaths),
      searchPath: (workspaces) => searchPath.without(workspaces),
      dry: dryStaging(staging),
      approvals: new Approvals(() => settings.approvals.timeoutMs),
      ownPaths: [],
      settings: engineSettings(settings, hostEnvironment(environment)),
    },
    project,
    asked,
  );
}
