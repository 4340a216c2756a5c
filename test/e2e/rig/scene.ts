import { chownSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { DaemonConfig, OperationTemplate, ProjectConfig } from "../../../wire/schema.ts";
import { DaemonProcess } from "../../contract/routes-process.ts";
import { Base, defaultProject } from "../../fixtures/base.ts";
import { makeRepo } from "../../fixtures/repo.ts";
import { atEnd, projectRoot, tempDirectory } from "../../fixtures/temp.ts";
import type { Session } from "../../mcp/clients.ts";
import { Devcontainer } from "./devcontainer.ts";
import type { Image } from "./images.ts";

/** What runs in the container: the bridge, or the programs for Node, on a Node that is mounted into it. */
export type Runtime = "bridge" | "node";

/** How a container of a scene is made. */
export interface Wanted {
  readonly runtime: Runtime;
  readonly image: Image;
  /** The feature's name in a registry. */
  readonly feature: string;
  /** Default: unix, and no network. With tcp there is a network, and no socket. */
  readonly mode?: "unix" | "tcp";
  /** Who works in the container. Default: root. */
  readonly user?: "root" | "dev";
  /** Options of the feature. */
  readonly commands?: string;
}

/** In the image of a user that is not root: made with what every image has. */
const WITH_USER = [
  "RUN echo 'dev:x:1234:' >>/etc/group && echo 'dev:x:1234:1234::/home/dev:/bin/sh' >>/etc/passwd",
  "RUN mkdir -p /home/dev && chown 1234:1234 /home/dev",
];
const USER_ID = 1_234;

/** The token of a project, and where a container finds it. */
export class SessionToken {
  readonly #base: Base;
  readonly #directory = tempDirectory();
  readonly #repo: string;
  readonly #owner: number;

  constructor(base: Base, repo: string, owner: number) {
    this.#base = base;
    this.#repo = repo;
    this.#owner = owner;
  }

  /** The directory to mount. A file would go on to be the old one when a new one takes its place. */
  get directory(): string {
    return this.#directory;
  }

  /** Writes another token in place of the one that is there, of this age in hours. */
  renew(letter: string, ageHours = 0): void {
    const token = letter.repeat(64);
    this.#base.writeToken(token, { repo: this.#repo }, ageHours * 3_600_000);
    rmSync(join(this.#directory, "token"), { force: true });
    writeFileSync(join(this.#directory, "token"), token, { mode: 0o600 });
    chownSync(this.#directory, this.#owner, this.#owner);
    chownSync(join(this.#directory, "token"), this.#owner, this.#owner);
  }
}

/** A project of a host, on a real repository. */
interface Project {
  readonly repo: string;
  readonly token: SessionToken;
}

/** A host: a daemon as it is shipped, in a process of its own, with its projects, and the directory that its socket is in. */
export class Host {
  readonly base = new Base();
  /** The directory that is mounted: it outlives the daemon's socket. */
  readonly door = tempDirectory();
  readonly environment: NodeJS.ProcessEnv;
  #daemon: DaemonProcess | undefined;

  /** @param environment of the daemon, besides PATH and HOME */
  constructor(environment: NodeJS.ProcessEnv = {}) {
    this.environment = environment;
  }

  /** Adds an approved project for owner/NAME, and a token for it. */
  addProject(
    name: string,
    operations: Readonly<Record<string, OperationTemplate>>,
    { user = "root", changes = {} }: { readonly user?: Wanted["user"]; readonly changes?: Partial<ProjectConfig> } = {},
  ): Project {
    const repo = makeRepo(join(tempDirectory(), name), `git@github.com:owner/${name}.git`);
    const project = { repos: [`owner/${name}`], allowed_operations: Object.keys(operations), operations, ...changes };
    this.base.writeProject(`owner_${name}`, defaultProject(repo, project));
    const token = new SessionToken(this.base, `owner/${name}`, user === "dev" ? USER_ID : 0);
    token.renew("a");
    return { repo, token };
  }

  /** Starts the daemon, on its socket, and with `tcp` on the port that containers expect, which the whole network of the tests can reach. */
  async start(mode: Wanted["mode"] = "unix"): Promise<void> {
    const listen: DaemonConfig =
      mode === "unix"
        ? { listen_mode: "unix", socket_path: join(this.door, "cmd2host.sock"), socket_mode: 0o666 }
        : { listen_mode: "tcp", listen_address: "0.0.0.0", allow_non_loopback: true };
    const program = join(projectRoot, "dist/cmd2host.js");
    this.#daemon = await DaemonProcess.start(program, this.base, listen, this.environment);
  }

  async stop(): Promise<void> {
    await this.#daemon?.stop();
  }

  /** What the daemon logged since it was started. */
  get log(): string {
    return this.#daemon?.output ?? "";
  }

  /** Brings up a container for a project, with what `cmd2host setup` would write into its devcontainer.json. */
  async bringUp(project: Project, wanted: Wanted): Promise<Devcontainer> {
    const { runtime, image, feature, mode = "unix", user = "root", commands = "gh,git" } = wanted;
    giveTo(project.repo, user);
    mkdirSync(join(project.repo, ".devcontainer"), { recursive: true });
    writeFileSync(
      join(project.repo, ".devcontainer/Dockerfile"),
      [`FROM ${image}`, ...(user === "dev" ? WITH_USER : []), ""].join("\n"),
    );
    const mount = (source: string, target: string): string => `type=bind,source=${source},target=${target},readonly`;
    const node = mount(process.execPath, "/usr/local/bin/node");
    return Devcontainer.up(project.repo, {
      build: { dockerfile: "Dockerfile" },
      remoteUser: user,
      features: { [feature]: { commands, connectionMode: mode, runtime } },
      mounts: [
        mount(project.token.directory, "/run/cmd2host-session"),
        ...(mode === "unix" ? [mount(this.door, "/run/cmd2host")] : []),
        ...(runtime === "node" ? [node] : []),
      ],
      runArgs: [mode === "unix" ? "--network=none" : "--add-host=host.docker.internal:host-gateway"],
    });
  }
}

/** A developer's own files are the container's user's: the CLI gives that user the developer's id. */
function giveTo(directory: string, user: Wanted["user"]): void {
  if (user !== "dev") return;
  chownSync(directory, USER_ID, USER_ID);
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true }))
    chownSync(join(entry.parentPath, entry.name), USER_ID, USER_ID);
}

/** An MCP session that ends with the test. */
export async function mcpIn(container: Devcontainer): Promise<Session> {
  const session = await container.mcp();
  atEnd(async () => session.close());
  return session;
}
