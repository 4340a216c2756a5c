import { describe, expect, it } from "vitest";
import type { ProjectConfig } from "../../wire/schema.ts";
import { programName } from "../../host/project/push.ts";
import { outcome, templateBytes, templateCases, templateNames, templateProject } from "./template-call.ts";

describe.each(templateNames)("template %s", (name) => {
  const cases = templateCases(name);
  const project = templateProject(name);
  const config = JSON.parse(templateBytes(name).toString("utf8")) as ProjectConfig;

  it.each(cases)("$name", ({ request, argv, denied }) => {
    expect(outcome(project, request)).toEqual(argv ?? denied);
  });

  it("has a case that runs and one that is denied for each of its operations", () => {
    for (const operation of config.allowed_operations ?? []) {
      const own = cases.filter(({ request }) => request.operation === operation);
      expect([
        operation,
        own.some(({ argv }) => argv !== undefined),
        own.some(({ denied }) => denied !== undefined),
      ]).toEqual([operation, true, true]);
    }
  });

  it("begins its git operations with a subcommand, and never takes a body as a flag", () => {
    for (const { command, template, flags, params } of project.operations.values()) {
      if (programName(command) === "git") expect(template[0]?.text).toMatch(/^[a-z]+$/);
      if (params.has("body")) expect(flags.has("--body")).toBe(false);
    }
  });
});

it("there are the nine templates", () => {
  expect([...templateNames].sort()).toEqual([
    "aws_selected",
    "fleet_ops",
    "fleet_readonly",
    "fleet_shell",
    "git_github_write",
    "git_write",
    "github_write",
    "local_demo",
    "readonly",
  ]);
});
