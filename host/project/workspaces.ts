import { attempt } from "../../wire/errors.ts";
import { realOrSame } from "../util/real-path.ts";
import { projectFiles } from "./pin.ts";
import { listProjectIds } from "./project-id.ts";
import { loadProject } from "./store.ts";

/**
 * Real paths of the workspaces of every project that loads, approved or not: what containers may write. One that cannot be followed, because a
 * container has made a loop of it, stays as it is written.
 * @param projects the directory that holds one directory per project
 */
export function allWorkspaces(projects: string): readonly string[] {
  return listProjectIds(projects).flatMap((id) =>
    attempt(
      () => loadProject(projectFiles(projects, id), id).project.repos.map(({ path }) => realOrSame(path)),
      () => [], // a broken project has no workspaces that we know of
    ),
  );
}
