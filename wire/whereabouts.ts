import { existsSync } from "node:fs";
import type { Address } from "./client-connect.ts";
import { readTokenFile } from "./client-token.ts";
import { CodedError } from "./errors.ts";
import { DEFAULT_PORT } from "./limits.ts";

/** Where the daemon of a container is, and the token, as a command line and the container's environment say it. */

const DEFAULT_HOST = "host.docker.internal";
const DEFAULT_TOKEN_FILE = "/run/cmd2host-token";

/** What a command line says; empty is nothing. */
export interface Whereabouts {
  readonly socket: string | undefined;
  readonly host: string | undefined;
  readonly port: number | undefined;
  readonly tokenFile: string | undefined;
}

/** An empty variable counts as one that is not set. */
function variable(environment: NodeJS.ProcessEnv, name: string): string | undefined {
  const value = environment[name] ?? "";
  return value === "" ? undefined : value;
}

/**
 * Options win over the environment; in each, a socket wins over host and port.
 * @param near the socket that is meant when nothing says anything, if there is one
 */
export function addressOf(
  where: Omit<Whereabouts, "tokenFile">,
  environment: NodeJS.ProcessEnv,
  near: () => string | undefined,
): Address {
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
    const path = other.socket ?? (other.host === undefined && portText === "" ? near() : undefined);
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
