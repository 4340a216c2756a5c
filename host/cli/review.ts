import { CodedError } from "../../wire/errors.ts";
import { quoted } from "../../wire/text.ts";
import { approvedProject } from "../project/approval.ts";
import { mayPush, type LoadedProject } from "../project/compile.ts";
import { changeLines, compareProjects, type Change } from "../project/diff.ts";
import { lintProject, type Finding } from "../project/lint.ts";
import { projectFiles, writePin, type ProjectFiles } from "../project/pin.ts";
import { loadProject } from "../project/store.ts";
import { setting } from "../project/words.ts";
import { changedText, reviewCases, type CasesReview } from "./cases.ts";
import type { Context } from "./context.ts";
import { commandFinder } from "./find-command.ts";

/** The changes in words, under a heading that says what they are measured against. */
export function changesText(changes: readonly Change[], hasBefore: boolean): string {
  if (changes.length === 0) return "No change of what may be done (white space, order or unknown members only).\n";
  const heading = hasBefore
    ? "Changes since the last approval (+ widens, ~ changes, - narrows):"
    : "Nothing was approved before, or it was not kept; all of this is new:";
  return `${heading}\n${changeLines(changes).join("\n")}\n`;
}

/** The variables that a project sets although they can redirect its programs, for shouting about. */
export function unsafeEnvironment(loaded: LoadedProject): readonly string[] {
  return (loaded.config.env_unsafe ?? []).filter((name) => loaded.project.env.has(name));
}

function checkPushes({ project }: LoadedProject): void {
  if (project.branchAllow.length > 0) return;
  const pushing = project.allowed.filter((id) => {
    const operation = project.operations.get(id);
    return operation !== undefined && mayPush(operation);
  });
  if (pushing.length === 0) return;
  throw new CodedError(
    "branch_allow_missing",
    `${pushing.map(quoted).join(", ")} may push, and constraints.branch_allow is missing or empty`,
    {
      hint: 'Add constraints.branch_allow, for example ["ai/.+"], or take the operation out of allowed_operations.',
    },
  );
}

/** What approving a project did. */
export interface Approved {
  readonly hash: string;
  readonly changes: readonly Change[];
  readonly cases: CasesReview;
  readonly text: string;
  readonly unsafe: readonly string[];
  /** Errors of `config check`: they do not keep a project from being approved, but should be read. */
  readonly errors: readonly Finding[];
  /** Lines for standard error. */
  readonly stderr: string;
}

/** Loads a project for approval; a configuration that does not load is reported as the original does. */
export function loadForReview(files: ProjectFiles, id: string): LoadedProject & { readonly bytes: Buffer } {
  try {
    return loadProject(files, id);
  } catch (error) {
    if (!(error instanceof CodedError) || error.code !== "config_invalid") throw error;
    throw new CodedError(
      "config_invalid",
      `Invalid config: ${error.message.replace(/^invalid project config: /, "")}`,
      { hint: `See cmd2host config check ${id}.`, cause: error },
    );
  }
}

/**
 * Approves a project: exactly the bytes that were read and checked here.
 * @throws CodedError `config_invalid`, `config_untrusted`, `project_unknown`, `branch_allow_missing`; then nothing is written
 */
export async function approve(id: string, context: Context): Promise<Approved> {
  const files = projectFiles(context.base().projects, id);
  const loaded = loadForReview(files, id);
  checkPushes(loaded);
  const before = approvedProject(files, id);
  const changes = compareProjects(before, loaded);
  const errors = lintProject(loaded, loaded.bytes, commandFinder(context.environment)).filter(
    (finding) => finding.severity === "error",
  );
  const unsafe = unsafeEnvironment(loaded);
  const review = reviewCases(files, before, loaded);
  const hash = await writePin(files, loaded.bytes);
  const shouts = unsafe.map(
    (name) =>
      `WARNING: every program of ${id} gets ${setting(name, loaded.project.env.get(name) ?? "")}, which can change what it runs or where it connects\n`,
  );
  const found = errors.map((finding) => `warning: line ${finding.line}: ${finding.pointer}: ${finding.message}\n`);
  const { changed, failed, total } = review;
  if (failed > 0)
    found.push(`warning: ${failed} of the ${total} cases of ${id} do not hold; see cmd2host config test ${id}\n`);
  const cases = changedText(changed);
  return {
    hash,
    changes,
    cases: review,
    text: `${changesText(changes, before !== undefined)}${cases === "" ? "" : `\n${cases}`}`,
    unsafe,
    errors,
    stderr: [...shouts, ...found].join(""),
  };
}
