import { requireProjectId } from "../project/project-id.ts";
import { UNIT_DIRECTORY } from "../service/system-service.ts";
import { staleUnitNote } from "./agent-service.ts";
import { approve } from "./review.ts";
import { command, JSON_SWITCH } from "./command.ts";

export const configAllow = command({
  path: ["config", "allow"],
  about: "Approve a project's configuration as it is now. Any later change of the file takes the approval away.",
  options: { id: { kind: "word", about: "The project's id" }, json: JSON_SWITCH },
  examples: [
    ["config diff OWNER_NAME", "Read first what changed"],
    ["config allow OWNER_NAME", "Then approve it"],
  ],
  run: async ({ id }, context) => {
    const { hash, changes, cases, text, unsafe, errors, stderr } = await approve(requireProjectId(id), context);
    const stale = staleUnitNote(context.base(), UNIT_DIRECTORY);
    return {
      exit: 0,
      human: `${text}\nAllowed config for project: ${id}\nHash: ${hash}\n`,
      json: { project: id, hash, changes, cases, env_unsafe: unsafe, errors },
      stderr: `${stderr}${stale === undefined ? "" : `note: ${stale}\n`}`,
    };
  },
});
