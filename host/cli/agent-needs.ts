import { existsSync } from "node:fs";
import { CodedError } from "../../wire/errors.ts";
import { listProjectIds } from "../project/project-id.ts";
import { projectFiles, readPin } from "../project/pin.ts";
import { loadProject } from "../project/store.ts";
import type { Operation, Project } from "../project/types.ts";
import type { AgentNeeds } from "../service/agent-unit.ts";
import type { BaseDirectory } from "../util/base-directory.ts";
import { findAccount } from "../util/account.ts";

/** What a policy is, as far as the service of its agent is concerned. */
export interface PolicyFacts extends AgentNeeds {
  /** What keeps gateways from doing anything here, a sentence each. */
  readonly notes: readonly string[];
}

function isHarmless({ machine, annotations }: Operation): boolean {
  if (machine === undefined) return false; // it is one of a repository, which is written to
  if (machine.transfer !== undefined) return true; // to directories that are known
  return machine.shell === undefined && annotations.readOnly;
}

function allowedOf({ allowed, operations }: Project): readonly Operation[] {
  return allowed.flatMap((id) => operations.get(id) ?? []);
}

/** @param own uid of the agent */
function needsOf(project: Project, own: number): AgentNeeds {
  const operations = allowedOf(project);
  return {
    doMore: operations.filter((operation) => !isHarmless(operation)).map(({ id }) => id),
    writes: operations.flatMap(({ machine }) =>
      machine?.transfer?.direction === "push" ? machine.transfer.roots : [],
    ),
    becomes: operations.some(({ machine }) => {
      const user = machine?.runAs;
      return user !== undefined && findAccount(user)?.uid !== own;
    }),
  };
}

/**
 * What all policies of an agent need of its service, approved or not: one that is not approved yet will be. One that does not load runs nothing, and
 * needs nothing. Read with the rights of the agent's user, whose files they are.
 * @param own uid of the agent
 */
export function policyFacts({ projects }: BaseDirectory, own: number): PolicyFacts {
  const ids = existsSync(projects) ? listProjectIds(projects) : [];
  const notes = ids.length === 0 ? ["there is no policy yet: nothing is allowed"] : [];
  const needs: AgentNeeds[] = [];
  for (const id of ids) {
    const files = projectFiles(projects, id);
    try {
      needs.push(needsOf(loadProject(files, id).project, own));
      if (readPin(files) === undefined) notes.push(`the policy ${id} is not allowed yet: cmd2host config allow ${id}`);
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      notes.push(`the policy ${id} allows nothing as it is: ${error.message}`);
    }
  }
  return {
    doMore: needs.flatMap(({ doMore }) => doMore),
    writes: [...new Set(needs.flatMap(({ writes }) => writes))].sort(),
    becomes: needs.some(({ becomes }) => becomes),
    notes,
  };
}
