import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CodedError } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";
import { parseRequest } from "../../wire/parse-request.ts";
import { judge, type Judgement } from "../engine/judge.ts";
import { parseCases, readCases, starterCases, casesFor, type PolicyCase } from "../project/cases.ts";
import type { LoadedProject } from "../project/compile.ts";
import type { ProjectFiles } from "../project/pin.ts";
import { readTemplateCases, type TemplateSource } from "../project/templates.ts";
import type { Project } from "../project/types.ts";
import { argvWords } from "./explain-words.ts";

/** Policy as code: what a configuration says of the cases that are kept beside it. */

/** What became of one case. */
export interface CaseResult {
  readonly name: string;
  readonly passed: boolean;
  readonly expected: string;
  readonly got: string;
}

/** A case that two configurations judge differently. */
export interface ChangedCase {
  readonly name: string;
  readonly before: string;
  readonly after: string;
  /** True when it may do more than before. */
  readonly widens: boolean;
}

/** Does something with an empty directory that stands for a checkout. */
function inNoCheckout<T>(work: (workspace: string) => T): T {
  const directory = mkdtempSync(join(tmpdir(), "cmd2host-cases-"));
  try {
    return work(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function judgeCase(project: Project, { request }: PolicyCase, workspace: string): Judgement {
  try {
    const parsed = parseRequest({ explain: { project: project.id, request } });
    if (parsed.kind === "explain") return judge(project, parsed.asked, workspace);
    throw new CodedError("request_invalid", "a case asks for an operation");
  } catch (error) {
    if (error instanceof CodedError && error.code === "request_invalid")
      return { verdict: "deny", code: error.code, message: error.message };
    throw error;
  }
}

function words(judgement: Judgement): string {
  if (judgement.verdict === "deny") return `deny ${judgement.code}`;
  return `${judgement.verdict} ${argvWords(judgement.argv)}`;
}

function expectedWords({ argv, ask, denied }: PolicyCase): string {
  if (denied !== undefined) return `deny ${denied}`;
  const verdict = ask === true ? "ask" : "allow";
  return argv === undefined ? verdict : `${verdict} ${argvWords(argv)}`;
}

function isAsExpected({ argv, ask, denied }: PolicyCase, got: Judgement): boolean {
  if (got.verdict === "deny") return got.code === denied;
  if (denied !== undefined || got.verdict !== (ask === true ? "ask" : "allow")) return false;
  return argv === undefined || JSON.stringify(argv) === JSON.stringify(got.argv);
}

/** Holds a configuration against cases. */
export function runCases(project: Project, cases: readonly PolicyCase[]): readonly CaseResult[] {
  return inNoCheckout((workspace) =>
    cases.map((one) => {
      const got = judgeCase(project, one, workspace);
      const why = got.verdict === "deny" ? `: ${got.message}` : "";
      const passed = isAsExpected(one, got);
      return { name: one.name, passed, expected: expectedWords(one), got: words(got) + (passed ? "" : why) };
    }),
  );
}

const RANK = { deny: 0, ask: 1, allow: 2 };

/** The cases of which two configurations say something different. */
export function changedCases(before: Project, after: Project, cases: readonly PolicyCase[]): readonly ChangedCase[] {
  return inNoCheckout((workspace) =>
    cases.flatMap((one) => {
      const [old, now] = [judgeCase(before, one, workspace), judgeCase(after, one, workspace)];
      const said = { name: one.name, before: words(old), after: words(now) };
      if (said.before === said.after) return [];
      // Other arguments may do more.
      const isSame = old.verdict === now.verdict && now.verdict !== "deny";
      return [{ ...said, widens: isSame || RANK[now.verdict] > RANK[old.verdict] }];
    }),
  );
}

/** Changed cases as lines under a heading; empty when there are none. */
export function changedText(changed: readonly ChangedCase[]): string {
  if (changed.length === 0) return "";
  const lines = changed.map(
    ({ name, before, after, widens }) =>
      `  ${widens ? "+" : "-"} ${printable(name)}\n      was ${printable(before)}\n      is  ${printable(after)}\n`,
  );
  return `Cases that change (+ may do more or something else, - less):\n${lines.join("")}`;
}

/** What a project's cases say of a configuration that is about to be approved. */
export interface CasesReview {
  readonly changed: readonly ChangedCase[];
  readonly failed: number;
  readonly total: number;
}

/**
 * Holds the current configuration and the approved one against the project's cases.
 * @throws CodedError `cases_invalid`, `config_untrusted`, `file_failed`
 */
export function reviewCases(files: ProjectFiles, before: LoadedProject | undefined, now: LoadedProject): CasesReview {
  const { cases } = readCases(files) ?? { cases: [] };
  if (cases.length === 0) return { changed: [], failed: 0, total: 0 };
  const failed = runCases(now.project, cases).filter(({ passed }) => !passed).length;
  const changed = before === undefined ? [] : changedCases(before.project, now.project, cases);
  return { changed, failed, total: cases.length };
}

/** The cases that a new project begins with: some of its template's, as far as they hold. None when the template has none. */
export function firstCases(
  source: TemplateSource,
  template: string,
  { project }: LoadedProject,
): readonly PolicyCase[] {
  const bytes = readTemplateCases(source, template);
  if (bytes === undefined) return [];
  const { cases } = parseCases(bytes, `${template}.cases.json`);
  const [repo] = project.repos;
  const several = project.repos.length > 1;
  // A machine's have no placeholders.
  const own =
    repo === undefined ? cases : casesFor(cases, { repo: repo.name, path: repo.path, host: repo.host, several });
  const results = runCases(project, own);
  return starterCases(own.filter((_, index) => results[index]?.passed === true));
}
