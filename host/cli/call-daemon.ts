import { existsSync, statSync } from "node:fs";
import type { Address } from "../../wire/client.ts";
import { readTokenFile } from "../../wire/client-token.ts";
import { CodedError } from "../../wire/errors.ts";
import { DEFAULT_PORT } from "../../wire/limits.ts";
import { baseDirectory } from "../util/base-directory.ts";
import type { Whereabouts } from "./call-line.ts";

/** Where the daemon of a container is, and the token, as the container's environment says it. */

const DEFAULT_HOST = "host.docker.internal";
const DEFAULT_TOKEN_FILE = "/run/cmd2host-token";

/** An empty variable counts as one that is not set. */
function variable(environment: NodeJS.ProcessEnv, name: string): string | undefined {
  const value = environment[name] ?? "";
  return value === "" ? undefined : value;
}

/** On the host itself: the socket of the daemon that serves the base directory, if there is one. */
function ownSocket(environment: NodeJS.ProcessEnv): string | undefined {
  try {
    const { socket } = baseDirectory(environment);
    return statSync(socket).isSocket() ? socket : undefined;
  } catch {
    return undefined;
  }
}

/** Options win over the environment; in each, a socket wins over host and port. */
export function addressOf(where: Whereabouts, environment: NodeJS.ProcessEnv): Address {
  const { socket = "", host = "", port } = where;
  if (socket !== "") return { kind: "unix", path: socket };
  const portText = variable(environment, "HOST_CMD_PROXY_PORT") ?? "";
  const other = {
    socket: variable(environment, "HOST_CMD_PROXY_SOCKET"),
    host: variable(environment, "HOST_CMD_PROXY_HOST"),
    // What is no number is passed over, as the original does.
    port: /^\d{1,5}$/.test(portText) ? Number(portText) : undefined,
  };
  if (host === "" && port === undefined) {
    const path = other.socket ?? (other.host === undefined && portText === "" ? ownSocket(environment) : undefined);
    if (path !== undefined) return { kind: "unix", path };
  }
  return {
    kind: "tcp",
    host: host === "" ? (other.host ?? DEFAULT_HOST) : host,
    port: port ?? other.port ?? DEFAULT_PORT,
  };
}

/**
 * The session token: of the file, else of CMD2HOST_TOKEN. A file that was not named on the command line may be missing.
 * @throws CodedError `file_failed`, `token_missing`
 */
export async function tokenOf(named: string | undefined, environment: NodeJS.ProcessEnv): Promise<string> {
  const other = (environment["CMD2HOST_TOKEN"] ?? "").trim();
  const told = named ?? variable(environment, "HOST_CMD_PROXY_TOKEN_FILE");
  const file = told ?? DEFAULT_TOKEN_FILE;
  const mayBeMissing = told === undefined || (named === undefined && other !== "");
  const text = mayBeMissing && !existsSync(file) ? "" : await readTokenFile(file);
  const token = text === "" ? other : text;
  if (token !== "") return token;
  throw new CodedError("token_missing", `no session token: neither ${file} nor CMD2HOST_TOKEN gives one`);
}
