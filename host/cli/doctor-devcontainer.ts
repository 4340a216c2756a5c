import { dirname } from "node:path";
import { printable } from "../../wire/text.ts";
import type { BaseDirectory } from "../util/base-directory.ts";
import type { Context } from "./context.ts";
import { devcontainerFacts, type DevcontainerFacts } from "./devcontainer-facts.ts";
import { Checks, type Check } from "./doctor-check.ts";
import { mcpFileChecks } from "./doctor-mcp.ts";
import { workspaceFile, workspaceFolders, type WorkspaceFile } from "./workspace-files.ts";
import { realOrSame } from "../util/real-path.ts";

/** What the host can see of the container's side: the files that make it. */

const SETUP = "cmd2host setup, in the workspace";
const SOCKETS = "/run/cmd2host";
/** Ours, and where the original's set-up puts the token. */
const TOKENS = ["/run/cmd2host-session", "/run/cmd2host-token"];

function devcontainerFiles(root: string): readonly WorkspaceFile[] {
  const named = workspaceFolders(root, ".devcontainer").map((name) =>
    workspaceFile(root, ".devcontainer", name, "devcontainer.json"),
  );
  return [
    workspaceFile(root, ".devcontainer", "devcontainer.json"),
    workspaceFile(root, ".devcontainer.json"),
    ...named,
  ].filter((file) => file !== undefined);
}

/** A mount that shows a container more than the daemon's socket. */
function mountFaults(
  checks: Checks,
  path: string,
  { mounts }: DevcontainerFacts,
  base: BaseDirectory,
): readonly Check[] {
  const root = realOrSame(base.root);
  return mounts.flatMap(({ source, target }) => {
    const real = realOrSame(source);
    if (
      source !== "" &&
      (root === real || root.startsWith(`${real}/`) || [base.projects, base.tokens].map(realOrSame).includes(real))
    )
      return [
        checks.fail(
          `${path} mounts ${printable(source)}, which holds approvals and tokens: the container could allow itself anything`,
          `Mount ${printable(dirname(base.sharedSocket))} to ${SOCKETS} instead: ${SETUP}`,
        ),
      ];
    if (source.endsWith(".sock") && target.includes("cmd2host"))
      return [
        checks.warn(
          `${path} mounts the socket itself: after a restart of the daemon the container has the old one`,
          `Mount its directory, ${printable(dirname(base.sharedSocket))}, to ${SOCKETS}: ${SETUP}`,
        ),
      ];
    return [];
  });
}

function modeChecks(checks: Checks, path: string, facts: DevcontainerFacts, listenMode: unknown): readonly Check[] {
  const isUnix = facts.feature?.get("connectionMode") === "unix";
  const targets = facts.mounts.map(({ target }) => target);
  const socket = facts.environment.get("HOST_CMD_PROXY_SOCKET");
  const found: Check[] = [];
  if (isUnix && listenMode === "tcp")
    found.push(
      checks.fail(
        `${path} has connectionMode unix, and daemon.json says listen_mode tcp`,
        'Set "listen_mode": "both" in daemon.json.',
      ),
    );
  if (!isUnix && listenMode === "unix")
    found.push(
      checks.fail(
        `${path} has connectionMode tcp, and daemon.json says listen_mode unix`,
        `Set "connectionMode": "unix": ${SETUP}`,
      ),
    );
  if (isUnix && !targets.some((target) => target === SOCKETS || target.endsWith(".sock")))
    found.push(checks.warn(`${path} has connectionMode unix, and mounts no directory to ${SOCKETS}`, SETUP));
  if (!isUnix && typeof socket === "string" && socket !== "")
    found.push(
      checks.warn(
        `${path} has connectionMode tcp, and HOST_CMD_PROXY_SOCKET, which clients prefer`,
        "Remove the variable, or set connectionMode to unix.",
      ),
    );
  if (!targets.some((target) => TOKENS.includes(target)))
    found.push(checks.warn(`${path} mounts no token (to ${TOKENS[0] ?? ""})`, SETUP));
  return found;
}

function fileChecks(
  context: Context,
  base: BaseDirectory,
  id: string,
  file: WorkspaceFile,
  listenMode: unknown,
): readonly Check[] {
  const checks = new Checks(id, "devcontainer");
  const path = printable(file.path);
  if ("wrong" in file) return [checks.warn(file.wrong, `Mend it inside the workspace, or: ${SETUP}`)];
  const facts = devcontainerFacts(file.value, context.environment);
  const mounts = mountFaults(checks, path, facts, base);
  if (facts.feature === undefined) return [...mounts, checks.warn(`${path} does not have the feature cmd2host`, SETUP)];
  const found = [...mounts, ...modeChecks(checks, path, facts, listenMode)];
  return found.length > 0 ? found : [checks.ok(`${path} has the feature and its mounts`)];
}

/** The files of a workspace that make its container and tell MCP clients of us. @param listenMode of daemon.json */
export function devcontainerChecks(
  context: Context,
  base: BaseDirectory,
  id: string,
  root: string,
  listenMode: unknown,
): readonly Check[] {
  const files = devcontainerFiles(root);
  return [
    ...files.flatMap((file) => fileChecks(context, base, id, file, listenMode)),
    ...mcpFileChecks(new Checks(id, "mcp"), root, SETUP),
  ];
}
