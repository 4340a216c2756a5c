import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { AUTH_FAILURE_DELAY_MS } from "../wire/limits.ts";
import { OpenedRoad } from "../nats/opened-road.ts";
import { Approvals } from "../host/approval/approvals.ts";
import { auditSettings } from "../host/audit/settings.ts";
import { openAudit, type RunningAudit } from "../host/audit/running.ts";
import { ConnectionLimits, PenaltyRoom } from "../host/exchange/limits.ts";
import { Reception } from "../host/exchange/reception.ts";
import { Budgets } from "../host/limits/budgets.ts";
import { Limits } from "../host/limits/limits.ts";
import { lockBase, type BaseLock } from "../host/listen/lock-socket.ts";
import { Redaction } from "../host/redact/redaction.ts";
import { SYSTEM_CLOCK } from "../host/util/deadline.ts";
import type { Log } from "../host/util/log.ts";
import { VERSION } from "../host/util/version.ts";
import { makePrivateDirectory } from "../host/util/write-atomic.ts";
import type { Agent } from "./agents/agent.ts";
import { LinkHub } from "./agents/link-hub.ts";
import { reached } from "./agents/reached.ts";
import type { GatewayConfigFile } from "./config/config-file.ts";
import type { GatewaySettings } from "./config/settings.ts";
import { DeskDoor } from "./desk-door.ts";
import { FleetDesk } from "./fleet-desk.ts";
import { tlsFiles } from "./http/certificate.ts";
import { mountFleet } from "./http/fleet-routes.ts";
import { GatewayServer } from "./http/server.ts";
import { HttpMcp } from "./mcp/http-door.ts";
import { MachineTools } from "./mcp/machine/machine-tools.ts";
import type { ToolParts } from "./mcp/tool.ts";
import { answerOwner } from "./owner-door.ts";
import { CommandPages } from "./pages/command-pages.ts";
import { gatewayPlaces } from "./places.ts";
import type { KnownTarget } from "./registry/known-target.ts";
import { Registry } from "./registry/registry.ts";
import { TargetsStore } from "./registry/targets-store.ts";
import { RegistryWatch } from "./registry/watch.ts";
import { Admission } from "./relay/admission.ts";
import { AuditCopy } from "./relay/audit-copy.ts";
import { GatewayDesk } from "./relay/handle.ts";
import { Recorder } from "./relay/recorder.ts";
import { Relay } from "./relay/relay.ts";
import {
  bugLog,
  configLog,
  doorSettings,
  infoLog,
  warnLog,
  natsSettings,
  ownAddresses,
  ownName,
  pageSettings,
} from "./told.ts";
import { protocolTwo } from "./upgraded.ts";

const APPROVAL_MS = 300_000;
/** For what runs when the gateway stops; as for requests over HTTP. */
const GRACE_MS = 10_000;
const IDLE_LOOK_MS = 10;
const LAST_REPLIES_MS = 2_000;
const BOUNDS = { maxInFlight: 1_024, maxConnections: 4_096, maxConnectionsPerPeer: 1_024 };
const PENALTY_PLACES = 16;
const PENALTY_QUEUE = 64;

interface Built {
  readonly audit: RunningAudit;
  readonly lock: BaseLock;
  readonly hub: LinkHub;
  readonly registry: Registry;
  readonly road: OpenedRoad;
}

/** The composition root of a gateway: builds its rooms from gateway.toml, opens the ways in, and takes everything down again. */
export class Gateway {
  readonly #file: GatewayConfigFile;
  readonly #log: Log;
  readonly #audit: RunningAudit;
  readonly #lock: BaseLock;
  readonly #road: OpenedRoad;
  readonly #hub: LinkHub;
  readonly #registry: Registry;
  readonly #watch: RegistryWatch;
  readonly #approvals: Approvals;
  readonly #budgets: Budgets;
  readonly #reception: Reception;
  readonly #door: DeskDoor;
  readonly #fleet: FleetDesk;
  readonly #pages: CommandPages;
  readonly #tools: ToolParts;
  #server: GatewayServer | undefined;

