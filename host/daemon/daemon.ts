import { lstatSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { Address } from "../../wire/client-connect.ts";
import { CodedError, messageOf } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";
import { LogAudit } from "../audit/log-audit.ts";
import { TokenStore } from "../auth/token-store.ts";
import type { DaemonCalls } from "../../wire/daemon-calls.ts";
import { Engine } from "../engine/handle.ts";
import { InProcessClient } from "../engine/in-process.ts";
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
import { Redaction } from "../redact/redaction.ts";
import { RunStore } from "../runs/run-store.ts";
import { SearchPath } from "../sanitize/search-path.ts";
import type { BaseDirectory } from "../util/base-directory.ts";
import { ownProgram } from "../util/own-program.ts";
import { distrustOf } from "../util/read-trusted.ts";
import { MAX_SOCKET_PATH } from "../util/short-socket-path.ts";
import { makePrivateDirectory } from "../util/write-atomic.ts";
import type { Log } from "./log.ts";
import { McpSessions } from "./mcp-sessions.ts";
import { Reception } from "./reception.ts";
import { loadDaemonSettings, type DaemonSettings } from "./settings.ts";
import { Workshop } from "./workshop.ts";

const HOUR_MS = 60 * 60 * 1_000;
/** How soon the runs of a revoked session are ended, and forgotten. */
const ORPHANS_MS = 5_000;
const FORGET_MS = 60_000;
/** How many objects git takes over from a workspace one by one in one operation. */
const MAX_LOOSE_OBJECTS = 200_000;
/** After running commands were told to end, how long their replies get to leave. */
const LAST_REPLIES_MS = 2_000;

/** Addresses that mean all of this host's, and the one to connect to. */
const ANY_ADDRESS: ReadonlyMap<string, string> = new Map([
  ["0.0.0.0", "127.0.0.1"],
  ["::", "::1"],
]);

function engineSettings(settings: DaemonSettings, environment: ReadonlyMap<string, string>): EngineSettings {
  const { defaultTimeoutMs, maxTimeoutMs, graceMs, maxStdoutBytes, maxStderrBytes, maxOutputBytes, maxStdinBytes } =
    settings;
  return {
    hostEnvironment: environment,
    defaultTimeoutMs,
    maxTimeoutMs,
    graceMs,
    maxStdoutBytes,
    maxStderrBytes,
    maxOutputBytes,
    maxStdinBytes,
  };
}

/** Directories that decide who may do what: only their owner may write there. Made when they are missing. */
function requireOwnDirectories(base: BaseDirectory): void {
  for (const directory of [base.root, base.projects, base.tokens, base.staging, base.git, base.empty, base.runs]) {
    makePrivateDirectory(directory);
    const distrust = distrustOf(lstatSync(directory, { bigint: true }));
    if (distrust !== undefined) {
      throw new CodedError("base_unusable", `${printable(directory)}: ${distrust}`, {
        hint: `chmod go-w ${printable(directory)}`,
      });
    }
  }
}

/** The composition root: builds every room, opens the ways in, and takes everything down again. */
export class Daemon {
  readonly #base: BaseDirectory;
  readonly #log: Log;
  readonly #environment: ReadonlyMap<string, string>;
  readonly #tokens: TokenStore;
  readonly #workshop: Workshop;
  readonly #mcp: McpSessions;
  readonly #staging: Staging;
  readonly #runs: RunStore;
  readonly #engine: Engine;
  readonly #reception: Reception;
  readonly #lock: BaseLock;
  #settings: DaemonSettings;
  #listeners: readonly Listener[] = [];
  #timers: readonly NodeJS.Timeout[] = [];

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
    this.#mcp = new McpSessions(
      ownProgram("cmd2host-mcp"),
      () => this.#ownAddress(),
      async (...run) => this.#workshop.apart(...run),
    );
    const warn = (message: string): void => {
      log.warn("staging", { reason: message });
    };
    this.#staging = new Staging(settings.staging, warn, { inputRoot: base.staging });
    this.#runs = new RunStore(
      base.runs,
      () => this.#settings.runs,
      (message) => {
        log.warn("runs", { reason: message });
      },
    );
    this.#engine = new Engine(this.#rooms());
    this.#reception = new Reception(this.#engine, log, settings);
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
    // The owner's way in is there before the daemon is; whoever comes so early asks again.
    let accept: OnConnection = (socket) => {
      socket.destroy();
    };
    const lock = await lockBase(base.root, base.lockSocket, (socket, peer) => {
      accept(socket, peer);
    });
    const daemon = new Daemon(base, settings, lock, log, environment);
    try {
      await daemon.#open();
      accept = daemon.#reception.forOwner();
    } catch (error) {
      await daemon.#closeListeners();
      await lock.release();
      throw error;
    }
    return daemon;
  }

  /** A client of this daemon without a transport, for what lives in the same process. */
  client(token: string): DaemonCalls {
    return new InProcessClient(this.#engine, token);
  }

  get addresses(): readonly string[] {
    return this.#listeners.map((listener) => listener.address);
  }

  async #open(): Promise<void> {
    this.#cleanUp(0);
    const isSession = (key: string): boolean => this.#tokens.isValid(key);
    this.#timers = [
      setInterval(() => {
        this.#cleanUp(HOUR_MS);
      }, HOUR_MS),
      setInterval(() => {
        this.#runs.endOrphans(isSession);
        this.#mcp.endOrphans(isSession);
      }, ORPHANS_MS),
      setInterval(() => {
        this.#runs.cleanUp(isSession);
      }, FORGET_MS),
    ];
    for (const timer of this.#timers) timer.unref();
    const { listenMode, listenAddress, listenPort, socketPath, socketMode } = this.#settings;
    const accept = this.#reception.forClients();
    if (listenMode !== "unix")
      this.#listeners = [...this.#listeners, await listenTcp(listenAddress, listenPort, accept)];
    if (listenMode !== "tcp") {
      for (const path of this.#socketPaths(socketPath))
        this.#listeners = [...this.#listeners, await listenUnix(path, socketMode, accept)];
    }
    const projects = listProjectIds(this.#base.projects);
    if (projects.length > 0) this.#log.info(`Projects: [${projects.join(" ")}]`);
    this.#log.info(`cmd2host listening on ${this.addresses.join(" and ")}`);
  }

  /** The usual socket has a twin in a directory that holds nothing else: a container must never see the base directory. */
  #socketPaths(socketPath: string): readonly string[] {
    const { socket, sharedSocket } = this.#base;
    if (socketPath !== socket) return [socketPath];
    if (Buffer.byteLength(sharedSocket) <= MAX_SOCKET_PATH) return [socket, sharedSocket];
    this.#log.warn("no socket to share with containers: its path is too long", { path: sharedSocket });
    return [socket];
  }

  /** Where a program of ours on this host reaches this daemon as any client does. Never the owner's way in. */
  #ownAddress(): Address {
    const { listenMode, listenAddress, listenPort, socketPath } = this.#settings;
    if (listenMode !== "tcp") return { kind: "unix", path: socketPath };
    const host = ANY_ADDRESS.get(listenAddress) ?? listenAddress;
    return { kind: "tcp", host, port: listenPort };
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
      execute: async (...work) => this.#workshop.carryOut(...work),
      serveMcp: async (...serving) => this.#mcp.serve(...serving),
      runs: this.#runs,
      audit: new LogAudit(this.#log),
      redaction: new Redaction(this.#environment),
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
    this.#runs.cleanUp((key) => this.#tokens.isValid(key));
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
    this.#reception.rebound(loaded);
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
    return this.#runs.active > 0 || this.#reception.isWorking;
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
    for (const timer of this.#timers) clearInterval(timer);
    await this.#closeListeners();
    this.#reception.dismissIdle();
    await this.#untilIdle(this.#settings.drainMs, hurry);
    this.#reception.shutDown();
    this.#runs.stopAll("shutting_down");
    await this.#untilIdle(LAST_REPLIES_MS);
    await this.#workshop.settled();
    await this.#runs.settled();
    await Promise.race([delay(200), this.#reception.gone()]);
    this.#reception.drop();
    await this.#lock.release();
  }
}
