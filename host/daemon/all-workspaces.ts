import { projectFiles } from "../project/pin.ts";
import { listProjectIds } from "../project/project-id.ts";
import { loadProject } from "../project/store.ts";
import type { BaseDirectory } from "../util/base-directory.ts";

/** The checkouts of every project that loads, approved or not. */
export function allWorkspaces({ projects }: BaseDirectory): readonly string[] {
  return listProjectIds(projects).flatMap((id) => {
    try {
      return loadProject(projectFiles(projects, id), id).project.repos.map((repo) => repo.path);
    } catch {
      return []; // a broken project has no workspaces that we know of
    }
  });
}
