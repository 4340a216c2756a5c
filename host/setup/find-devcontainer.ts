import { CodedError } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";
import type { WorkspaceFiles } from "./workspace-files.ts";

const FIRST = [".devcontainer/devcontainer.json", ".devcontainer.json"];

/** Every devcontainer.json of a workspace, in the order in which container tools look for them. */
export function findDevcontainers(files: WorkspaceFiles): readonly string[] {
  const named = files.directories(".devcontainer").map((name) => `.devcontainer/${name}/devcontainer.json`);
  return [...FIRST, ...named].filter((path) => files.read(path) !== undefined);
}

/**
 * Which one a person means.
 * @throws CodedError `usage`
 */
export function requireDevcontainer(found: readonly string[], wanted: string): string {
  if (found.includes(wanted)) return wanted;
  throw new CodedError("usage", `there is no ${printable(wanted)}`, {
    hint:
      found.length === 0
        ? "Leave --devcontainer out, and one is made."
        : `There is: ${found.map(printable).join(", ")}`,
  });
}
