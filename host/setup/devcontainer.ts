import { CodedError } from "../../wire/errors.ts";
import { DEFAULT_PORT } from "../../wire/limits.ts";
import { printable } from "../../wire/text.ts";
import { SESSION_DIRECTORY, SOCKET, SOCKET_DIRECTORY, TOKEN_FILE } from "../util/container-places.ts";
import type { FeatureRuntime } from "./feature-files.ts";
import { initializeWords, SESSION_NAME } from "./initialize.ts";
import { JsoncError, JsoncText } from "./jsonc-text.ts";
import { isOurFeature } from "./present-feature.ts";

export type ConnectionMode = "unix" | "tcp";

/** What a devcontainer.json has to say. */
export interface DevcontainerChoices {
  /** Reference of the feature, with its version. */
  readonly feature: string;
  /** Names that stand for the host's commands in the container. */
  readonly commands: readonly string[];
  readonly mode: ConnectionMode;
  /** What runs in the container; undefined leaves what is said, or the feature's own choice. */
  readonly runtime: FeatureRuntime | undefined;
  /** The base directory, as a container tool reads it: absolute, or with `${localEnv:HOME}`. */
  readonly base: string;
  /** Where the daemon listens when the mode is tcp. */
  readonly port: number;
}

const OURS = "cmd2host";
const GATEWAY = "host.docker.internal";

type Members = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function refuse(message: string): never {
  throw new JsoncError(message);
}

function textTarget(mount: unknown): string | undefined {
  if (typeof mount !== "string") return undefined;
  const part = mount.split(",").find((one) => /^(?:target|dst|destination)=/.test(one.trim()));
  return part?.slice(part.indexOf("=") + 1).trim();
}

/** Where a mount, in either of its forms, appears in the container. */
function targetOf(mount: unknown): unknown {
  const target = isObject(mount) ? mount["target"] : textTarget(mount);
  return typeof target === "string" ? target.replace(/(?<=[^/])\/+$/, "") : undefined;
}

function setFeature(file: JsoncText, { feature, commands, mode, runtime }: DevcontainerChoices): void {
  const features = file.get(["features"]);
  const options = { commands: commands.join(","), connectionMode: mode, ...(runtime === undefined ? {} : { runtime }) };
  if (features === undefined) {
    file.set(["features"], { [feature]: options });
    return;
  }
  if (!isObject(features)) refuse('"features" is not an object');
  const name = Object.keys(features).find(isOurFeature) ?? feature;
  const there = features[name];
  if (name !== feature) file.remove(["features", name]);
  file.set(["features", feature], isObject(there) ? { ...there, ...options } : options);
}

function setMount(file: JsoncText, target: string, mount: string | undefined): void {
  const mounts = file.get(["mounts"]) ?? [];
  if (!Array.isArray(mounts)) refuse('"mounts" is not an array');
  const index = mounts.findIndex((one) => targetOf(one) === target);
  if (mount === undefined) {
    if (index >= 0) file.remove(["mounts", index]);
  } else if (index < 0) file.push(["mounts"], mount);
  else file.set(["mounts", index], mount);
}

function setInitialize(file: JsoncText, base: string): void {
  const there = file.get(["initializeCommand"]);
  const ours = initializeWords(base);
  if (there === undefined || there === "") file.set(["initializeCommand"], { [OURS]: ours });
  else if (typeof there === "string" || Array.isArray(there))
    file.set(["initializeCommand"], { workspace: there, [OURS]: ours });
  else if (isObject(there)) file.set(["initializeCommand", OURS], ours);
  else refuse('"initializeCommand" is no text, array or object');
}

function setEnvironment(file: JsoncText, values: ReadonlyMap<string, string | undefined>): void {
  const there = file.get(["containerEnv"]);
  if (there === undefined) {
    file.set(["containerEnv"], Object.fromEntries([...values].filter(([, value]) => value !== undefined)));
    return;
  }
  if (!isObject(there)) refuse('"containerEnv" is not an object');
  for (const [name, value] of values) {
    if (value === undefined) file.remove(["containerEnv", name]);
    else file.set(["containerEnv", name], value);
  }
}

function setGateway(file: JsoncText): void {
  const there = file.get(["runArgs"]) ?? [];
  if (!Array.isArray(there)) refuse('"runArgs" is not an array');
  const named = there.some((word: unknown) => typeof word === "string" && word.includes(`${GATEWAY}:`));
  if (!named) file.push(["runArgs"], `--add-host=${GATEWAY}:host-gateway`);
}

/** In TCP mode no socket must be named: clients prefer one that is. */
function environmentFor({ mode, port }: DevcontainerChoices): ReadonlyMap<string, string | undefined> {
  const isTcp = mode === "tcp";
  return new Map([
    ["HOST_CMD_PROXY_TOKEN_FILE", TOKEN_FILE],
    ["HOST_CMD_PROXY_SOCKET", isTcp ? undefined : SOCKET],
    ["HOST_CMD_PROXY_HOST", isTcp ? GATEWAY : undefined],
    ["HOST_CMD_PROXY_PORT", isTcp && port !== DEFAULT_PORT ? String(port) : undefined],
  ]);
}

function bind(source: string, target: string): string {
  return `source=${source},target=${target},type=bind,readonly`;
}

/**
 * The text of a devcontainer.json with everything that a container needs to reach the daemon, and nothing else changed.
 * @param path only named in messages
 * @throws CodedError `devcontainer_unsupported`
 */
export function withCmd2host(text: string, choices: DevcontainerChoices, path: string): string {
  const { base, mode } = choices;
  try {
    const file = new JsoncText(text);
    // Its tool makes volumes of the mounts and forgets that they are to be read only: a container could put its own socket in the daemon's place.
    if (file.get(["dockerComposeFile"]) !== undefined)
      refuse("uses Docker Compose, where what is mounted from devcontainer.json cannot be kept from being written");
    setFeature(file, choices);
    setMount(file, SOCKET_DIRECTORY, mode === "unix" ? bind(`${base}/run`, SOCKET_DIRECTORY) : undefined);
    setMount(file, SESSION_DIRECTORY, bind(`${base}/sessions/${SESSION_NAME}`, SESSION_DIRECTORY));
    setInitialize(file, base);
    setEnvironment(file, environmentFor(choices));
    if (mode === "tcp") setGateway(file);
    return file.toString();
  } catch (error) {
    if (!(error instanceof JsoncError)) throw error;
    throw new CodedError("devcontainer_unsupported", `${printable(path)}: ${printable(error.message)}`, {
      hint: "Change it by hand, as docs/devcontainer.md shows, and use --no-devcontainer for the rest.",
      cause: error,
    });
  }
}

/** A devcontainer.json for a workspace that has none. */
export function freshDevcontainer(name: string, image: string): string {
  return `// Written by cmd2host setup. Another image, more features and other settings are welcome here; cmd2host needs only what it added below.
{
  "name": ${JSON.stringify(name)},
  "image": ${JSON.stringify(image)}
}
`;
}
