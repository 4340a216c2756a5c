import type { Address } from "../../wire/client-connect.ts";
import { CodedError, messageOf } from "../../wire/errors.ts";
import type { DaemonCalls } from "../../wire/daemon-calls.ts";
import { Pins } from "../../link/pins.ts";
import { OpenedRoad } from "../../nats/opened-road.ts";
import { Agent } from "../agent/agent.ts";
import { COMMANDO_GATEWAY } from "../agent/commando-door.ts";
import { circleOf } from "../agent/gateway-pin.ts";
import type { AgentSettings } from "../agent/settings.ts";
import { Engine } from "../engine/handle.ts";
import { InProcessClient } from "../engine/in-process.ts";
import { KillSwitch } from "../limits/kill-switch.ts";
import type { Listener, OnConnection } from "../listen/listener.ts";
import { lockBase, type BaseLock } from "../listen/lock-socket.ts";
import { listenTcp } from "../listen/tcp.ts";
import { listenUnix } from "../listen/unix.ts";
import { listProjectIds } from "../project/project-id.ts";
import { allWorkspaces } from "../project/workspaces.ts";
import type { BaseDirectory } from "../util/base-directory.ts";
import { MAX_SOCKET_PATH } from "../util/short-socket-path.ts";
import { hostEnvironment } from "./engine-settings.ts";
import { House } from "./house.ts";
import type { Log } from "../util/log.ts";
import { requireOwnDirectories } from "./own-directories.ts";
import { openAudit, type RunningAudit } from "../audit/running.ts";
import { Slots } from "../exchange/limits.ts";
import { Reception } from "../exchange/reception.ts";
import { loadDaemonSettings, type DaemonSettings } from "./settings.ts";
import { StopWatch } from "./stop-watch.ts";

const HOUR_MS = 60 * 60 * 1_000;
/** How soon the runs of a revoked session are ended, and forgotten. */
const ORPHANS_MS = 5_000;
const FORGET_MS = 60_000;
/** After running commands were told to end, how long their replies get to leave. */
const LAST_REPLIES_MS = 2_000;

/** Addresses that mean all of this host's, and the one to connect to. */
const ANY_ADDRESS: ReadonlyMap<string, string> = new Map([
  ["0.0.0.0", "127.0.0.1"],
  ["::", "::1"],
]);

async function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** The composition root: builds every room, opens the ways in, and takes everything down again. */
export class Daemon {
  readonly #base: BaseDirectory;
  readonly #log: Log;
  readonly #house: House;
  readonly #engine: Engine;
  readonly #reception: Reception;
  readonly #lock: BaseLock;
  readonly #audit: RunningAudit;
  readonly #road: OpenedRoad;
  readonly #stops: StopWatch;
  #settings: DaemonSettings;
  /** The gateways that this machine lets in, if it is an agent. */
  readonly #gateways: Pins;
  #agent: Agent | undefined;
  #listeners: readonly Listener[] = [];
  #timers: readonly NodeJS.Timeout[] = [];

