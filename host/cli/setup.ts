import { printable } from "../../wire/text.ts";
import { changesDiff } from "../setup/change.ts";
import { checkoutRoot } from "./checkout.ts";
import { command, type Report } from "./command.ts";
import type { Context, Questions } from "./context.ts";
import { silence } from "./doctor-host.ts";
import { applySetup } from "./setup-apply.ts";
import { choose } from "./setup-choices.ts";
import { foundText, lookAround, type Found } from "./setup-found.ts";
import { SETUP_OPTIONS, type SetupValues } from "./setup-options.ts";
import { isEmpty, planSetup, planText, type SetupPlan } from "./setup-plan.ts";
import { undoSetup } from "./setup-undo.ts";
import { approvalOf } from "../project/approval.ts";

/** What is left to do, in the order in which it is done. */
async function nextSteps(id: string, context: Context): Promise<string> {
  const base = context.base();
  const allowed = approvalOf(base.projects, id) === "allowed";
  const silent = (await silence({ kind: "unix", path: base.sharedSocket })) !== undefined;
  const steps = [
    ...(allowed ? [] : [`Read and approve the policy:  cmd2host config diff ${id} && cmd2host config allow ${id}`]),
    ...(silent ? ["Start the daemon:             cmd2host service install, or cmd2host serve"] : []),
    "Start the container:          Dev Containers: Rebuild and Reopen in Container, or devcontainer up --workspace-folder .",
    "Take it back:                 cmd2host setup --undo",
  ];
  return `Next:\n${steps.map((step, index) => `  ${index + 1}. ${step}\n`).join("")}`;
}

function planJson({ draft, changes, warnings, root }: SetupPlan, id: string): Readonly<Record<string, unknown>> {
  return {
    workspace: root,
    project: id,
    project_new: draft !== undefined,
    files: changes.map(({ path, before }) => ({ path, new: before === undefined })),
    diff: changesDiff(changes),
    warnings,
  };
}

/** Options that only a new project heeds. */
const FOR_NEW = ["template", "repo", "host", "branch", "submodules", "id"] as const;

function ignoredWords(values: SetupValues, { project }: Found): readonly string[] {
  const given = FOR_NEW.filter((name) => {
    const value = values[name];
    return typeof value === "object" ? value.length > 0 : value !== undefined && value !== false;
  });
  if (project === undefined || given.length === 0) return [];
  const { id } = project.project;
  return [
    `project ${id} names this checkout already and stays as it is: ${given.map((name) => `--${name}`).join(", ")} did nothing`,
  ];
}

async function carryOut(
  plan: SetupPlan,
  found: Found,
  values: SetupValues,
  context: Context,
  ask: Questions | undefined,
): Promise<Report> {
  const id = plan.draft?.id ?? found.project?.project.id ?? "";
  const json = planJson(plan, id);
  const warnings = plan.warnings.map((text) => `warning: ${text}\n`).join("");
  if (isEmpty(plan)) {
    const human = `Nothing to do: ${printable(found.root)} is set up.\n\n${await nextSteps(id, context)}`;
    return { exit: 0, human, json: { ...json, applied: false }, stderr: warnings };
  }
  const text = planText(plan);
  if (values["dry-run"]) return { exit: 0, human: text, json: { ...json, applied: false }, stderr: warnings };
  if (!values.yes) {
    ask?.show(text + warnings);
    if ((await ask?.confirm("Do this?")) !== true)
      return {
        exit: 1,
        human: ask === undefined ? text : "",
        json: { ...json, applied: false },
        stderr: ask === undefined ? `${warnings}Nothing was changed; add --yes to do it.\n` : "Nothing was changed.\n",
      };
  }
  const approved = await applySetup(plan, found.files, context);
  return {
    exit: 0,
    human: `${values.yes ? `${text}\n` : ""}Done.\n\n${await nextSteps(id, context)}`,
    json: { ...json, applied: true },
    stderr: (values.yes || ask === undefined ? warnings : "") + (approved?.stderr ?? ""),
  };
}

export const setup = command({
  path: ["setup"],
  about:
    "Set a checkout up: policy, devcontainer.json and MCP clients. Shows everything and asks before it changes anything.",
  options: SETUP_OPTIONS,
  examples: [
    ["setup", "Find out, choose, look, confirm"],
    ["setup --template=git_github_write --branch='ai/.+' --yes", "The same for scripts"],
    ["setup --dry-run", "Only show what would be done"],
    ["setup --undo", "Take back exactly what setup did"],
  ],
  more: "Running it again does what is missing, and nothing when nothing is. docs/devcontainer.md shows what is written, and why.",
  run: async (values, context) => {
    const root = checkoutRoot(context.cwd, values.workspace);
    const ask = values.yes || values["dry-run"] || values.json ? undefined : await context.questions?.();
    if (values.undo) return undoSetup(root, values, context, ask);
    const found = lookAround(root, values.repo, context);
    ask?.show(foundText(found));
    const choices = await choose(values, found, context, ask);
    const planned = await planSetup(found, choices, values.image, context);
    const plan = { ...planned, warnings: [...planned.warnings, ...ignoredWords(values, found)] };
    return carryOut(plan, found, values, context, ask);
  },
});
