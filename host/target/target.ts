import { CodedError } from "../../wire/errors.ts";
import { quoted, shortened } from "../../wire/text.ts";
import type { CwdHint } from "../../wire/request.ts";
import type { Project, Repo } from "../project/types.ts";
import { cleanRelative } from "../util/glob.ts";
import { parseOrigin, repoOfHint } from "./origin.ts";

/** Where an operation acts, and how that was decided. */
export interface Target {
  readonly repo: Repo;
  /** The only URL that a push or fetch of this operation may name. */
  readonly url: string;
  readonly source: "explicit_flag" | "auto_resolve" | "primary_default" | "machine";
}

const HOST = /^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/;

function targetOf(repo: Repo, source: Target["source"]): Target {
  if (!HOST.test(repo.host))
    throw new CodedError(
      "host_invalid",
      `remote_hosts_allow: ${quoted(shortened(repo.host, 80))} is not a bare hostname`,
    );
  return { repo, url: `git@${repo.host}:${repo.name}.git`, source };
}

/** True when the place that the caller sees under its mount can be this path of the host: its last components, whole. */
function endsWith(path: string, relative: string): boolean {
  const clean = cleanRelative(relative);
  return clean === "." || path === clean || path.endsWith(`/${clean}`);
}

/**
 * The hint names a repository when its path and its origin agree on one entry of the configuration: the path as it is, or, where container and
 * host have different ones, as far as it lies under the mount. When that could be several, none.
 */
function hinted(project: Project, { toplevel, originUrl, relative = "" }: CwdHint): Repo | undefined {
  if (originUrl === "") return undefined;
  const name = repoOfHint(originUrl);
  const named = project.repos.filter((repo) => repo.name === name);
  const exact = toplevel === "" ? undefined : named.find((repo) => repo.path === cleanRelative(toplevel));
  if (exact !== undefined || relative === "") return exact;
  const [only, another] = named.filter((repo) => endsWith(repo.path, relative));
  return another === undefined ? only : undefined;
}

/**
 * Decides which repository a request is for: the one it names, else the one its cwd hint points at, else the only one.
 * @throws CodedError `target_not_allowed`, `target_required`, `host_invalid`
 */
export function resolveTarget(project: Project, targetRepo: string, hint: CwdHint | undefined): Target {
  const names = project.repos.map((repo) => repo.name).join(", ");
  if (targetRepo !== "") {
    const named = project.repos.find((repo) => repo.name === targetRepo);
    if (named !== undefined) return targetOf(named, "explicit_flag");
    throw new CodedError(
      "target_not_allowed",
      `target_repo ${quoted(shortened(targetRepo, 120))} is not in the project allow list`,
      { hint: `Use one of ${shortened(names, 600)}.` },
    );
  }
  const auto = hint === undefined ? undefined : hinted(project, hint);
  if (auto !== undefined) return targetOf(auto, "auto_resolve");
  const [only, another] = project.repos;
  if (only !== undefined && another === undefined) return targetOf(only, "primary_default");
  // Never the raw URL: it may hold credentials.
  const tried =
    hint === undefined
      ? ""
      : `; auto-resolve did not match (toplevel ${quoted(shortened(hint.toplevel, 200))}, origin ${repoOfHint(hint.originUrl) ?? "<unparsed>"})`;
  throw new CodedError("target_required", `target_repo is required: the project has several repositories${tried}`, {
    hint: `Pass target_repo, one of ${shortened(names, 600)}.`,
  });
}

/**
 * Holds the workspace's origin against the target. The origin is the container's to write: this finds honest mistakes, it is no proof.
 * @throws CodedError `origin_mismatch`
 */
export function checkOrigin(target: Target, originUrl: string | undefined): void {
  const say = (why: string): CodedError =>
    new CodedError("origin_mismatch", `path-repo consistency check failed at ${target.repo.path}: ${why}`);
  if (originUrl === undefined) throw say("there is no remote origin");
  const origin = parseOrigin(originUrl);
  if (origin === undefined)
    throw say(
      "origin does not match expected SSH/HTTPS pattern (git@HOST:OWNER/NAME.git or https://HOST/OWNER/NAME.git)",
    );
  if (origin.repo.toLowerCase() !== target.repo.name.toLowerCase())
    throw say(`origin is ${quoted(origin.repo)}, the project names ${target.repo.name}`);
  if (origin.host.toLowerCase() !== target.repo.host.toLowerCase())
    throw say(`origin host is ${quoted(origin.host)}, the project names ${target.repo.host}`);
}
