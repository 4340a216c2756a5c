import { join } from "node:path";
import { CodedError } from "../../wire/errors.ts";
import { Launchd } from "./launchd.ts";
import type { ServicePlatform } from "./platform.ts";
import { Systemd, withRuntimeDirectory } from "./systemd.ts";
import { Tools } from "./tool.ts";

/** A service manager, and the tools that reach it. */
export interface Manager {
  readonly platform: ServicePlatform;
  readonly tools: Tools;
}

/** Where output goes on systems that have no journal. */
export function logFileOf(baseRoot: string): string {
  return join(baseRoot, "cmd2host.log");
}

/**
 * The service manager of a system.
 * @param workspaces real paths, where no program is taken from
 * @throws CodedError `service_unavailable` for systems whose manager we do not know
 */
export function managerOf(
  system: NodeJS.Platform,
  environment: NodeJS.ProcessEnv,
  baseRoot: string,
  workspaces: readonly string[],
): Manager {
  const home = environment["HOME"] ?? "";
  if (home === "")
    throw new CodedError("service_unavailable", "HOME is not set, and the service's definition belongs there");
  const uid = process.geteuid?.() ?? 0;
  if (system === "darwin") {
    const tools = new Tools(environment, workspaces);
    return { platform: new Launchd(home, tools, uid, logFileOf(baseRoot)), tools };
  }
  if (system === "linux") {
    const tools = new Tools(withRuntimeDirectory(environment, uid), workspaces);
    return { platform: new Systemd(home, tools, uid), tools };
  }
  throw new CodedError("service_unavailable", `cmd2host knows no service manager on ${system}`);
}
