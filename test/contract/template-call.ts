import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { argumentsOf, checkCall, type Asked } from "../../host/operation/call.ts";
import { checkOutputScope } from "../../host/operation/output-scope.ts";
import { reverseMatch } from "../../host/operation/reverse-match.ts";
import { checkTransferPath } from "../../host/operation/transfer-roots.ts";
import { compileProject } from "../../host/project/compile.ts";
import type { Project } from "../../host/project/types.ts";
import { checkGitUrl, profileFor } from "../../host/sanitize/profile.ts";
import { CodedError } from "../../wire/errors.ts";
import { projectRoot } from "../fixtures/temp.ts";

/** A request as the cases beside the templates write it: a named call, or a command line. */
export interface CaseRequest {
  readonly operation?: string;
  readonly params?: Record<string, unknown>;
  readonly flags?: readonly string[];
  readonly raw_argv?: readonly string[];
}

/** What a request leads to: exactly one of arguments and the code of a denial. */
export interface Case {
  readonly name: string;
  readonly request: CaseRequest;
  readonly argv?: readonly string[];
  readonly denied?: string;
}

const directory = join(projectRoot, "templates");

/** Where every case acts. */
export const place = { repo: "OWNER/REPO", repoPath: "/path/to/repo", url: "git@github.com:OWNER/REPO.git" };

/** The names of the bundled templates, found on disk. */
export const templateNames: readonly string[] = readdirSync(directory)
  .filter((name) => name.endsWith(".json") && !name.endsWith(".cases.json"))
  .map((name) => name.slice(0, -".json".length));

export function templateBytes(name: string): Buffer {
  return readFileSync(join(directory, `${name}.json`));
}

export function templateProject(name: string): Project {
  return compileProject("OWNER_REPO", templateBytes(name), "template").project;
}

export function templateCases(name: string): readonly Case[] {
  return (JSON.parse(readFileSync(join(directory, `${name}.cases.json`), "utf8")) as { cases: readonly Case[] }).cases;
}

function asked(project: Project, { operation = "", params = {}, flags = [], raw_argv: words }: CaseRequest): Asked {
  if (words === undefined) return { operation, params: new Map(Object.entries(params)), flags };
  const injected = { repo: place.repo, repo_path: place.repoPath, expected_git_url: place.url };
  return reverseMatch(project, injected, words);
}

/** The arguments that a request leads to, or the code of its denial. */
export function outcome(project: Project, request: CaseRequest): readonly string[] | string {
  try {
    const call = checkCall(project, asked(project, request));
    checkTransferPath(call.operation, call.values);
    checkOutputScope(call.operation, call.flags);
    const args = argumentsOf(project, call, place);
    checkGitUrl(profileFor(call.operation.command, args, call.operation.profile), args, place.url);
    return args;
  } catch (error) {
    if (error instanceof CodedError) return error.code;
    throw error;
  }
}
