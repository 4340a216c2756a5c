import { accessSync, constants, lstatSync, readdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { addressText, DaemonClient, type Address } from "../../wire/client.ts";
import { connected } from "../../wire/client-connect.ts";
import { CodedError, errnoOf } from "../../wire/errors.ts";
import type { ListReply } from "../../wire/schema.ts";
import { printable } from "../../wire/text.ts";
import type { ContainerPlaces } from "./container-places.ts";
import { Checks, type Check } from "./doctor-check.ts";

/** The way from a container to the daemon, link by link. */

const START = "On the host: cmd2host service install, or cmd2host serve";
const SETUP = "On the host, in the workspace: cmd2host setup; then make the container anew";
const TOKEN = /^[0-9a-f]{64}$/;
/** Asked with when there is no token: whatever the daemon says of it tells who it is. */
const NO_TOKEN = "0".repeat(64);

/** Why the directory of the socket cannot lead to a daemon; undefined when it may. */
function directoryFault(checks: Checks, directory: string): Check | undefined {
  const shown = printable(directory);
  let stats;
  let entries;
  try {
    stats = statSync(directory);
    if (!stats.isDirectory()) return checks.fail(`${shown} is not a directory`, SETUP);
    accessSync(directory, constants.X_OK);
    entries = readdirSync(directory).length;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "ENOENT") return checks.fail(`${shown} is not there: no directory of the host is mounted`, SETUP);
    // It may be passed through without being listed.
    if (errno !== "EACCES" || stats === undefined) return checks.fail(`${shown}: ${errno ?? "cannot be read"}`, SETUP);
    try {
      accessSync(directory, constants.X_OK);
      return undefined;
    } catch {
      return checks.fail(
        `${shown} lets this user (${process.geteuid?.() ?? "?"}) not in`,
        "On the host: chmod 755 ~/.cmd2host/run; or let the container's user have your user number",
      );
    }
  }
  if (entries > 0) return undefined;
  return stats.uid === 0
    ? checks.fail(
        `${shown} is empty and belongs to root: the container engine made it, because it was not on the host`,
        `${START}. Then make the container anew`,
      )
    : checks.fail(`${shown} is empty: no daemon has been started since`, START);
}

/** Why nobody answers, from what the system says. */
function connectFault(checks: Checks, address: Address, errno: string): Check {
  const shown = printable(addressText(address));
  if (address.kind === "unix") {
    if (errno === "EACCES" || errno === "EPERM") {
      const mode = (lstatSync(address.path, { throwIfNoEntry: false })?.mode ?? 0) & 0o777;
      return checks.fail(
        `this user (${process.geteuid?.() ?? "?"}) may not connect to ${shown} (mode ${mode.toString(8)})`,
        'On the host: "socket_mode": 438 in daemon.json (which is 666; the token still decides), and restart; or let the container\'s user have your user number',
      );
    }
    return checks.fail(
      `nobody listens at ${shown} (${errno}): the daemon is down, or the socket itself is mounted, and from before its restart`,
      `${START}. Mount the directory ~/.cmd2host/run, not the socket`,
    );
  }
  if (errno === "ENOTFOUND" || errno === "EAI_AGAIN")
    return checks.fail(
      `${printable(address.host)} is not known in this container (${errno})`,
      "Add --add-host=host.docker.internal:host-gateway to its runArgs, or use connectionMode unix, which needs no network",
    );
  return checks.fail(
    `nobody answers at ${shown} (${errno})`,
    `${START}. On Linux the daemon's 127.0.0.1 is not the container's: use connectionMode unix`,
  );
}

/** Whether the daemon can be connected to. */
export async function reachChecks({ address, addressFrom, usualSocket }: ContainerPlaces): Promise<readonly Check[]> {
  const checks = new Checks(null, "connection");
  const shown = printable(addressText(address));
  if (address.kind === "unix") {
    const fault = directoryFault(checks, dirname(address.path));
    if (fault !== undefined) return [fault];
    const stats = lstatSync(address.path, { throwIfNoEntry: false });
    if (stats === undefined)
      return [checks.fail(`${shown} is not there: the daemon is down, or its socket has another name`, START)];
    if (!stats.isSocket() && !stats.isSymbolicLink()) return [checks.fail(`${shown} is no socket`, SETUP)];
  }
  const found: Check[] = [];
  if (address.kind === "tcp" && lstatSync(usualSocket, { throwIfNoEntry: false })?.isSocket() === true)
    found.push(
      checks.warn(
        `${printable(usualSocket)} is mounted, but ${addressFrom} says TCP`,
        `Set HOST_CMD_PROXY_SOCKET=${printable(usualSocket)}, or connectionMode to unix`,
      ),
    );
  try {
    (await connected(address, undefined)).destroy();
    return [...found, checks.ok(`a daemon listens at ${shown} (from ${addressFrom})`)];
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return [...found, connectFault(checks, address, error.message.slice(error.message.lastIndexOf(": ") + 2))];
  }
}

/** What a look for the token gives. */
export interface FoundToken {
  readonly token: string | undefined;
  readonly check: Check;
}

/** @param text of the token file; an error says why it cannot be read */
export function foundToken(
  { tokenFile, tokenFileFrom }: ContainerPlaces,
  text: string | CodedError,
  variable: string,
): FoundToken {
  const checks = new Checks(null, "session");
  const fix =
    "On the host, in the workspace: cmd2host session start (it runs when the container starts), or cmd2host token mint";
  const shown = printable(tokenFile);
  const usable = (token: string, from: string): FoundToken =>
    TOKEN.test(token)
      ? { token, check: checks.ok(`the token is in ${from}`) }
      : { token: undefined, check: checks.fail(`${from} holds no token: it is not 64 hexadecimal digits`, fix) };
  if (typeof text === "string" && text !== "") return usable(text, shown);
  if (variable !== "") return usable(variable, "CMD2HOST_TOKEN");
  const why = typeof text === "string" ? "is blank" : text.message.slice(text.message.lastIndexOf(": ") + 2);
  const missing = why === "ENOENT" ? "is not there" : why === "EACCES" ? "may not be read by this user" : why;
  return { token: undefined, check: checks.fail(`the token file ${shown} (from ${tokenFileFrom}) ${missing}`, fix) };
}

/** What the daemon says to the token: who it is, and what the session may do. */
export async function sessionChecks(address: Address, token: string | undefined): Promise<readonly Check[]> {
  const checks = new Checks(null, "session");
  let reply: ListReply;
  try {
    reply = await new DaemonClient(address, token ?? NO_TOKEN).list("");
  } catch (error) {
    if (error instanceof CodedError) return [checks.failed(error)];
    throw error;
  }
  // The original says neither.
  if (reply.revision === undefined && reply.code === undefined)
    return [
      checks.fail(
        "the daemon is the original's (protocol 1 only), which the bridge cannot talk with",
        "On the host: install this cmd2host, and start it instead; configurations and tokens stay",
      ),
    ];
  if (token === undefined) return [];
  if (reply.code === "unauthenticated")
    return [
      checks.fail(
        "the daemon does not take the token: it has expired, was revoked, or is another daemon's",
        "On the host, in the workspace: cmd2host session start; or cmd2host token mint",
      ),
    ];
  if (reply.error !== undefined)
    return [checks.fail(printable(reply.error), `On the host: ${printable(reply.hint ?? "cmd2host doctor")}`)];
  const count = reply.operations?.length ?? 0;
  return [
    count === 0
      ? checks.warn("the session may do nothing", "On the host: cmd2host config show")
      : checks.ok(`the daemon takes the token; operations: ${count}`),
  ];
}
