import { lstatSync } from "node:fs";
import { CodedError, messageOf } from "../../wire/errors.ts";
import { AUTH_FAILURE_DELAY_MS } from "../../wire/limits.ts";
import { printable } from "../../wire/text.ts";
import { LogAudit } from "../audit/log-audit.ts";
import { TokenStore } from "../auth/token-store.ts";
import { Engine } from "../engine/handle.ts";
import type { EngineSettings, Rooms } from "../engine/rooms.ts";
import { Staging } from "../exec/staging.ts";
import { WorkspaceInspector } from "../git/inspection/inspect.ts";
import type { Listener, OnConnection } from "../listen/listener.ts";
import { lockBase, type BaseLock } from "../listen/lock-socket.ts";
import { listenTcp } from "../listen/tcp.ts";
import { listenUnix } from "../listen/unix.ts";
import { projectFiles } from "../project/pin.ts";
import { listProjectIds } from "../project/project-id.ts";
import { loadProject, ProjectStore } from "../project/store.ts";
import { SearchPath } from "../sanitize/search-path.ts";
import type { BaseDirectory } from "../util/base-directory.ts";
import { distrustOf } from "../util/read-trusted.ts";
import { makePrivateDirectory } from "../util/write-atomic.ts";
import { Connection, type ConnectionHost } from "./connection.ts";
import { ConnectionLimits, PenaltyRoom, Slots } from "./limits.ts";
import type { Log } from "./log.ts";
import { loadDaemonSettings, type DaemonSettings } from "./settings.ts";
import { Workshop } from "./workshop.ts";

const HOUR_MS = 60 * 60 * 1_000;
/** How many failed authentications wait at the same time, and how many queue behind them. */
const PENALTY_PLACES = 16;
const PENALTY_QUEUE = 64;
/** How many objects git takes over from a workspace one by one in one operation. */
const MAX_LOOSE_OBJECTS = 200_000;
/** After running commands were told to end, how long their replies get to leave. */
const LAST_REPLIES_MS = 2_000;

function engineSettings(settings: DaemonSettings, environment: ReadonlyMap<string, string>): EngineSettings {
  const { defaultTimeoutMs, maxTimeoutMs, graceMs, maxStdoutBytes, maxStderrBytes, maxOutputBytes } = settings;
  return {
    hostEnvironment: environment,
    defaultTimeoutMs,
    maxTimeoutMs,
    graceMs,
    maxStdoutBytes,
    maxStderrBytes,
    maxOutputBytes,
  };
}

/** Directories that decide who may do what: only their owner may write there. Made when they are missing. */
function requireOwnDirectories(base: BaseDirectory): void {
  for (const directory of [base.root, base.projects, base.tokens, base.staging, base.git, base.empty]) {
    makePrivateDirectory(directory);
    const distrust = distrustOf(lstatSync(directory, { bigint: true }));
    if (distrust !== undefined) {
      throw new CodedError("base_unusable", `${printable(directory)}: ${distrust}`, {
        hint: `chmod go-w ${printable(directory)}`,
      });
    }
  }
}

async function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** The composition root: builds every room, opens the ways in, and takes everything down again. */
export class Daemon {
  readonly #base: BaseDirectory;
  readonly #log: Log;
  readonly #environment: ReadonlyMap<string, string>;
  readonly #tokens: TokenStore;
  readonly #workshop: Workshop;
  readonly #connections = new Set<Connection>();
  readonly #slots: Slots;
  readonly #limits: ConnectionLimits;
  readonly #staging: Staging;
  readonly #lock: BaseLock;
  #settings: DaemonSettings;
  #listeners: readonly Listener[] = [];
  #timer: NodeJS.Timeout | undefined;

