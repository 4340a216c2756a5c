import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { EnrolmentDesk } from "../../link/enrolment.ts";
import { loadIdentity, type LinkIdentity } from "../../link/identity.ts";
import { LinkListener } from "../../link/listen.ts";
import type { LinkEvents, LinkPeer } from "../../link/peer.ts";
import type { Pins } from "../../link/pins.ts";
import type { NatsRoad } from "../../nats/road.ts";
import type { LinkSessions } from "../auth/link-sessions.ts";
import type { OnConnection } from "../listen/listener.ts";
import type { BaseDirectory } from "../util/base-directory.ts";
import type { Log } from "../util/log.ts";
import { VERSION } from "../util/version.ts";
import { CommandoDoor } from "./commando-door.ts";
import { DialledGateways } from "./dialled-gateways.ts";
import { PassedOn, type Handle } from "./passed-on.ts";
import { circleOf, projectOf } from "./gateway-pin.ts";
import type { AgentSettings } from "./settings.ts";
import { SharedPort } from "./shared-port.ts";

/** Streams that one gateway may have open, so that requests which only wait leave room for others. */
const STREAMS = 1_024;
/** Clocks that the network keeps differ by much less. */
const MUCH_SKEW_MS = 5 * 60 * 1_000;

/** What the agent needs of the daemon. */
export interface AgentHouse {
  readonly base: Pick<BaseDirectory, "link" | "enrolment">;
  readonly settings: AgentSettings;
  /** The gateways that are let in. */
  readonly pins: Pins;
  /** The way over NATS; undefined: this machine has none. Whoever opened it closes it. */
  readonly road: NatsRoad | undefined;
  readonly log: Log;
  /** The engine's. */
  readonly handle: Handle;
  readonly sessions: LinkSessions;
  /** What takes connections of gateways, with these requests in them. */
  readonly accept: (handle: Handle) => OnConnection;
}

/** This machine as an agent of a fleet: gateways that it knows by their keys send requests, whichever side dialled. */
export class Agent {
  readonly #house: AgentHouse;
  readonly #listener: LinkListener;
  readonly #dialled: DialledGateways;
  readonly #passedOn: PassedOn;
  readonly #fingerprint: string;
  #port: SharedPort | undefined;
  #commando: CommandoDoor | undefined;

  private constructor(house: AgentHouse, identity: LinkIdentity) {
    this.#house = house;
    this.#fingerprint = identity.current.fingerprint;
    this.#passedOn = new PassedOn(house.handle);
    const { log, settings, base, pins } = house;
    const { name, leaseMs, tags } = settings;
    const about = { tags: [...tags], version: VERSION };
    const events: LinkEvents = {
      connected: (peer) => {
        log.info("gateway connected", { gateway: peer.name, version: peer.facts.software });
        if (Math.abs(peer.facts.clockSkewMs) > MUCH_SKEW_MS)
          log.warn("the gateway's clock differs much", { gateway: peer.name, ms: Math.round(peer.facts.clockSkewMs) });
      },
      stalled: (peer, why) => {
        log.warn("gateway: connection lost", { gateway: peer.name, reason: why });
      },
      resumed: (peer) => {
        log.info("gateway: goes on", { gateway: peer.name });
      },
      lost: (peer) => {
        log.info("gateway gone", { gateway: peer.name, reason: peer.ending?.message });
      },
      warn: (message) => {
        log.warn("link", { reason: message });
      },
      stream: (stream, peer) => {
        this.#take(stream, peer);
      },
    };
    const enrolment = new EnrolmentDesk({
      directory: base.enrolment,
      identity,
      pins,
      self: () => ({ name, about }),
      enrolled: (pin) => {
        log.info("gateway enrolled", { gateway: pin.name, key: pin.fingerprints.at(-1), project: projectOf(pin) });
      },
      refused: (why) => {
        log.warn("enrolment refused", { reason: why });
      },
    });
    const link = { name, leaseMs, identity, pins, events, streams: STREAMS };
    this.#listener = new LinkListener({ ...link, enrolment });
    this.#dialled = new DialledGateways(link);
  }

  /** @throws CodedError `listen_failed`, `config_untrusted`, `file_failed` */
  static async start(house: AgentHouse): Promise<Agent> {
    const agent = new Agent(house, await loadIdentity(house.base.link));
    try {
      await agent.#open(house.settings);
    } catch (error) {
      await agent.close();
      throw error;
    }
    return agent;
  }

  /** Where gateways connect; undefined when this machine only dials out. */
  get address(): AddressInfo | undefined {
    return this.#port?.address;
  }

  /** Gateways that are connected, or may come back. */
  get gateways(): readonly LinkPeer[] {
    return [...this.#listener.peers, ...this.#dialled.peers];
  }

  async #open({ listen, commando, name, maxConcurrent, tags }: AgentSettings): Promise<void> {
    const { sessions, log, handle, road } = this.#house;
    if (process.getuid?.() === 0)
      log.warn("the agent runs as root: so do programs, where the policy names nobody else", { name });
    if (commando !== undefined)
      this.#commando = CommandoDoor.open({ ...commando, agent: name, maxConcurrent, log, sessions, handle });
    if (listen !== undefined)
      this.#port = await SharedPort.listen(listen, {
        link: (socket) => {
          this.#listener.take(socket);
        },
        commando: this.#commando === undefined ? undefined : (socket) => this.#commando?.take(socket),
      });
    this.#dialled.start();
    // Gateways that come over NATS speak the link with us, as all others: the servers in between see nothing of it.
    road?.listen(name, (connection) => {
      this.#listener.take(connection);
    });
    road?.announce({ name, fingerprint: this.#fingerprint, version: VERSION, tags });
  }

  #take(stream: Duplex, peer: LinkPeer): void {
    const pin = this.#house.pins.get(peer.name);
    // It was removed a moment ago.
    if (pin === undefined) {
      stream.destroy();
      return;
    }
    const handle = this.#passedOn.for((caller) =>
      this.#house.sessions.tokenFor(circleOf(pin, this.#house.settings), caller, projectOf(pin)),
    );
    this.#house.accept(handle)(stream, { transport: "link", id: `link:${peer.name}` });
  }

  /** No new connections; what goes on goes on. */
  refuseNew(): void {
    this.#port?.close();
  }

  async close(): Promise<void> {
    this.#port?.close();
    this.#commando?.close();
    this.#dialled.close();
    await this.#listener.close();
  }
}
