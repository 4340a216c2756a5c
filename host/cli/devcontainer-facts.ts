/** What a devcontainer.json says about us. Whatever has another shape than it should counts as not said. */
export interface DevcontainerFacts {
  /** Options of our feature; undefined when it is not there. */
  readonly feature: ReadonlyMap<string, unknown> | undefined;
  readonly mounts: readonly Mount[];
  readonly environment: ReadonlyMap<string, unknown>;
}

/** One thing of the host that the container sees. */
export interface Mount {
  readonly source: string;
  readonly target: string;
}

/** A reference of our feature, whatever its registry and version, or a folder of it. */
const FEATURE = /(?:^|\/)cmd2host(?::[^/:]*|@sha256:[0-9a-f]+)?$/;

function members(value: unknown): ReadonlyMap<string, unknown> {
  return new Map(typeof value === "object" && value !== null && !Array.isArray(value) ? Object.entries(value) : []);
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** `source=…,target=…` or an object of these; both have other names too. */
function mountOf(mount: unknown): Mount {
  const parts: ReadonlyMap<string, unknown> =
    typeof mount === "string"
      ? new Map(
          mount.split(",").map((part) => {
            const at = part.indexOf("=");
            return [part.slice(0, at).trim(), part.slice(at + 1).trim()];
          }),
        )
      : members(mount);
  const first = (...names: readonly string[]): string =>
    text(names.map((name) => parts.get(name)).find((value) => value !== undefined));
  return { source: first("source", "src"), target: first("target", "dst", "destination") };
}

/** Variables of the host as the container's tool puts them in; an unset one is nothing. */
function resolved(value: string, environment: NodeJS.ProcessEnv): string {
  return value.replace(
    /\$\{localEnv:([A-Za-z_]\w*)(?::([^}]*))?\}/g,
    (_, name: string, fallback: string | undefined) => environment[name] ?? fallback ?? "",
  );
}

/** @param environment of the host, for what its mounts take from it */
export function devcontainerFacts(json: unknown, environment: NodeJS.ProcessEnv): DevcontainerFacts {
  const whole = members(json);
  const features = members(whole.get("features"));
  const reference = [...features.keys()].find((name) => FEATURE.test(name));
  const mounts = whole.get("mounts");
  return {
    feature: reference === undefined ? undefined : members(features.get(reference)),
    mounts: (Array.isArray(mounts) ? mounts : [])
      .map(mountOf)
      .map(({ source, target }) => ({ source: resolved(source, environment), target })),
    environment: members(whole.get("containerEnv")),
  };
}

/** Names of the servers of an MCP client's file, and the program of each. */
export function mcpServers(json: unknown): ReadonlyMap<string, string> {
  const whole = members(json);
  const servers = new Map([...members(whole.get("mcpServers")), ...members(whole.get("servers"))]);
  return new Map([...servers].map(([name, server]) => [name, text(members(server).get("command"))]));
}
