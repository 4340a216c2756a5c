import { CodedError } from "../../wire/errors.ts";
import type { ProfileName } from "../../wire/names.ts";
import type { Launch } from "../exec/run.ts";
import { findingText, type WorkspaceFacts } from "../git/inspection/inspect.ts";
import { findPushSource, type PushSource } from "../git/repository/push-source.ts";
import { parseLocalRequest, type LocalRequest } from "../git/request/local-request.ts";
import { parseRemoteRequest, type RemoteRequest } from "../git/request/remote-request.ts";
import type { FleetWork } from "./fleet-work.ts";
import type { LocalJob, RemoteJob, WorkspacePlace } from "../git/room/job.ts";
import { inWorkspace } from "../git/room/open-workspace.ts";
import type { Call } from "../operation/call.ts";
import { gitWords, programName } from "../project/push.ts";
import type { Operation } from "../project/types.ts";

/** A program that knows nothing of us. */
export interface ProgramWork {
  readonly kind: "program";
  readonly launch: Launch;
  /** `empty`: in a directory that is made for this run; `launch.cwd` is replaced by it. */
  readonly runIn: "workspace" | "empty";
  /** On a machine: as whom what runs with which environment, since the launch may start it by another program; and what of that the caller added. */
  readonly machine?: {
    readonly user: string;
    /** Real path. */
    readonly program: string;
    readonly env: ReadonlyMap<string, string>;
    readonly callerEnv: ReadonlyMap<string, string>;
  };
}

/** What is done when a plan is carried out. */
export type Work = ProgramWork | FleetWork | RemoteJob | LocalJob;

/** How the arguments of an operation are carried out. */
export type Manner =
  | { readonly kind: "program"; readonly runIn: "workspace" | "empty" }
  | { readonly kind: "remote_git"; readonly request: RemoteRequest }
  | { readonly kind: "local_git"; readonly request: LocalRequest };

/** Programs that run sealed even when the operation does not say so. */
const SEALED = new Set(["gh", "aws"]);

/**
 * To overwrite or delete a branch is the owner's to allow: by a template that writes the `+` or the `:` itself, or by a flag. In a value that stands at
 * the beginning of a refspec they are refused.
 */
function refuseHiddenPowers(operation: Operation, flags: readonly string[], request: RemoteRequest): void {
  if (request.kind !== "push") return;
  const written = operation.template.map(({ text }) => text);
  const power =
    (request.force || request.lease !== undefined) &&
    !written.some((text) => text.startsWith("+")) &&
    ![...written, ...flags].some(isForce)
      ? "overwrites"
      : request.source === "" && !written.some((text) => /^\+?:/.test(text))
        ? "deletes"
        : undefined;
  if (power === undefined) return;
  throw new CodedError("git_unsupported", `the push ${power} a branch, which the operation does not say by itself`, {
    hint: "Push without it.",
  });
}

function isForce(word: string): boolean {
  return word === "--force" || word === "-f" || /^--force-with-lease(?:=|$)/.test(word);
}

/**
 * git never runs in a workspace's repository: what talks to a remote runs in one of ours, all other commands on a view of ours. gh, which calls git
 * with the configuration of the directory it runs in, gets an empty directory.
 * @throws CodedError `git_unsupported`
 */
export function mannerOf(
  { operation, flags }: Pick<Call, "operation" | "flags">,
  args: readonly string[],
  profile: ProfileName,
  repoPath: string,
): Manner {
  const words = gitWords(operation.command, args);
  if (words !== undefined) {
    if (programName(operation.command) !== "git")
      throw new CodedError("git_unsupported", `git on the host is started as git, not as ${operation.command}`, {
        hint: 'The owner of the host writes `"command": "git"` and the subcommand as the first argument.',
      });
    if (profile === "git_remote_strict") {
      const request = parseRemoteRequest(words);
      refuseHiddenPowers(operation, flags, request);
      return { kind: "remote_git", request };
    }
    return { kind: "local_git", request: parseLocalRequest(args, repoPath) };
  }
  const byName = SEALED.has(programName(operation.command)) ? "empty" : "workspace";
  return { kind: "program", runIn: operation.runIn ?? byName };
}

/** The first finding as a refusal. */
function refusalOf(findings: WorkspaceFacts["findings"]): CodedError | undefined {
  const [finding] = findings;
  if (finding === undefined) return undefined;
  const more = findings.length > 1 ? ` (and ${findings.length - 1} more)` : "";
  return new CodedError("workspace_untrusted", `workspace refused: ${findingText(finding)}${more}`, {
    hint: finding.fix,
  });
}

/** Refuses a workspace that lies elsewhere or reaches elsewhere. Holds for every operation. @throws CodedError `workspace_untrusted` */
export function refuseLayout({ findings }: WorkspaceFacts): void {
  const refused = refusalOf(findings.filter(({ concerns }) => concerns === "layout"));
  if (refused !== undefined) throw refused;
}

/**
 * Refuses a workspace whose configuration could run or redirect something. Holds for what runs in the work tree; what runs elsewhere never
 * reads it. @throws CodedError `workspace_untrusted`
 */
export function refuseConfiguration({ findings }: WorkspaceFacts, manner: Manner): void {
  if (manner.kind === "remote_git" || (manner.kind === "program" && manner.runIn === "empty")) return;
  const refused = refusalOf(findings);
  if (refused !== undefined) throw refused;
}

function unsupported(why: string, hint: string): CodedError {
  return new CodedError("git_layout_unsupported", `the workspace's repository ${why}`, { hint });
}

/** Where git's own operations find the workspace's objects and refs. @throws CodedError `git_layout_unsupported` */
export function placeOf(facts: WorkspaceFacts, roots: readonly string[]): WorkspacePlace {
  if (facts.refFormat !== "files")
    throw unsupported(
      `keeps its refs as ${facts.refFormat}`,
      "Inside the container: git refs migrate --ref-format=files",
    );
  if (facts.partialCloneOf !== undefined)
    throw unsupported(
      "is a partial clone, which lacks objects",
      "Inside the container: git fetch --refetch --no-filter, then git config --unset extensions.partialClone; or clone without --filter.",
    );
  return { roots, gitDir: facts.gitDir, commonDir: facts.commonDir, format: facts.objectFormat };
}

/** The commit that a push takes, found now, so that nothing later can put another in its place. @throws CodedError `git_ref_invalid` */
export function sourceOf(request: RemoteRequest, place: WorkspacePlace): PushSource | undefined {
  if (request.kind !== "push" || request.source === "") return undefined;
  return inWorkspace(place, ({ refs, gitDir }) => findPushSource(request.source, refs, gitDir, place.format));
}
