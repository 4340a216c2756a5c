import { CodedError } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";
import { readCases } from "../project/cases.ts";
import { projectFiles } from "../project/pin.ts";
import { listProjectIds, requireProjectId } from "../project/project-id.ts";
import { runCases, type CaseResult } from "./cases.ts";
import { command, JSON_SWITCH } from "./command.ts";
import { loadForReview } from "./review.ts";
import type { Style } from "./style.ts";
import { table } from "./table.ts";

interface Tested {
  readonly id: string;
  readonly file: string;
  /** Null when the project keeps no cases. */
  readonly results: readonly CaseResult[] | null;
  readonly unknown: readonly string[];
}

function testProject(projects: string, id: string): Tested {
  const files = projectFiles(projects, id);
  const { project } = loadForReview(files, id);
  const loaded = readCases(files);
  const results = loaded === undefined ? null : runCases(project, loaded.cases);
  return { id, file: files.cases, results, unknown: loaded?.unknown ?? [] };
}

function failures(results: readonly CaseResult[]): readonly CaseResult[] {
  return results.filter(({ passed }) => !passed);
}

function text({ id, results }: Tested, style: Style): string {
  if (results === null) return `${id}: no cases\n`;
  const failed = failures(results);
  const sum = `${results.length - failed.length} of ${results.length} cases hold`;
  const rows = results.map(({ name, passed, expected }) => [
    `  ${passed ? "ok" : "no"}`,
    printable(name),
    printable(expected),
  ]);
  const wrong = failed.map(
    ({ name, expected, got }) =>
      `\n  ${printable(name)}\n      expected ${printable(expected)}\n      got      ${printable(got)}\n`,
  );
  const heading = `${style.strong(id)}: ${failed.length === 0 ? style.good(sum) : style.bad(sum)}\n`;
  return `${heading}${table(rows)}${wrong.join("")}`;
}

export const configTest = command({
  path: ["config", "test"],
  about:
    "Hold a configuration, as it is now, against the cases beside it: requests, and whether they may run, are asked about, or are denied.",
  options: {
    id: { kind: "optional_word", about: "The project's id (default: every project)" },
    json: JSON_SWITCH,
  },
  examples: [["config test OWNER_NAME", "Does the policy still say what it should?"]],
  more: `The cases are in cases.json beside config.json; config init writes some. Approval is not asked for, and nothing of the machine matters: no program is looked for, and an empty directory stands for the checkout.

Exits with 1 when a case does not hold.`,
  run: ({ id }, context) => {
    const { projects } = context.base();
    const ids = id === undefined ? listProjectIds(projects) : [requireProjectId(id)];
    const tested = ids.map((one) => testProject(projects, one));
    const [only] = tested;
    if (id !== undefined && only?.results === null)
      throw new CodedError("not_found", `${printable(only.file)}: there are no cases`, {
        hint: "Write them as docs/policy-tests.md says.",
      });
    const failed = tested.reduce((sum, { results }) => sum + failures(results ?? []).length, 0);
    return {
      exit: failed > 0 ? 1 : 0,
      human:
        tested.length === 0 ? "No projects configured.\n" : tested.map((one) => text(one, context.style)).join("\n"),
      json: { failed, tested: tested.map(({ id: project, file, results }) => ({ project, file, results })) },
      stderr: tested
        .flatMap(({ file, unknown }) =>
          unknown.map((pointer) => `warning: ${printable(file)}: unknown member ${printable(pointer)}\n`),
        )
        .join(""),
    };
  },
});
