import { chmodSync, fstatSync, openSync, readSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { Daemon } from "../../host/daemon/daemon.ts";
import { createLog } from "../../host/util/log.ts";
import { blake3Hex } from "../../host/util/hash.ts";
import type { Address } from "../../wire/client.ts";
import type { ProjectConfig } from "../../wire/schema.ts";
import { Base } from "../fixtures/base.ts";
import { startExecutable } from "../fixtures/daemon-process.ts";
import { git } from "../fixtures/repo.ts";
import { atEnd, fixturePrograms, tempDirectory } from "../fixtures/temp.ts";
import { EXECUTABLE } from "../fixtures/tested-program.ts";
import { spawned, type Session } from "../mcp/clients.ts";
import { bundle } from "../mcp/program.ts";
import type { Names } from "./placeholders.ts";
import type { Ground } from "./plants.ts";
import { hostileProjects } from "./projects.ts";
import { OTHER_URL, PROJECT_URL, Scene, type SceneOptions } from "./scene.ts";

const DAY_MS = 24 * 60 * 60 * 1_000;

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}

/** What was appended to a file since the last call. */
class Tail {
  readonly #descriptor: number;
  #read = 0;

  constructor(path: string) {
    this.#descriptor = openSync(path, "a+", 0o600);
  }

  get descriptor(): number {
    return this.#descriptor;
  }

