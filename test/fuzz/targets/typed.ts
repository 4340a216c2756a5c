import { INJECTED, type Operation, type TemplateElement } from "../../../host/project/types.ts";

/** Where every call acts. */
export const PLACE = { repo: "OWNER/REPO", repoPath: "/path/to/repo", url: "git@github.com:OWNER/REPO.git" };
export const AUTOMATIC = { repo: PLACE.repo, repo_path: PLACE.repoPath, expected_git_url: PLACE.url };

/** Whether a template's element is put in for the caller, with the option before it, and is not typed. */
function isAutomatic(template: readonly TemplateElement[], index: number): boolean {
  const own = (element: TemplateElement | undefined): boolean =>
    element?.kind === "whole" && INJECTED.some((name) => name === element.name);
  const element = template[index];
  if (own(element)) return true;
  return own(template[index + 1]) && element?.kind === "literal" && element.text.startsWith("-");
}

/** The arguments that a call runs with, as somebody would type them. */
export function typedWords({ template }: Operation, args: readonly string[]): readonly string[] {
  return args.filter((_, index) => index >= template.length || !isAutomatic(template, index));
}
