import { existsSync } from "node:fs";
import { CodedError } from "../../wire/errors.ts";
import { projectFiles, removePin } from "../project/pin.ts";
import { requireProjectId } from "../project/project-id.ts";
import { command, JSON_SWITCH } from "./command.ts";

export const configDisallow = command({
  path: ["config", "disallow"],
  about: "Take a project's approval back. Its tokens can do nothing until it is approved again.",
  options: { id: { kind: "word", about: "The project's id" }, json: JSON_SWITCH },
  examples: [["config disallow OWNER_NAME", "Stop a project at once"]],
  run: async ({ id }, context) => {
    const files = projectFiles(context.base().projects, requireProjectId(id));
    if (!existsSync(files.directory))
      throw new CodedError("not_found", `there is no project ${id}`, { hint: "See cmd2host projects." });
    const was = existsSync(files.pin);
    await removePin(files);
    return {
      exit: 0,
      human: was ? `No longer allowed: ${id}\n` : `Was not allowed: ${id}\n`,
      json: { project: id, was_allowed: was },
    };
  },
});
