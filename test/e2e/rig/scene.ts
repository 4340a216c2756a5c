import { randomBytes } from "node:crypto";
import { chmodSync, chownSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
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

export type Mode = "unix" | "tcp";
export type User = "root" | "dev";

/** How a container of a scene is made. */
export interface Wanted {
  readonly runtime: Runtime;
  readonly image: Image;
  /** The feature's name in a registry. */
  readonly feature: string;
  /** Default: unix, and no network. With tcp there is a network, and no socket. */
  readonly mode?: Mode;
  /** Who works in the container. Default: root. */
  readonly user?: User;
}

/** In the image of a user that is not root: made with what every image has. */
const WITH_USER = [
  "RUN echo 'dev:x:1234:' >>/etc/group && echo 'dev:x:1234:1234::/home/dev:/bin/sh' >>/etc/passwd",
  "RUN mkdir -p /home/dev && chown 1234:1234 /home/dev",
];
const USER_IDS: Readonly<Record<User, number>> = { root: 0, dev: 1_234 };

/** The token of a project, in a directory to mount: a mounted file would go on to be the old one when a new one takes its place. */
export class SessionToken {
  readonly directory = tempDirectory();
  readonly #base: Base;
  readonly #repo: string;
  #token = "";
  readonly #owner: number;

  /** @param owner id of the user who may read it */
  constructor(base: Base, repo: string, owner: number) {
    this.#base = base;
    this.#repo = repo;
    this.#owner = owner;
    chownSync(this.directory, owner, owner);
    this.renew();
  }

  /** A day later: the token that is there is none any more. */
  expire(): void {
    this.#base.writeToken(this.#token, { repo: this.#repo }, 25 * 3_600_000);
  }

  remove(): void {
    rmSync(join(this.directory, "token"));
  }

  /** Puts a new token in the place of the one that is there. */
  renew(): void {
    this.#token = randomBytes(32).toString("hex");
    this.#base.writeToken(this.#token, { repo: this.#repo });
    const file = join(this.directory, "new");
    writeFileSync(file, this.#token, { mode: 0o600 });
    chownSync(file, this.#owner, this.#owner);
    renameSync(file, join(this.directory, "token"));
  }
}

/** A project of a host, on a real repository. */
export interface Project {
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
    // Outside of tests the daemon and the container's user have one id, the developer's. Here the daemon is root.
    chmodSync(this.door, 0o755);
  }

  /** Adds an approved project for owner/NAME, and a token for it. Only its operations are allowed, unless the changes say otherwise. */
  addProject(
    name: string,
    operations: Readonly<Record<string, OperationTemplate>>,
    { user = "root", changes = {} }: { readonly user?: User; readonly changes?: Partial<ProjectConfig> } = {},
  ): Project {
    const repo = makeRepo(join(tempDirectory(), name), `git@github.com:owner/${name}.git`);
    const project = { repos: [`owner/${name}`], allowed_operations: Object.keys(operations), operations, ...changes };
    this.base.writeProject(`owner_${name}`, defaultProject(repo, project));
    return { repo, token: new SessionToken(this.base, `owner/${name}`, USER_IDS[user]) };
  }

  /** Starts the daemon, unless it runs: on its socket, or on the port that containers expect, for the whole network of the tests. It ends with the test. */
  async start(mode: Mode = "unix"): Promise<void> {
    if (this.#daemon !== undefined) return;
    const socket = join(this.door, "cmd2host.sock");
    const listen: DaemonConfig =
      mode === "unix"
        ? { listen_mode: "unix", socket_path: socket, socket_mode: 0o666 }
        : { listen_mode: "tcp", listen_address: "0.0.0.0", allow_non_loopback: true };
    const program = join(projectRoot, "dist/cmd2host.js");
    this.#daemon = await DaemonProcess.start(program, this.base, listen, this.environment);
    atEnd(async () => this.stop());
  }

  async stop(): Promise<void> {
    await this.#daemon?.stop();
    this.#daemon = undefined;
  }

  /** Brings up a container for a project, with what `cmd2host setup` would write into its devcontainer.json. */
  async bringUp(project: Project, wanted: Wanted): Promise<Devcontainer> {
    const { runtime, image, feature, mode = "unix", user = "root" } = wanted;
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
      // The files are the user's already; the CLI would give that user our own id, which is root's.
      updateRemoteUserUID: false,
      features: { [feature]: { commands: "gh,git", connectionMode: mode, runtime } },
      mounts: [
        mount(project.token.directory, "/run/cmd2host-session"),
        ...(mode === "unix" ? [mount(this.door, "/run/cmd2host")] : []),
        ...(runtime === "node" ? [node] : []),
      ],
      runArgs: [mode === "unix" ? "--network=none" : "--add-host=host.docker.internal:host-gateway"],
    });
  }
}

/** A developer's own files are the container's user's, as they are where the CLI gives that user the developer's id. */
function giveTo(directory: string, user: User): void {
  const id = USER_IDS[user];
  chownSync(directory, id, id);
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true }))
    chownSync(join(entry.parentPath, entry.name), id, id);
}

/** An MCP session that ends with the test. */
export async function mcpIn(container: Devcontainer): Promise<Session> {
  const session = await container.mcp();
  atEnd(async () => session.close());
  return session;
}
