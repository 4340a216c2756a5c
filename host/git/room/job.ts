import type { Launch } from "../../exec/run.ts";
import type { ObjectFormat } from "../repository/object-id.ts";
import type { PushSource } from "../repository/push-source.ts";
import type { GitConfigEntry } from "../inspection/inspect.ts";
import type { LocalRequest } from "../request/local-request.ts";
import type { RemoteRequest } from "../request/remote-request.ts";

/** Where a workspace's repository lies. Checked by the inspection; opened again without following links. */
export interface WorkspacePlace {
  /** Real paths of the project's checkouts; both directories lie in one of them. */
  readonly roots: readonly string[];
  readonly gitDir: string;
  readonly commonDir: string;
  readonly format: ObjectFormat;
}

/** One remote operation of git's, ready to run in a repository of the daemon's own. */
export interface RemoteJob {
  readonly kind: "remote_git";
  readonly request: RemoteRequest;
  /** The only URL that git is given: made from the project, never read from the workspace. */
  readonly url: string;
  /** Project, host, owner, name: which repository of ours. */
  readonly room: readonly string[];
  readonly workspace: WorkspacePlace;
  /** What is pushed; undefined when nothing is, as when a branch is deleted. */
  readonly source: PushSource | undefined;
  /** The program, its limits, and the environment of the step that talks to the remote. */
  readonly launch: Launch;
  /** The environment of every other step. */
  readonly helperEnv: ReadonlyMap<string, string>;
}

/** One git command on a work tree, ready to run on a view of the repository that the daemon makes. */
export interface LocalJob {
  readonly kind: "local_git";
  readonly request: LocalRequest;
  readonly room: readonly string[];
  readonly workspace: WorkspacePlace;
  /** Real path of the work tree. */
  readonly workTree: string;
  /** The owner's identity, then the entries of the workspace's configuration, from the bytes that were inspected and found harmless. */
  readonly config: readonly GitConfigEntry[];
  readonly launch: Launch;
  readonly helperEnv: ReadonlyMap<string, string>;
}

export type GitJob = RemoteJob | LocalJob;
