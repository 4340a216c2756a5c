import { CodedError } from "../../wire/errors.ts";
import { quoted } from "../../wire/text.ts";
import { TokenStore } from "../auth/token-store.ts";
import { projectFiles, readPin } from "../project/pin.ts";
import { requireProjectId } from "../project/project-id.ts";
import { loadProject } from "../project/store.ts";
import { approvalFor } from "../project/approval.ts";
import { command, JSON_SWITCH } from "./command.ts";
import { parseDuration } from "./duration.ts";
import { handOver, OUT_OPTION } from "./session-token.ts";

function boundRepo(wanted: string | undefined, primary: string, id: string): string {
  if (wanted === undefined || wanted === primary) return primary;
  throw new CodedError("project_mismatch", `project ${id} is for ${primary}, not for ${quoted(wanted)}`, {
    hint: "A token is bound to the project's first repository and works for all of them; leave --repo out.",
  });
}

export const tokenMint = command({
  path: ["token", "mint"],
  about: "Make a session token for a project. It is shown once and stored only as a hash.",
  options: {
    project: { kind: "text", about: "The project's id", placeholder: "ID", required: true },
    repo: {
      kind: "text",
      about: "Repository that the token names (default: the project's first one)",
      placeholder: "OWNER/NAME",
    },
    ttl: {
      kind: "text",
      about: "How long it is valid: 8h, 90m, 1h30m; at most 24h",
      placeholder: "TIME",
      default: "24h",
    },
    label: { kind: "text", about: "A note for token list", placeholder: "TEXT" },
    out: OUT_OPTION,
    json: JSON_SWITCH,
  },
  examples: [
    ["token mint --project=OWNER_NAME --out=.devcontainer/.session/token", "Write a token for a container to mount"],
    ["token mint --project=OWNER_NAME --ttl=8h --label=review", "Print a token that ends after a working day"],
  ],
  run: async ({ project, repo, ttl, label, out }, context) => {
    const lifetimeMs = parseDuration(ttl);
    const base = context.base();
    const files = projectFiles(base.projects, requireProjectId(project));
    const loaded = loadProject(files, project);
    const bound = boundRepo(repo, loaded.project.repos[0]?.name ?? "", project);
    const approved = approvalFor(loaded.bytes, readPin(files)) === "allowed";
    const notes = approved
      ? []
      : [
          `warning: the configuration of ${project} is not approved, so the token can do nothing yet: cmd2host config allow ${project}`,
        ];
    return handOver(
      new TokenStore(base.tokens),
      { projectId: project, repo: bound, label, lifetimeMs, out },
      context,
      notes,
    );
  },
});
