import { CodedError } from "../../wire/errors.ts";
import { quoted } from "../../wire/text.ts";
import { didYouMean, listed } from "../project/listed.ts";
import type { Operation, Project } from "../project/types.ts";

/** Finds an operation by name: it must be defined, and allowed. Default deny. */
export function resolveOperation(project: Project, id: string): Operation {
  const operation = project.operations.get(id);
  if (operation === undefined)
    throw new CodedError("operation_unknown", `Unknown operation: ${quoted(id)}`, { hint: allowedHint(project, id) });
  if (!project.allowed.includes(id))
    throw new CodedError("operation_not_allowed", `Operation ${quoted(id)} not allowed`, {
      hint: allowedHint(project, id),
    });
  return operation;
}

/** The operation that was meant, if one is close, and what is allowed. */
export function allowedHint({ allowed }: Pick<Project, "allowed">, id: string): string {
  if (allowed.length === 0) return "This project allows no operations.";
  return `${didYouMean(id, allowed)}Allowed here: ${listed(allowed)}.`;
}