  private constructor(
    base: BaseDirectory,
    settings: DaemonSettings,
    lock: BaseLock,
    audit: RunningAudit,
    road: OpenedRoad,
    log: Log,
    environment: NodeJS.ProcessEnv,
  ) {
    this.#base = base;
    this.#settings = settings;
    this.#lock = lock;
    this.#audit = audit;
    this.#road = road;
    this.#stops = new StopWatch(new KillSwitch(base.stopped), audit.note);
    this.#log = log;
    this.#gateways = new Pins(base.gateways, (message) => {
      log.warn("gateway's file refused", { reason: message });
    });
    this.#house = new House({
      base,
      log,
      audit: audit.audit,
      noted: audit.note,
      environment: hostEnvironment(environment),
      settings: () => this.#settings,
      ownAddress: () => this.#ownAddress(),
    });
    this.#engine = new Engine(this.#house.rooms);
    this.#reception = new Reception(async (...request) => this.#engine.handle(...request), log, settings);
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
    const road = new OpenedRoad(settings.agent?.nats, settings.agent?.auditStream === true, log);
    let audit: RunningAudit;
    try {
      // Only who holds the lock writes to it.
      audit = await openAudit(base.audit, settings.audit, log, road.sinks);
    } catch (error) {
      await road.close();
      await lock.release();
      throw error;
    }
    const daemon = new Daemon(base, settings, lock, audit, road, log, environment);
    try {
      await daemon.#open();
      accept = daemon.#reception.forOwner();
    } catch (error) {
      await daemon.#closeListeners();
      await daemon.#agent?.close();
      await audit.close();
      await road.close();
      await lock.release();
      throw error;
    }
    return daemon;
  }

  /** A client of this daemon without a transport, for what lives in the same process. */
  client(token: string): DaemonCalls {
    return new InProcessClient(this.#engine, token);
  }

  /** Of a machine that is an agent of a fleet. */
  get agent(): Agent | undefined {
    return this.#agent;
  }

  get addresses(): readonly string[] {
    return this.#listeners.map((listener) => listener.address);
  }

  async #open(): Promise<void> {
    this.#cleanUp(0);
    this.#endLeft();
    const isSession = (key: string): boolean => this.#isSession(key);
    this.#stops.look();
    this.#timers = [
      setInterval(() => {
        this.#cleanUp(HOUR_MS);
      }, HOUR_MS),
      setInterval(() => {
        this.#stops.look();
        this.#house.runs.endOrphans(isSession);
        this.#house.mcp.endOrphans(isSession);
        this.#house.approvals.endOrphans(isSession);
      }, ORPHANS_MS),
      setInterval(() => {
        this.#house.runs.cleanUp(isSession);
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
    if (this.#settings.agent !== undefined) await this.#openAgent(this.#settings.agent);
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

  /** Programs of a daemon that was killed write to nobody, and nobody could end them. Nothing waits for their end. */
  #endLeft(): void {
    void this.#house.workshop.endLeft(this.#settings.graceMs).then((count) => {
      if (count > 0) this.#audit.note("left_running", { processes: String(count) });
    });
  }

  /** Removes what is past its time. Staging of other daemons on the same workspace is left alone by age. */
  #cleanUp(minAgeMs: number): void {
    const tokens = this.#house.tokens.cleanUp();
    if (tokens > 0) this.#log.info("expired tokens removed", { count: tokens });
    this.#house.staging.sweep(allWorkspaces(this.#base.projects), minAgeMs);
    this.#house.runs.cleanUp((key) => this.#isSession(key));
  }

  /** True while whoever has this session may still come: with a token, or through a gateway. */
  #isSession(key: string): boolean {
    if (this.#house.tokens.isValid(key)) return true;
    const { agent } = this.#settings;
    if (agent === undefined) return false;
    return this.#house.links.isValid(key, [
      ...this.#gateways.list().map((pin) => circleOf(pin, agent)),
      COMMANDO_GATEWAY,
    ]);
  }

  /** The way in of gateways, on a machine that is an agent. */
  async #openAgent(settings: AgentSettings): Promise<void> {
    const slots = new Slots(settings.maxConcurrent);
    const full = new CodedError("agent_full", `${settings.maxConcurrent} requests are worked on already`);
    this.#agent = await Agent.start({
      base: this.#base,
      settings,
      pins: this.#gateways,
      road: this.#road.nats,
      log: this.#log,
      handle: async (...request) => this.#engine.handle(...request),
      sessions: this.#house.links,
      accept: (handle) => this.#reception.forOthers(handle, slots, full),
    });
    const { address } = this.#agent;
    if (address !== undefined)
      this.#log.info(`cmd2host agent listening on ${address.address}:${address.port}`, { name: settings.name });
  }

  /** Takes the parts of daemon.json that can change while running: limits and time limits. Listening, staging and the audit need a restart. */
  reload(): void {
    let loaded: DaemonSettings;
    try {
      loaded = loadDaemonSettings(this.#base).settings;
    } catch (error) {
      this.#log.error("daemon.json not reloaded", { reason: messageOf(error) });
      return;
    }
    const { listenMode, listenAddress, listenPort, socketPath, socketMode, staging, audit, agent } = this.#settings;
    const fixed = { listenMode, listenAddress, listenPort, socketPath, socketMode, staging, audit, agent };
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
    return this.#house.runs.active > 0 || this.#reception.isWorking;
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
    this.#stops.look();
    await this.#closeListeners();
    this.#agent?.refuseNew();
    this.#house.approvals.close();
    await this.#house.page.stop();
    this.#reception.dismissIdle();
    await this.#untilIdle(this.#settings.drainMs, hurry);
    this.#reception.shutDown();
    this.#house.runs.stopAll("shutting_down");
    await this.#untilIdle(LAST_REPLIES_MS);
    await this.#house.workshop.settled();
    await this.#house.runs.settled();
    this.#house.budgets.flush();
    await Promise.race([delay(200), this.#reception.gone()]);
    this.#reception.drop();
    await this.#agent?.close();
    await this.#audit.close();
    await this.#road.close();
    await this.#lock.release();
  }
}
