import { existsSync } from "node:fs";
import { join } from "node:path";
import { CodedError } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";
import { readPlainFile } from "../project/plain-file.ts";
import { parseSubmodules, type Submodule } from "../project/submodules.ts";
import { findDevcontainers } from "../setup/find-devcontainer.ts";
import { WorkspaceFiles } from "../setup/workspace-files.ts";
import { originOfCheckout, projectsAt, type CheckoutProject } from "./checkout.ts";
import type { Context } from "./context.ts";

/** What a look at a checkout tells before anything is chosen. */
export interface Found {
  readonly root: string;
  readonly files: WorkspaceFiles;
  /** Undefined when the checkout does not say; then --repo has to. */
  readonly origin: { readonly host: string; readonly repo: string } | undefined;
  /** Submodules that are checked out and live on the origin's host. */
  readonly submodules: readonly Submodule[];
  /** The project that names this checkout already. */
  readonly project: CheckoutProject | undefined;
  readonly devcontainers: readonly string[];
  readonly warnings: readonly string[];
}

const MAX_GITMODULES = 1_048_576;

function submodulesOf(root: string, host: string | undefined): readonly Submodule[] {
  const bytes = readPlainFile(join(root, ".gitmodules"), MAX_GITMODULES, "no_follow");
  return parseSubmodules(bytes?.toString("utf8") ?? "").found.filter(
    (one) => one.host === host && existsSync(join(root, one.path, ".git")),
  );
}

/**
 * Looks at a checkout without starting git.
 * @param repo what --repo says instead of the origin
 * @throws CodedError `checkout_unusable`, `file_failed`
 */
export function lookAround(root: string, repo: string | undefined, context: Context): Found {
  const warnings: string[] = [];
  const files = new WorkspaceFiles(root);
  const there = projectsAt(context.base().projects, root, (why) => warnings.push(why));
  const project = there.find(({ project: { repos }, repo: own }) => repos[0] === own) ?? there[0];
  let origin;
  try {
    origin = originOfCheckout(root);
  } catch (error) {
    if (!(error instanceof CodedError) || (repo === undefined && project === undefined)) throw error;
    warnings.push(error.message);
  }
  return {
    root,
    files,
    origin,
    submodules: submodulesOf(root, origin?.host),
    project,
    devcontainers: findDevcontainers(files),
    warnings,
  };
}

/** The same in words. */
export function foundText({ root, origin, submodules, project, devcontainers }: Found): string {
  const lines = [
    `Checkout:      ${printable(root)}`,
    `Repository:    ${origin === undefined ? "not named by its origin" : `${origin.repo} on ${origin.host}`}`,
    ...submodules.map(({ repo, path }) => `Submodule:     ${repo} in ${printable(path)}`),
    `Project:       ${project === undefined ? "none yet" : project.project.id}`,
    `Devcontainer:  ${devcontainers.length === 0 ? "none yet" : devcontainers.map(printable).join(", ")}`,
  ];
  return `${lines.join("\n")}\n`;
}
