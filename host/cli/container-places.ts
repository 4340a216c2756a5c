import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Address } from "../../wire/client.ts";
import { DEFAULT_PORT } from "../../wire/limits.ts";
import { baseDirectory } from "../util/base-directory.ts";

/** Where a container finds the daemon, its session and the programs of the feature. */
export interface ContainerPlaces {
  readonly address: Address;
  /** What decided it: a variable, or nothing but what is there. */
  readonly addressFrom: string;
  readonly tokenFile: string;
  readonly tokenFileFrom: string;
  /** Of the feature. */
  readonly programs: string;
  /** The socket that set-up mounts, whether it is used or not. */
  readonly usualSocket: string;
}

const VARIABLES = ["SOCKET", "HOST", "PORT", "TOKEN_FILE"].map((name) => `HOST_CMD_PROXY_${name}`);
const DEFAULT_HOST = "host.docker.internal";

function variable(environment: NodeJS.ProcessEnv, name: string): string | undefined {
  const value = environment[`HOST_CMD_PROXY_${name}`] ?? "";
  return value === "" ? undefined : value;
}

function hasBase(environment: NodeJS.ProcessEnv): boolean {
  try {
    return existsSync(baseDirectory(environment).root);
  } catch {
    return false;
  }
}

/**
 * Whether this is a container that a host serves: it has no base directory, but something that our set-up gives containers.
 * @param root where fixed places are looked for: `/`
 */
export function isContainer(environment: NodeJS.ProcessEnv, root: string): boolean {
  if (hasBase(environment)) return false;
  const given = VARIABLES.some((name) => (environment[name] ?? "") !== "");
  return (
    given || ["run/cmd2host", "run/cmd2host-session", "run/cmd2host-token"].some((path) => existsSync(join(root, path)))
  );
}

function addressOf(
  environment: NodeJS.ProcessEnv,
  usualSocket: string,
): Pick<ContainerPlaces, "address" | "addressFrom"> {
  const [socket, host, portText] = [
    variable(environment, "SOCKET"),
    variable(environment, "HOST"),
    variable(environment, "PORT"),
  ];
  if (socket !== undefined) return { address: { kind: "unix", path: socket }, addressFrom: "HOST_CMD_PROXY_SOCKET" };
  const isUsual =
    host === undefined && statSync(join(usualSocket, ".."), { throwIfNoEntry: false })?.isDirectory() === true;
  if (isUsual) return { address: { kind: "unix", path: usualSocket }, addressFrom: "what is mounted" };
  const port = portText !== undefined && /^\d{1,5}$/.test(portText) ? Number(portText) : DEFAULT_PORT;
  const addressFrom = host === undefined ? "the default" : "HOST_CMD_PROXY_HOST";
  return { address: { kind: "tcp", host: host ?? DEFAULT_HOST, port }, addressFrom };
}

/** @param root where fixed places are looked for: `/` */
export function containerPlaces(environment: NodeJS.ProcessEnv, root: string): ContainerPlaces {
  const usualSocket = join(root, "run/cmd2host/cmd2host.sock");
  const told = variable(environment, "TOKEN_FILE");
  const usualToken = [join(root, "run/cmd2host-session/token"), join(root, "run/cmd2host-token")];
  return {
    ...addressOf(environment, usualSocket),
    tokenFile: told ?? usualToken.find((path) => existsSync(path)) ?? join(root, "run/cmd2host-token"),
    tokenFileFrom: told === undefined ? "the default" : "HOST_CMD_PROXY_TOKEN_FILE",
    programs: join(root, "usr/local/lib/cmd2host"),
    usualSocket,
  };
}