  private constructor(file: GatewayConfigFile, log: Log, built: Built) {
    this.#file = file;
    this.#log = log;
    const { audit, lock, hub, registry } = built;
    this.#road = built.road;
    this.#audit = audit;
    this.#lock = lock;
    this.#hub = hub;
    this.#registry = registry;
    const { settings } = file;
    const places = gatewayPlaces(settings.cacheDir);
    const warn = warnLog(log);
    const reportBug = bugLog(log);
    const now = (): GatewaySettings => file.settings;
    const agentOf = (target: KnownTarget): Agent => reached(target, hub, now());
    const hasLink = (name: string): boolean => hub.hasLink(name);
    this.#watch = new RegistryWatch({
      registry,
      cacheDirectory: settings.cacheDir,
      proxmox: settings.proxmox,
      defaultPort: settings.agent.defaultPort,
      ping: async (target, signal) => {
        const started = performance.now();
        const via = { caller: "gateway", target: target.name, id: randomUUID() };
        const pong = await agentOf(target).ping(via, signal);
        return { pong, latencyMs: performance.now() - started };
      },
      hasLink,
      intervalMs: () => now().intervalMs,
      warn,
    });
    this.#approvals = new Approvals(() => APPROVAL_MS);
    this.#budgets = new Budgets(places.budgets, SYSTEM_CLOCK, warn);
    const callers = () => file.callers;
    const admission = new Admission({
      registry,
      limits: new Limits(this.#budgets),
      callers,
      maxPerTarget: () => now().agent.maxConcurrentPerTarget,
      hasLink,
    });
    const copy = settings.server.auditCopy === undefined ? undefined : new AuditCopy(settings.server.auditCopy, warn);
    const relay = new Relay({
      admission,
      recorder: new Recorder(audit.audit, new Redaction(new Map()), copy),
      approvals: this.#approvals,
      pinger: this.#watch.pinger,
      callers,
      defaultTimeoutSeconds: () => now().agent.defaultTimeoutSeconds,
      agentOf,
    });
    this.#fleet = new FleetDesk({
      registry,
      relay,
      hub,
      callers,
      addresses: () => ownAddresses(hub.port ?? 0, now().server.publicUrl),
      changed: infoLog(log),
    });
    this.#pages = new CommandPages(pageSettings(settings), reportBug);
    this.#reception = new Reception(
      async (message, _peer, signal) => answerOwner(this.#approvals, message, signal),
      log,
      BOUNDS,
    );
    this.#door = new DeskDoor(this.#reception, new GatewayDesk(relay, reportBug));
    const machines = new MachineTools({
      targets: (caller) => relay.targets(caller),
      client: (caller, peer, target) => this.#door.client(caller, peer, target),
    });
    this.#tools = {
      calls: relay,
      pages: this.#pages,
      mode: () => now().server.executionMode,
      version: VERSION,
      further: async (caller) => machines.of(caller),
      reportBug,
    };
    file.listen(
      configLog(log, (changed) => {
        this.#follow(changed);
      }),
    );
  }

  /**
   * Starts a gateway, and resolves when it can be asked. Who answers is found out behind that.
   * @param transport `stdio`: no port is opened; whoever started it speaks MCP over its standard input
   * @throws CodedError `daemon_already_running`, `gateway_config_invalid`, `listen_failed`, `audit_unavailable`, `config_untrusted`, `file_failed`
   */
  static async start(file: GatewayConfigFile, log: Log): Promise<Gateway> {
    const { settings } = file;
    const places = gatewayPlaces(settings.cacheDir);
    makePrivateDirectory(places.root);
    for (const warning of file.warnings) log.warn(warning);
    let gateway: Gateway | undefined;
    const lock = await lockBase(places.root, places.lockSocket, (socket, peer) => {
      if (gateway === undefined) socket.destroy();
      else gateway.#reception.forOwner()(socket, peer);
    });
    const opened: (() => Promise<void>)[] = [async () => lock.release()];
    try {
      for (const directory of [places.keys, places.audit]) makePrivateDirectory(directory);
      const own = auditSettings(settings.audit, places.keys, (pointer, message) => {
        throw file.wrong(`/audit${pointer}`, message);
      });
      const road = new OpenedRoad(natsSettings(settings.nats), settings.nats?.audit === true, log);
      opened.push(async () => road.close());
      const audit = await openAudit(places.audit, own, log, road.sinks);
      opened.push(async () => audit.close());
      const registry = new Registry({ settings, store: new TargetsStore(places.root) });
      const hub = await LinkHub.start({
        places,
        nats: road.nats,
        name: ownName(),
        link: settings.link,
        log,
        enrolled: (targets) => {
          registry.setEnrolled(targets);
        },
        connected: (target) => {
          if (gateway !== undefined) gateway.#watch.greet(target);
        },
      });
      opened.push(async () => hub.close());
      gateway = new Gateway(file, log, { audit, lock, hub, registry, road });
      await gateway.#open();
      return gateway;
    } catch (error) {
      for (const close of opened.reverse()) await close();
      throw error;
    }
  }

  /** Undefined for stdio. */
  get port(): number | undefined {
    return this.#server?.port;
  }

  get linkPort(): number | undefined {
    return this.#hub.port;
  }

  /** What MCP over standard input and output is served with. */
  get tools(): ToolParts {
    return this.#tools;
  }

  async #open(): Promise<void> {
    const { settings } = this.#file;
    if (settings.server.transport !== "stdio") await this.#serve(settings);
    this.#file.watch();
    this.#watch.start();
  }

  async #serve(settings: GatewaySettings): Promise<void> {
    const { bind, port, tls } = settings.server;
    this.#server = await GatewayServer.open({
      calls: this.#tools.calls,
      pages: this.#pages,
      mcp: new HttpMcp(this.#tools),
      host: bind,
      port,
      tls: tls === undefined ? undefined : tlsFiles(tls),
      settings: doorSettings(settings),
      penalty: new PenaltyRoom(AUTH_FAILURE_DELAY_MS, PENALTY_PLACES, PENALTY_QUEUE),
      places: new ConnectionLimits(BOUNDS.maxConnections, BOUNDS.maxConnectionsPerPeer),
      upgrade: protocolTwo(this.#door),
      mount: (app) => {
        mountFleet(app, this.#fleet);
      },
      authenticationFailed: (peer) => {
        this.#log.warn("a key that nobody has", { peer });
      },
      reportBug: this.#tools.reportBug,
    });
    const scheme = tls === undefined ? "http" : "https";
    this.#log.info(
      `cmd2host gateway listening on ${scheme}://${bind.includes(":") ? `[${bind}]` : bind}:${this.#server.port}`,
      {
        targets: this.#registry.size,
      },
    );
  }

  /** Takes over what may change while running. */
  #follow(settings: GatewaySettings): void {
    this.#registry.configure(settings);
    this.#watch.configure(settings.proxmox, settings.agent.defaultPort);
    this.#pages.settings = pageSettings(settings);
    this.#server?.change(doorSettings(settings));
  }

  /** Until nobody's command runs whose connection was taken over from HTTP, and which the HTTP server so knows nothing of. */
  async #untilIdle(limitMs: number): Promise<void> {
    const end = performance.now() + limitMs;
    while (this.#reception.isWorking && performance.now() < end) await delay(IDLE_LOOK_MS);
  }

  /** Reads gateway.toml again, for SIGHUP. */
  reload(): void {
    this.#file.reload();
  }

  /**
   * Stops: what runs gets some time, then it is ended and answered.
   * @param graceMs that time
   */
  async stop(graceMs = GRACE_MS): Promise<void> {
    this.#file.stop();
    await this.#watch.stop();
    this.#approvals.close();
    this.#reception.dismissIdle();
    await Promise.all([this.#server?.close(graceMs), this.#untilIdle(graceMs)]);
    this.#reception.shutDown();
    await Promise.race([
      new Promise((resolve) => setTimeout(resolve, LAST_REPLIES_MS).unref()),
      this.#reception.gone(),
    ]);
    this.#reception.drop();
    await this.#hub.close();
    this.#budgets.flush();
    await this.#audit.close();
    await this.#road.close();
    await this.#lock.release();
  }
}
