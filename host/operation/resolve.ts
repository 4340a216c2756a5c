import { CodedError } from "../../wire/errors.ts";
import { quoted } from "../../wire/text.ts";
import type { Operation, Project } from "../project/types.ts";

/** Finds an operation by name: it must be defined, and allowed. Default deny. */
export function resolveOperation(project: Project, id: string): Operation {
  const operation = project.operations.get(id);
  if (operation === undefined)
    throw new CodedError("operation_unknown", `Unknown operation: ${quoted(id)}`, { hint: allowedHint(project) });
  if (!project.allowed.includes(id))
    throw new CodedError("operation_not_allowed", `Operation ${quoted(id)} not allowed`, {
      hint: allowedHint(project),
    });
  return operation;
}

function allowedHint(project: Project): string {
  const shown = project.allowed.slice(0, 20).join(", ");
  return project.allowed.length === 0
    ? "This project allows no operations; only the owner of the host can change that."
    : `Allowed here: ${shown}${project.allowed.length > 20 ? ", …" : ""}. Only the owner of the host can allow more.`;
}
