import { readTokenFile } from "../../wire/client-token.ts";
import { CodedError } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";
import { containerPlaces } from "./container-places.ts";
import type { Context } from "./context.ts";
import { Checks, type Check } from "./doctor-check.ts";
import { mcpFileChecks } from "./doctor-mcp.ts";
import { commandChecks } from "./doctor-programs.ts";
import { foundToken, reachChecks, sessionChecks } from "./doctor-reach.ts";

async function tokenText(file: string): Promise<string | CodedError> {
  try {
    return await readTokenFile(file);
  } catch (error) {
    if (error instanceof CodedError) return error;
    throw error;
  }
}

function mcpChecks(workspace: string): readonly Check[] {
  const checks = new Checks(null, "mcp");
  const fix = "On the host, in the workspace: cmd2host setup";
  const found = mcpFileChecks(checks, workspace, fix);
  if (found.length > 0) return found;
  return [checks.warn(`${printable(workspace)} has no .mcp.json: its MCP clients have no tools of ours`, fix)];
}

/** Everything that operations need in a container, in the order of the chain: the way to the daemon, the token, the session, commands, MCP files. */
export async function containerChecks({ environment, cwd, containerRoot }: Context): Promise<readonly Check[]> {
  const places = containerPlaces(environment, containerRoot);
  const reach = await reachChecks(places);
  const { token, check } = foundToken(
    places,
    await tokenText(places.tokenFile),
    (environment["CMD2HOST_TOKEN"] ?? "").trim(),
  );
  const isThere = !reach.some(({ level }) => level === "fail");
  return [
    ...reach,
    check,
    ...(isThere ? await sessionChecks(places.address, token) : []),
    ...commandChecks(places.programs, environment["PATH"] ?? ""),
    ...mcpChecks(cwd),
  ];
}