  next(): string {
    const bytes = Buffer.alloc(fstatSync(this.#descriptor).size - this.#read);
    readSync(this.#descriptor, bytes, 0, bytes.length, this.#read);
    this.#read += bytes.length;
    return bytes.toString("utf8");
  }
}

/** Tokens by name, none of which gives anything away by looking at it. */
function tokenNamed(name: string): string {
  return blake3Hex(`token of ${name}`);
}

/** Names of tokens that are no good, beside one good token for each project. */
function writeTokens(base: Base, projects: Iterable<string>): void {
  for (const project of projects) base.writeToken(tokenNamed(project), { project_id: project, repo: "owner/repo" });
  const own = { project_id: "programs", repo: "owner/repo" };
  base.writeToken(tokenNamed("old"), own, DAY_MS + 60_000);
  base.writeToken(tokenNamed("ended"), { ...own, expires_at: new Date(Date.now() - 1_000).toISOString() });
  base.writeToken(tokenNamed("unbound"), {});
  base.writeToken(tokenNamed("mismatched"), { project_id: "programs", repo: "owner/second" });
  base.writeToken(tokenNamed("gone"), { project_id: "no_such_project" });
  base.writeToken(tokenNamed("escaping"), { project_id: "../tokens" });
  base.writeToken(tokenNamed("garbled"), "{");
  base.writeToken(tokenNamed("twice"), '{"project_id":"readonly","project_id":"programs"}');
  base.writeToken(tokenNamed("unapproved"), { project_id: "unapproved" });
  base.writeToken(tokenNamed("changed"), { project_id: "changed" });
  base.writeToken(tokenNamed("writable"), { project_id: "writable" });
  base.writeToken(tokenNamed("open"), own);
  chmodSync(join(base.directory.tokens, blake3Hex(tokenNamed("open"))), 0o666);
}

const BAD_TOKENS = [
  ...["old", "ended", "unbound", "mismatched", "gone", "escaping", "garbled", "twice", "unapproved", "changed"],
  ...["writable", "open", "never"],
] as const;

export interface ArenaOptions extends SceneOptions {
  /** Where it takes place, when it is not to be a scene of its own. */
  readonly scene?: Scene;
  /** What is started; the real daemon when nothing is said. */
  readonly daemon?: Pick<typeof Daemon, "start">;
}

/** Writes every project with its token, and the tokens and projects that are no good. */
function writeBase(base: Base, projects: ReadonlyMap<string, ProjectConfig>): void {
  for (const [name, config] of projects) base.writeProject(name, config);
  const own = projects.get("programs") ?? {};
  base.writeProject("unapproved", own, false).writeProject("changed", own).writeProject("writable", own);
  const changed = JSON.stringify({ ...own, allowed_operations: ["args"] });
  writeFileSync(join(base.directory.projects, "changed/config.json"), changed);
  chmodSync(join(base.directory.projects, "writable/config.json"), 0o666);
  writeTokens(base, projects.keys());
}

/** The MCP server, started when it is first needed. */
class McpRoute {
  readonly #tokenFile: string;
  readonly #socket: string;
  #session: Promise<Session> | undefined;

  constructor(directory: string, socket: string) {
    this.#tokenFile = join(directory, "token");
    this.#socket = socket;
    atEnd(async () => (await this.#session)?.close());
  }

  async call(token: string, name: string, args: Record<string, unknown>): ReturnType<Session["call"]> {
    rmSync(this.#tokenFile, { force: true });
    writeFileSync(this.#tokenFile, token, { mode: 0o600 });
    this.#session ??= this.#start();
    return (await this.#session).call(name, args);
  }

  async #start(): Promise<Session> {
    const program = await bundle();
    const session = await spawned(program.file)(["-socket", this.#socket, "-token-file", this.#tokenFile], {});
    await program.remove(); // it was read as a whole
    return session;
  }
}

/** A scene with a real daemon in front of it, and the ways in. */
export class Arena {
  readonly scene: Scene;
  readonly unix: Address;
  readonly tcp: Address;
  readonly ground: Ground;
  readonly names: Names;
  readonly #log: Tail;
  readonly #mcp: McpRoute;

  private constructor(scene: Scene, socket: string, port: number, log: Tail, projects: Iterable<string>) {
    this.scene = scene;
    this.unix = { kind: "unix", path: socket };
    this.tcp = { kind: "tcp", host: "127.0.0.1", port };
    this.#log = log;
    this.#mcp = new McpRoute(tempDirectory(), socket);
    this.ground = { workspace: scene.workspace, remote: scene.remote, attack: join(scene.workspace, "tools/attack") };
    this.names = new Map([
      ...namesOf(scene),
      ...[...projects, ...BAD_TOKENS].map((name) => [`token:${name}`, tokenNamed(name)] as const),
      ["token-hash", blake3Hex(tokenNamed("programs"))],
      ["token-short", tokenNamed("programs").slice(0, -1)],
      ["token-upper", tokenNamed("programs").toUpperCase()],
    ]);
  }

  /** Starts everything. It ends with the test file that started it. */
  static async open({ scene: given, daemon, ...options }: ArenaOptions = {}): Promise<Arena> {
    const scene = given ?? (await Scene.open(options));
    scene.renew();
    const base = new Base(join(tempDirectory(), "base"));
    const { workspace, secondWorkspace } = scene;
    const projects = hostileProjects({ workspace, secondWorkspace, programs: fixturePrograms() });
    writeBase(base, projects);
    const port = await freePort();
    const times = { drain_timeout: 1, kill_grace: 300, default_timeout: 8 };
    base.writeDaemon({ listen_mode: "both", listen_port: port, ...times });
    const file = join(scene.root, "daemon.log");
    const log = new Tail(file);
    const started =
      EXECUTABLE === undefined || daemon !== undefined
        ? await (daemon ?? Daemon).start(base.directory, createLog(log.descriptor, false), scene.environment)
        : await startExecutable(EXECUTABLE, base.root, scene.environment, file);
    atEnd(async () => started.stop());
    return new Arena(scene, join(base.root, "cmd2host.sock"), port, log, projects.keys());
  }

  token(name: string): string {
    return tokenNamed(name);
  }

  /** Lines of the daemon's log since the last call. */
  newLines(): string {
    return this.#log.next();
  }

  /** Calls a tool of the MCP server with a project's token. */
  async callTool(
    project: string,
    name: string,
    args: Record<string, unknown>,
  ): Promise<{ readonly text: string; readonly data: unknown }> {
    return this.#mcp.call(tokenNamed(project), name, args);
  }
}

/** What the corpus can name of a scene. */
export function namesOf(scene: Scene): Names {
  const id = (expression: string, repository = scene.workspace): string =>
    git(repository, "rev-parse", expression).trim();
  const objects = new Map([
    ["head", id("ai/work")],
    ["main", id("main")],
    ["blob", id("ai/work:src/app.txt")],
    ["tree", id("ai/work^{tree}")],
    ["fresh", id("ai/fresh")],
    ["fresh-blob", id("ai/fresh:src/app.txt")],
    ["fresh-tree", id("ai/fresh^{tree}")],
    ["private-commit", id("HEAD", scene.privateRepository)],
  ]);
  /** Where an object lies below .git/objects. */
  const places = [...objects].map(
    ([name, object]) => [`${name}-path`, `${object.slice(0, 2)}/${object.slice(2)}`] as const,
  );
  return new Map([
    ["marker-command", join(scene.workspace, "tools/attack")],
    ["workspace", scene.workspace],
    ["host", scene.host],
    ["home", scene.home],
    ["secret-file", scene.secretFile],
    ["private-repository", scene.privateRepository],
    ["project-url", PROJECT_URL],
    ["other-url", OTHER_URL],
    ...objects,
    ...places,
    ["head-short", id("ai/work").slice(0, 8)],
    ["private-commit-directory", id("HEAD", scene.privateRepository).slice(0, 2)],
  ]);
}