  private constructor(
    base: BaseDirectory,
    settings: DaemonSettings,
    lock: BaseLock,
    log: Log,
    environment: NodeJS.ProcessEnv,
  ) {
    this.#base = base;
    this.#settings = settings;
    this.#lock = lock;
    this.#log = log;
    this.#environment = new Map(
      Object.entries(environment).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])),
    );
    this.#tokens = new TokenStore(base.tokens, (message) => {
      log.warn("token file refused", { reason: message });
    });
    this.#workshop = new Workshop(base, () => ({
      maxBytes: this.#settings.gitMaxBytes,
      maxLooseObjects: MAX_LOOSE_OBJECTS,
    }));
    this.#slots = new Slots(settings.maxInFlight);
    this.#limits = new ConnectionLimits(settings.maxConnections, settings.maxConnectionsPerPeer);
    const warn = (message: string): void => {
      log.warn("staging", { reason: message });
    };
    this.#staging = new Staging(settings.staging, warn, { inputRoot: base.staging });
  }

  /**
   * Starts a daemon for a base directory and resolves when it listens.
   * @throws CodedError `base_unusable`, `daemon_config_invalid`, `daemon_already_running`, `listen_failed`
   */
  static async start(base: BaseDirectory, log: Log, environment: NodeJS.ProcessEnv): Promise<Daemon> {
    requireOwnDirectories(base);
    const { settings, warnings, unknown } = loadDaemonSettings(base);
    for (const warning of warnings) log.warn(warning);
    for (const pointer of unknown) log.warn("daemon.json: unknown member", { pointer });
    const lock = await lockBase(base.root, base.lockSocket);
    const daemon = new Daemon(base, settings, lock, log, environment);
    try {
      await daemon.#open();
    } catch (error) {
      await daemon.#closeListeners();
      await lock.release();
      throw error;
    }
    return daemon;
  }

  get addresses(): readonly string[] {
    return this.#listeners.map((listener) => listener.address);
  }

  async #open(): Promise<void> {
    this.#cleanUp(0);
    this.#timer = setInterval(() => {
      this.#cleanUp(HOUR_MS);
    }, HOUR_MS);
    this.#timer.unref();
    const { listenMode, listenAddress, listenPort, socketPath, socketMode } = this.#settings;
    const accept = this.#acceptor();
    if (listenMode !== "unix")
      this.#listeners = [...this.#listeners, await listenTcp(listenAddress, listenPort, accept)];
    if (listenMode !== "tcp") this.#listeners = [...this.#listeners, await listenUnix(socketPath, socketMode, accept)];
    const projects = listProjectIds(this.#base.projects);
    if (projects.length > 0) this.#log.info(`Projects: [${projects.join(" ")}]`);
    this.#log.info(`cmd2host listening on ${this.addresses.join(" and ")}`);
  }

  #rooms(): Rooms {
    const projects = new ProjectStore(this.#base.projects);
    const inspector = new WorkspaceInspector();
    const searchPath = new SearchPath(this.#environment.get("PATH") ?? "");
    const current = (): EngineSettings => engineSettings(this.#settings, this.#environment);
    return {
      authenticate: (token) => this.#tokens.authenticate(token),
      resolveProject: (session) => projects.resolve(session),
      inspectWorkspace: (path, projectPaths) => inspector.inspect(path, projectPaths),
      searchPath: (workspaces) => searchPath.without(workspaces),
      stage: (workspace, destination, maxBytes) => this.#staging.allocate(workspace, destination, maxBytes),
      copyIn: async (workspace, relative, maxBytes) => this.#staging.copyIn(workspace, relative, maxBytes),
      execute: async (work, signal) => this.#workshop.carryOut(work, signal),
      audit: new LogAudit(this.#log),
      reportBug: (error, decisionId) => {
        this.#log.error("internal error", {
          id: decisionId,
          error: error instanceof Error ? (error.stack ?? error.message) : String(error),
        });
      },
      get settings() {
        return current();
      },
    };
  }

  #acceptor(): OnConnection {
    const engine = new Engine(this.#rooms());
    const host: ConnectionHost = {
      handle: async (message, peer, signal) => engine.handle(message, peer, signal),
      slots: this.#slots,
      limits: this.#limits,
      penalty: new PenaltyRoom(AUTH_FAILURE_DELAY_MS, PENALTY_PLACES, PENALTY_QUEUE),
      dropped: (peer, why) => {
        this.#log.warn("connection dropped", { peer: peer.id, reason: why });
      },
      refused: (peer, error) => {
        this.#log.info("denied", { peer: peer.id, code: error.code, reason: error.message });
      },
    };
    return (socket, peer) => {
      const connection = new Connection(socket, peer, host);
      if (!connection.start()) {
        host.dropped(peer, this.#slots.full ? `max_in_flight=${this.#slots.max} reached` : "too many connections");
        return;
      }
      this.#connections.add(connection);
      socket.once("close", () => this.#connections.delete(connection));
    };
  }

  /** Removes what is past its time. Staging of other daemons on the same workspace is left alone by age. */
  #cleanUp(minAgeMs: number): void {
    const tokens = this.#tokens.cleanUp();
    if (tokens > 0) this.#log.info("expired tokens removed", { count: tokens });
    const workspaces = listProjectIds(this.#base.projects).flatMap((id) => {
      try {
        return loadProject(projectFiles(this.#base.projects, id), id).project.repos.map((repo) => repo.path);
      } catch {
        return []; // a broken project has no workspaces that we know of
      }
    });
    this.#staging.sweep(workspaces, minAgeMs);
  }

  /** Takes the parts of daemon.json that can change while running: limits and time limits. Listening and staging need a restart. */
  reload(): void {
    let loaded: DaemonSettings;
    try {
      loaded = loadDaemonSettings(this.#base).settings;
    } catch (error) {
      this.#log.error("daemon.json not reloaded", { reason: messageOf(error) });
      return;
    }
    const { listenMode, listenAddress, listenPort, socketPath, socketMode, staging } = this.#settings;
    const fixed = { listenMode, listenAddress, listenPort, socketPath, socketMode, staging };
    const changed = Object.entries(fixed).filter(
      ([name, value]) => JSON.stringify(value) !== JSON.stringify(loaded[name as keyof typeof fixed]),
    );
    this.#settings = { ...loaded, ...fixed };
    this.#slots.max = loaded.maxInFlight;
    this.#limits.maxTotal = loaded.maxConnections;
    this.#limits.maxPerPeer = loaded.maxConnectionsPerPeer;
    this.#log.info(
      "daemon.json reloaded",
      changed.length === 0 ? {} : { needs_restart: changed.map(([name]) => name).join(" ") },
    );
  }

  async #closeListeners(): Promise<void> {
    await Promise.all(this.#listeners.map(async (listener) => listener.close()));
    this.#listeners = [];
  }

  get #working(): boolean {
    return [...this.#connections].some((connection) => connection.working);
  }

  async #untilIdle(limitMs: number, signal?: AbortSignal): Promise<void> {
    const deadline = Date.now() + limitMs;
    while (this.#working && Date.now() < deadline && signal?.aborted !== true) await delay(10);
  }

  /**
   * Stops: no new connections, running commands get the drain time to finish, then they are ended and answered.
   * @param hurry aborting it ends running commands at once
   */
  async stop(hurry?: AbortSignal): Promise<void> {
    clearInterval(this.#timer);
    await this.#closeListeners();
    this.#limits.dropIdle();
    await this.#untilIdle(this.#settings.drainMs, hurry);
    for (const connection of this.#connections) connection.shutDown();
    await this.#untilIdle(LAST_REPLIES_MS);
    await this.#workshop.settled();
    await Promise.race([delay(200), Promise.all([...this.#connections].map(async (connection) => connection.gone()))]);
    for (const connection of this.#connections) connection.drop();
    await this.#lock.release();
  }
}
