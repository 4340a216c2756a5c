import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runProgram, type Ended } from "../../fixtures/backends/program.ts";
import { atEnd, projectRoot } from "../../fixtures/temp.ts";
import { connectTo, type Session } from "../../mcp/clients.ts";
import { mustPodman, podman, requireRig } from "./podman.ts";
import { inRig } from "./store.ts";

/** The feature, put together by `npm run build:feature`. */
export const featureDirectory = join(projectRoot, "feature/dist");

const CLI = fileURLToPath(import.meta.resolve("@devcontainers/cli/devcontainer.js"));

/** Runs the real devcontainer CLI, to its end. It leaves what it unpacked in its temporary directory, which is the rig's. */
export async function devcontainer(...args: readonly string[]): Promise<Ended> {
  return devcontainerWith(process.env, args);
}

async function devcontainerWith(environment: NodeJS.ProcessEnv, args: readonly string[]): Promise<Ended> {
  requireRig();
  return runProgram(process.execPath, [CLI, ...args], { ...environment, TMPDIR: inRig("scratch") }, projectRoot);
}

/** Publishes the feature to a registry. Returns the name that a devcontainer.json has for its newest version. */
export async function publishFeature(registry: string): Promise<string> {
  const where = ["--registry", registry, "--namespace", "owner/cmd2host"];
  const { code, stderr } = await devcontainer("features", "publish", ...where, join(featureDirectory, "src"));
  if (code !== 0) throw new Error(`not published: ${stderr}`);
  return `${registry}/owner/cmd2host/cmd2host:2`;
}

/** A container that `devcontainer up` made. It goes when the test or file ends. */
export class Devcontainer {
  readonly id: string;
  /** Who works in it. */
  readonly user: string;
  /** The workspace inside. */
  readonly folder: string;
  /** What the CLI and the feature said on the way. */
  readonly log: string;

  private constructor(id: string, user: string, folder: string, log: string) {
    this.id = id;
    this.user = user;
    this.folder = folder;
    this.log = log;
  }

  /** Writes a workspace's devcontainer.json and brings its container up. */
  static async up(workspace: string, config: object): Promise<Devcontainer> {
    mkdirSync(join(workspace, ".devcontainer"), { recursive: true });
    writeFileSync(join(workspace, ".devcontainer/devcontainer.json"), JSON.stringify(config, null, 2));
    return Devcontainer.open(workspace, process.env);
  }

  /** Brings the container of a workspace up as its devcontainer.json says. */
  static async open(
    workspace: string,
    environment: NodeJS.ProcessEnv,
    ...more: readonly string[]
  ): Promise<Devcontainer> {
    const words = ["up", "--workspace-folder", workspace, "--remove-existing-container", ...more];
    const { code, stdout, stderr } = await devcontainerWith(environment, words);
    const result = JSON.parse(stdout.trim().split("\n").at(-1) ?? "{}") as Readonly<Record<string, string>>;
    const { containerId: id, remoteUser: user, remoteWorkspaceFolder: folder } = result;
    if (code !== 0 || id === undefined || user === undefined || folder === undefined)
      throw new Error(`devcontainer up: ${code}\n${stdout}\n${stderr.slice(-3_000)}`);
    atEnd(async () => {
      await mustPodman("rm", "--force", "--time", "0", id);
    });
    return new Devcontainer(id, user, folder, stderr);
  }

  #exec(command: readonly string[]): readonly string[] {
    return ["exec", "--interactive", "--user", this.user, "--workdir", this.folder, this.id, ...command];
  }

  /** Runs a command inside as the user who works there, in the workspace, to its end. */
  async exec(command: readonly string[], input = ""): Promise<Ended> {
    return podman(this.#exec(command), input);
  }

  /** Text of a file inside. */
  async read(path: string): Promise<string> {
    const { code, stdout, stderr } = await this.exec(["cat", path]);
    if (code !== 0) throw new Error(stderr);
    return stdout;
  }

  /** Connects a real MCP client to the server that the workspace's own .mcp.json names, which runs inside. */
  async mcp(): Promise<Session> {
    const { mcpServers } = JSON.parse(await this.read(".mcp.json")) as {
      mcpServers: { cmd2host: { command: string; args: string[] } };
    };
    const { command, args } = mcpServers.cmd2host;
    const env = Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]));
    return connectTo("podman", this.#exec([command, ...args]), Object.fromEntries(env) as Record<string, string>);
  }

  /** Stops all its processes where they are, as a laptop that sleeps does. */
  async pause(): Promise<void> {
    await mustPodman("pause", this.id);
  }

  async resume(): Promise<void> {
    await mustPodman("unpause", this.id);
  }
}
