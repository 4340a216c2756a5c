import { lstatSync, realpathSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { attempt, CodedError, errnoOf } from "../../wire/errors.ts";
import { printable, quoted, shortened } from "../../wire/text.ts";
import { inspectWorkspace } from "../git/inspection/inspect.ts";
import { isRepoName, listProjectIds, requireProjectId } from "../project/project-id.ts";
import { projectFiles } from "../project/pin.ts";
import { loadProject } from "../project/store.ts";
import type { Project, Repo } from "../project/types.ts";
import { parseOrigin, type Origin } from "../target/origin.ts";
import { checkOrigin, resolveTarget } from "../target/target.ts";
import { realOrSame } from "../util/real-path.ts";

/**
 * The root of the checkout that a directory is in, without links.
 * @throws CodedError `checkout_unusable`
 */
export function checkoutRoot(cwd: string, given: string | undefined): string {
  const asked = resolve(cwd, given ?? ".");
  let here: string;
  try {
    here = realpathSync.native(asked);
  } catch (error) {
    throw new CodedError("checkout_unusable", `${printable(asked)}: ${errnoOf(error) ?? "cannot be read"}`, {
      cause: error,
    });
  }
  for (let path = here; ; path = dirname(path)) {
    if (lstatSync(join(path, ".git"), { throwIfNoEntry: false }) !== undefined) return path;
    if (path === dirname(path)) throw new CodedError("checkout_unusable", `${printable(here)} is in no git checkout`);
  }
}

/**
 * The repository that a checkout's origin names. The container can write it: it proposes, and the owner decides.
 * @throws CodedError `checkout_unusable`, `workspace_unreadable`
 */
export function originOfCheckout(root: string): Origin {
  const { originUrl } = inspectWorkspace(root, [root]);
  if (originUrl === undefined)
    throw new CodedError("checkout_unusable", `${printable(root)} has no remote called origin`);
  const origin = parseOrigin(originUrl);
  if (origin === undefined || !isRepoName(origin.repo))
    throw new CodedError(
      "checkout_unusable",
      `the origin of ${printable(root)} is ${quoted(shortened(originUrl, 200))}, not git@HOST:OWNER/NAME.git or https://HOST/OWNER/NAME.git`,
    );
  return origin;
}

/** A project that names a checkout. */
export interface CheckoutProject {
  readonly project: Project;
  readonly repo: Repo;
  readonly bytes: Buffer;
}

/** Every project that names this path; those that do not load are told to `skipped`. */
export function projectsAt(projects: string, root: string, skipped: (why: string) => void): readonly CheckoutProject[] {
  return listProjectIds(projects).flatMap((id): readonly CheckoutProject[] => {
    try {
      const { project, bytes } = loadProject(projectFiles(projects, id), id);
      const repo = project.repos.find(({ path }) => realOrSame(path) === root);
      return repo === undefined ? [] : [{ project, repo, bytes }];
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      skipped(`project ${id} was passed over: ${error.message}`);
      return [];
    }
  });
}

/**
 * The id that was given, or that of the only project which names the checkout that the command was started in.
 * @throws CodedError `usage`, `project_id_invalid`
 */
export function projectIdFor(
  { cwd, base }: { readonly cwd: string; readonly base: () => { readonly projects: string } },
  given: string | undefined,
): string {
  if (given !== undefined) return requireProjectId(given);
  const there = attempt<readonly CheckoutProject[]>(
    () => projectsAt(base().projects, checkoutRoot(cwd, undefined), () => undefined),
    () => [],
  );
  const [only, ...others] = there;
  if (only !== undefined && others.length === 0) return only.project.id;
  const why = only === undefined ? "no project names this directory" : "several projects name this directory";
  throw new CodedError("usage", `missing --project: ${why}`, { hint: "See cmd2host projects, or cmd2host setup." });
}

/**
 * The project whose configuration names this path together with the repository that the checkout's origin names. A path alone is not enough: what
 * stands there may have become a checkout of something else.
 * @param wanted the project's id, when there is a choice
 * @throws CodedError `project_unknown`, `origin_mismatch`, `workspace_unreadable`
 */
export function projectOfCheckout(
  projects: string,
  root: string,
  wanted: string | undefined,
  skipped: (why: string) => void,
): CheckoutProject {
  const there = projectsAt(projects, root, skipped);
  const found = wanted === undefined ? there : there.filter(({ project }) => project.id === wanted);
  const primary = found.filter(({ project, repo }) => project.repos[0] === repo);
  const [only, ...others] = primary.length > 0 ? primary : found;
  if (only === undefined)
    throw new CodedError(
      "project_unknown",
      `no ${wanted === undefined ? "" : `such `}project names ${printable(root)}${wanted === undefined ? "" : `: ${printable(wanted)}`}`,
      { hint: "In the checkout: cmd2host setup" },
    );
  if (others.length > 0)
    throw new CodedError(
      "project_unknown",
      `several projects name ${printable(root)}: ${[only, ...others].map(({ project }) => project.id).join(", ")}`,
      { hint: "Say which with --project." },
    );
  const facts = inspectWorkspace(
    root,
    only.project.repos.map(({ path }) => path),
  );
  checkOrigin(resolveTarget(only.project, only.repo.name, undefined), facts.originUrl);
  return only;
}
