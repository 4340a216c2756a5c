import { lstatSync } from "node:fs";
import { dirname } from "node:path";
import { CodedError } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";
import { answers } from "../service/answer.ts";
import type { ServiceState } from "../service/platform.ts";
import { missingPart, replacedSince } from "../service/replaced.ts";
import type { BaseDirectory } from "../util/base-directory.ts";
import type { Context } from "./context.ts";
import { Checks, type Check } from "./doctor-check.ts";
import { timeWords } from "./duration.ts";
import { installedService, serviceManager, type InstalledService } from "./service-manager.ts";
import { setting } from "./setting.ts";
import { socketsOf } from "./sockets.ts";
import { VERSION } from "../util/version.ts";

const INSTALL = "cmd2host service install";

function stateChecks(checks: Checks, { state, since, enabled }: ServiceState): readonly Check[] {
  if (state !== "active")
    return [
      checks.fail(`the service is ${state}`, "cmd2host service restart; if it does not start: cmd2host service logs"),
    ];
  const long = since === undefined ? "" : ` since ${timeWords(since)}`;
  return [
    checks.ok(`the service is active${long}`),
    ...(enabled ? [] : [checks.warn("the service does not start by itself at login", INSTALL)]),
  ];
}

/** Whether what runs is this program, for this base directory. */
function programChecks(
  checks: Checks,
  { definition, base: served }: InstalledService,
  state: ServiceState,
  base: BaseDirectory,
): readonly Check[] {
  const { program, version } = definition;
  const missing = missingPart(program);
  if (missing !== undefined) return [checks.fail(`the service's program is not there: ${printable(missing)}`, INSTALL)];
  const found: Check[] = [];
  const replaced = state.since === undefined ? undefined : replacedSince(program, state.since);
  if (replaced !== undefined)
    found.push(
      checks.warn(
        `the service runs an older version: ${printable(replaced)} was replaced after its start`,
        "cmd2host service restart",
      ),
    );
  if (version !== VERSION) {
    const writer = version === undefined ? "another program" : `cmd2host ${printable(version)}`;
    found.push(checks.warn(`the service was installed by ${writer}, and this is ${VERSION}`, INSTALL));
  }
  if (served.root !== base.root)
    found.push(
      checks.warn(`the service serves ${printable(served.root)}, and this shell has ${printable(base.root)}`, INSTALL),
    );
  return found;
}

/** Whether the daemon runs in the background, and is this version. */
export async function serviceChecks(context: Context, base: BaseDirectory): Promise<readonly Check[]> {
  const checks = new Checks(null, "service");
  try {
    const manager = serviceManager(context);
    const installed = installedService(manager, context);
    await manager.platform.requireManager();
    if (installed === undefined) {
      if (await answers(base.lockSocket)) return [checks.ok("the daemon runs, started by hand")];
      return [checks.warn("the daemon does not run, and is no service", `${INSTALL}, or cmd2host serve`)];
    }
    const state = await manager.platform.state();
    return [...stateChecks(checks, state), ...programChecks(checks, installed, state, base)];
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    if (error.code !== "service_unavailable") return [checks.failed(error)];
    if (await answers(base.lockSocket)) return [checks.ok(`the daemon runs, started by hand: ${error.message}`)];
    return [checks.warn(`the daemon does not run, and cannot be a service: ${error.message}`, "cmd2host serve")];
  }
}

function socketCheck(checks: Checks, path: string, mode: unknown): Check {
  const shown = printable(path);
  const stats = lstatSync(path, { throwIfNoEntry: false });
  // What is not there yet has been said already.
  if (stats === undefined)
    return checks.fail(
      `the daemon runs, but ${shown} is not there: somebody removed it`,
      "cmd2host service restart, or start cmd2host serve again",
    );
  if (!stats.isSocket())
    return checks.fail(
      `${shown} is no socket`,
      `Move it away; then cmd2host service restart, or start cmd2host serve again.`,
    );
  const own = stats.mode & 0o777;
  if (typeof mode === "number" && own !== mode)
    return checks.warn(
      `${shown} has mode ${own.toString(8)}, and daemon.json says ${mode.toString(8)}`,
      `chmod ${mode.toString(8)} ${shown}`,
    );
  return checks.ok(`${shown} is there (mode ${own.toString(8)})`);
}

/** Whether the sockets of a running daemon can be reached, and their directory be mounted. */
export async function socketChecks(settings: unknown, base: BaseDirectory): Promise<readonly Check[]> {
  const checks = new Checks(null, "socket");
  if (!(await answers(base.lockSocket))) return [];
  return socketsOf(settings, base).flatMap((path) => {
    const check = socketCheck(checks, path, setting(settings, "socketMode"));
    if (path !== base.sharedSocket) return [check];
    const directory = lstatSync(dirname(path), { throwIfNoEntry: false });
    const mode = (directory?.mode ?? 0) & 0o777;
    const shut = `${printable(dirname(path))} lets only its owner in: a container whose user has another number cannot connect`;
    return (mode & 0o011) === 0 && directory !== undefined
      ? [check, checks.warn(shut, `chmod 755 ${printable(dirname(path))}`)]
      : [check];
  });
}
