import { realpathSync } from "node:fs";
import { CodedError } from "../../wire/errors.ts";
import { projectFiles } from "../project/pin.ts";
import { listProjectIds } from "../project/project-id.ts";
import { loadProject } from "../project/store.ts";

/** Where a path really is; one that is not there stays as it is written. */
export function realOrSame(path: string): string {
  try {
    return realpathSync.native(path);
  } catch {
    return path;
  }
}

/** Real paths of the workspaces of every project that loads: what containers may write. */
export function allWorkspaces(projects: string): readonly string[] {
  return listProjectIds(projects).flatMap((id) => {
    try {
      return loadProject(projectFiles(projects, id), id).project.repos.map(({ path }) => realOrSame(path));
    } catch (error) {
      if (error instanceof CodedError) return [];
      throw error;
    }
  });
}
