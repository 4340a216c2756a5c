import { mkdirSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { CodedError, errnoOf } from "../../wire/errors.ts";
import { printable, quoted } from "../../wire/text.ts";
import { TokenStore } from "../auth/token-store.ts";
import { readPin, projectFiles } from "../project/pin.ts";
import type { BaseDirectory } from "../util/base-directory.ts";
import { makePrivateDirectory } from "../util/write-atomic.ts";
import { approvalFor } from "../project/approval.ts";
import { checkoutRoot, projectOfCheckout } from "./checkout.ts";
import { command, JSON_SWITCH, type Report } from "./command.ts";
import type { Context } from "./context.ts";
import { parseDuration, timeWords } from "./duration.ts";
import { shortHash } from "./find-token.ts";
import { tokenJson } from "./session-token.ts";
import { writeToken } from "./write-token.ts";

const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;

function checkedName(name: string): string {
  if (NAME.test(name)) return name;
  throw new CodedError("usage", `--name ${quoted(name)} is no name of a session`, {
    hint: "Letters, digits, '_', '.' and '-'; in a devcontainer.json: ${devcontainerId}",
  });
}

/**
 * The directory of a session, and the one that holds the socket: both are mounted, and a mount whose source is missing keeps a container from
 * starting. Returns the real path of the first.
 */
function makeMounted(base: BaseDirectory, name: string): string {
  const directory = join(base.sessions, name);
  const shared = dirname(base.sharedSocket);
  makePrivateDirectory(directory);
  try {
    // As the daemon makes it: other users of the host are kept out by the directory above.
    mkdirSync(shared, { recursive: true, mode: 0o755 });
    return realpathSync.native(directory);
  } catch (error) {
    throw new CodedError("file_failed", `${printable(shared)}: cannot be made: ${errnoOf(error) ?? "unknown error"}`, {
      cause: error,
    });
  }
}

interface Wanted {
  readonly workspace: string | undefined;
  readonly project: string | undefined;
  readonly name: string | undefined;
  readonly out: string | undefined;
  readonly ttl: string;
}

async function start(wanted: Wanted, context: Context, warn: (text: string) => void): Promise<Report> {
  const base = context.base();
  // Before anything can go wrong: a container that starts without a token is better than one that does not start.
  const early = wanted.name === undefined ? undefined : makeMounted(base, checkedName(wanted.name));
  const lifetimeMs = parseDuration(wanted.ttl);
  const root = checkoutRoot(context.cwd, wanted.workspace);
  const { project, bytes } = projectOfCheckout(base.projects, root, wanted.project, warn);
  const { id } = project;
  const approved = approvalFor(bytes, readPin(projectFiles(base.projects, id))) === "allowed";
  if (!approved)
    warn(`the configuration of ${id} is not approved, so the session can do nothing yet: cmd2host config allow ${id}`);
  const file = wanted.out ?? join(early ?? makeMounted(base, id), "token");
  const store = new TokenStore(base.tokens);
  const { token, record } = await store.mint(
    { projectId: id, repo: project.repos[0]?.name ?? "", label: `container ${wanted.name ?? id}`.slice(0, 200) },
    lifetimeMs,
  );
  try {
    writeToken(file, token, context.cwd);
  } catch (error) {
    await store.revoke([record.hash]);
    throw error;
  }
  return {
    exit: 0,
    human: `cmd2host: session token ${shortHash(record.hash)} of ${id} until ${timeWords(record.expiresAt)}, in ${printable(file)}\n`,
    json: { ...tokenJson(record), file, approved },
  };
}

export const sessionStart = command({
  path: ["session", "start"],
  about: "Make a session token for the container of this checkout, where the container finds it.",
  options: {
    workspace: { kind: "text", about: "The checkout (default: the current directory)", placeholder: "DIR" },
    name: {
      kind: "text",
      about: "Name of the container's directory in sessions/ (default: the project's id)",
      placeholder: "NAME",
    },
    out: { kind: "text", about: "Write the token to this file instead; never through a link", placeholder: "FILE" },
    project: { kind: "text", about: "The project, when several name this checkout", placeholder: "ID" },
    ttl: { kind: "text", about: "How long the token is valid; at most 24h", placeholder: "TIME", default: "24h" },
    strict: { kind: "switch", about: "Exit with 1 when there is no token; else that is a warning" },
    json: JSON_SWITCH,
  },
  examples: [
    [
      "session start",
      "As initializeCommand of a devcontainer.json, or by hand: a running container sees the new token",
    ],
    ["session start --out=.devcontainer/.session/token", "Where the original put it"],
  ],
  more: "Without --strict a container starts also when there can be no token: what is wrong is a line on standard error, and the exit code is 0.",
  run: async ({ workspace, name, out, project, ttl, strict }, context) => {
    const warnings: string[] = [];
    const said = (): string => warnings.map((text) => `cmd2host: warning: ${text}\n`).join("");
    try {
      const report = await start({ workspace, project, name, out, ttl }, context, (text) => warnings.push(text));
      return { ...report, stderr: said() };
    } catch (error) {
      if (!(error instanceof CodedError) || strict) throw error;
      const { code, message, hint } = error;
      warnings.push(`no session token: ${message}${hint === "" ? "" : ` (${hint})`}`);
      return { exit: 0, human: "", json: { error: { code, message, hint } }, stderr: said() };
    }
  },
});
