import type { Duplex } from "node:stream";
import { CodedError } from "../../wire/errors.ts";
import { quoted } from "../../wire/text.ts";
import { LinkDialler } from "../../link/dial.ts";
import { EnrolmentDesk, readEnrolmentCode, type NewCode } from "../../link/enrolment.ts";
import { loadIdentity, type LinkIdentity } from "../../link/identity.ts";
import { LinkListener } from "../../link/listen.ts";
import type { LinkEvents, LinkPeer } from "../../link/peer.ts";
import { Pins, type Pin } from "../../link/pins.ts";
import { redeem } from "../../link/redeem.ts";
import { tcpAddress, tcpConnect } from "../../link/tcp.ts";
import { wayTo } from "../../nats/place.ts";
import type { NatsRoad } from "../../nats/road.ts";
import type { Log } from "../../host/util/log.ts";
import { VERSION } from "../../host/util/version.ts";
import { fingerprintOf } from "../config/fingerprint.ts";
import type { LinkSettings } from "../config/settings.ts";
import type { EnrolledTarget } from "../registry/known-target.ts";

/** How soon a machine that was enrolled or removed is noticed, whoever did it. */
const LOOK_MS = 1_000;

export interface HubPlaces {
  /** This gateway's own key. */
  readonly link: string;
  /** The machines that are enrolled. */
  readonly agents: string;
  /** Codes that are open. */
  readonly enrolment: string;
}

export interface HubParts {
  readonly places: HubPlaces;
  /** What this gateway calls itself. */
  readonly name: string;
  /** Undefined: agents do not dial in. */
  readonly link: LinkSettings | undefined;
  readonly log: Log;
  /** Undefined: this gateway is on no NATS. */
  readonly nats: NatsRoad | undefined;
  /** Told whenever the machines that are enrolled are others. */
  readonly enrolled: (targets: readonly EnrolledTarget[]) => void;
  /** Told whenever a session with a machine begins. */
  readonly connected: (name: string) => void;
}

/** What a machine is called where it listens. */
interface Dialled {
  readonly dialler: LinkDialler;
  readonly addresses: string;
}

function tagsOf({ about }: Pin): readonly string[] {
  const { tags } = about;
  return Array.isArray(tags) ? tags.filter((tag): tag is string => typeof tag === "string") : [];
}

function targetOf(pin: Pin): EnrolledTarget {
  const [first = ""] = pin.addresses;
  const at = tcpAddress(first);
  return { name: pin.name, host: at?.host, port: at?.port ?? 0, tags: tagsOf(pin) };
}

function ignore(): void {
  return undefined;
}

/** The links to all enrolled machines, kept warm: those that listen are dialled, the others dial in. */
export class LinkHub {
  readonly #parts: HubParts;
  readonly #pins: Pins;
  readonly #identity: LinkIdentity;
  readonly #desk: EnrolmentDesk;
  readonly #listener: LinkListener;
  readonly #events: LinkEvents;
  readonly #dialled = new Map<string, Dialled>();
  #said = "";
  #port: number | undefined;
  #timer: NodeJS.Timeout | undefined;

  private constructor(parts: HubParts, identity: LinkIdentity) {
    this.#parts = parts;
    this.#identity = identity;
    const { places, log, name } = parts;
    this.#pins = new Pins(places.agents, (message) => {
      log.warn("file of an enrolled machine refused", { reason: message });
    });
    this.#events = {
      connected: (peer) => {
        log.info("agent connected", { target: peer.name, version: peer.facts.software });
        parts.connected(peer.name);
      },
      stalled: (peer, why) => {
        log.warn("agent: connection lost", { target: peer.name, reason: why });
      },
      resumed: (peer) => {
        log.info("agent: goes on", { target: peer.name });
      },
      lost: (peer) => {
        log.warn("agent gone", { target: peer.name, reason: peer.ending?.message });
      },
      warn: (message) => {
        log.warn("link", { reason: message });
      },
    };
    this.#desk = new EnrolmentDesk({
      directory: places.enrolment,
      identity,
      pins: this.#pins,
      self: () => ({ name, about: { version: VERSION } }),
      enrolled: (pin) => {
        log.info("machine enrolled", { target: pin.name, key: pin.fingerprints.at(-1) });
        this.look();
      },
      refused: (why) => {
        log.warn("enrolment refused", { reason: why });
      },
    });
    this.#listener = new LinkListener({ ...this.#manner(), enrolment: this.#desk });
  }

  /** @throws CodedError `listen_failed`, `config_untrusted`, `file_failed` */
  static async start(parts: HubParts): Promise<LinkHub> {
    const hub = new LinkHub(parts, await loadIdentity(parts.places.link));
    if (parts.link !== undefined) {
      const { bind, port } = parts.link;
      const at = await hub.#listener.listen({ host: bind, port });
      parts.log.info(`cmd2host gateway: agents that dial out come to ${at.address}:${at.port}`);
      hub.#port = at.port;
    }
    hub.look();
    parts.nats?.watch({
      came: ({ name }) => {
        hub.#dialSoon(name);
      },
      changed: ignore,
      went: ignore,
    });
    hub.#timer = setInterval(() => {
      hub.look();
    }, LOOK_MS);
    hub.#timer.unref();
    return hub;
  }

  /** Where agents that dial out come; undefined when they cannot. */
  get port(): number | undefined {
    return this.#port;
  }

  /** The key by which agents know this gateway. */
  get fingerprint(): string {
    return this.#identity.current.fingerprint;
  }

  /** The session with a machine that is there, or may come back. */
  peer(name: string): LinkPeer | undefined {
    return this.#listener.peer(name) ?? this.#dialled.get(name)?.dialler.peer;
  }

  /** True for a machine that can be asked although nobody knows its address: it has dialled in. */
  hasLink(name: string): boolean {
    return this.#listener.peer(name) !== undefined;
  }

  /** The keys that a machine may have, as 64 small hex digits; two while its key is changed. */
  fingerprints(name: string): readonly string[] {
    return (this.#pins.get(name)?.fingerprints ?? []).flatMap((one) => fingerprintOf(one) ?? []);
  }

  /**
   * A new stream to a machine.
   * @throws CodedError `target_unreachable`, `target_no_address`, `target_key_mismatch`, `link_version`, `link_lost`, `cancelled`
   */
  async open(name: string, signal: AbortSignal | undefined): Promise<Duplex> {
    const peer = this.#listener.peer(name);
    if (peer !== undefined) return peer.open();
    const dialled = this.#dialled.get(name);
    if (dialled !== undefined) return dialled.dialler.open(signal);
    throw new CodedError("target_no_address", `${quoted(name)} has not dialled in`);
  }

  /** Makes a code for a machine that dials out. Only what is said here counts of what the machine will say of itself. */
  async invite(code: Omit<NewCode, "kind">): Promise<{ readonly code: string; readonly expiresAt: Date }> {
    return this.#desk.make({ ...code, kind: "gateway" });
  }

  /** Takes a machine in whose agent printed a code. @throws CodedError `enrolment_invalid`, `target_unreachable`, `target_key_mismatch` */
  async redeem(
    code: string,
    wanted: { readonly name: string | undefined; readonly tags: readonly string[] | undefined },
  ): Promise<EnrolledTarget> {
    const { name, tags } = wanted;
    const { addresses } = readEnrolmentCode(code);
    const pin = await redeem(code, {
      connect: this.#wayTo(addresses),
      identity: this.#identity,
      pins: this.#pins,
      self: { name: this.#parts.name, about: { version: VERSION } },
      ...(name === undefined ? {} : { as: name }),
      ...(tags === undefined ? {} : { about: { tags: [...tags] } }),
    });
    this.look();
    return targetOf(pin);
  }

  /** Forgets a machine, and ends its session. False when there was none. */
  async forget(name: string): Promise<boolean> {
    const isGone = await this.#pins.remove(name);
    this.look();
    this.#listener.check();
    return isGone;
  }

  /** Makes a new key, which every machine is told in the sessions of now; it is gone over to when all know it. Returns its fingerprint. */
  async rotate(): Promise<string> {
    const { fingerprint } = await this.#identity.rotate();
    this.#listener.check();
    for (const { dialler } of this.#dialled.values()) dialler.check();
    return fingerprint;
  }

  /** The machines that do not know the next key yet; undefined when there is none. */
  get waitingForKey(): readonly string[] | undefined {
    if (this.#identity.next === undefined) return undefined;
    return this.#pins.list().flatMap(({ name }) => (this.peer(name)?.knowsNextKey === true ? [] : [name]));
  }

  /** Goes over to the next key. Machines that were not told of it have to be enrolled again. */
  async promote(): Promise<void> {
    await this.#identity.promote();
    this.#listener.reconnect();
    for (const { dialler } of this.#dialled.values()) dialler.reconnect();
  }

  /** Looks at who is enrolled. */
  look(): void {
    const pins = this.#pins.list();
    const wanted = new Map(pins.filter(({ addresses }) => addresses.length > 0).map((pin) => [pin.name, pin]));
    for (const [name, { dialler, addresses }] of this.#dialled) {
      if (wanted.get(name)?.addresses.join(" ") === addresses) continue;
      dialler.close();
      this.#dialled.delete(name);
    }
    for (const pin of wanted.values()) if (!this.#dialled.has(pin.name)) this.#dial(pin);
    const targets = pins.map(targetOf);
    const said = JSON.stringify(targets);
    if (said === this.#said) return;
    this.#said = said;
    this.#parts.enrolled(targets);
  }

  /** A machine has said that it is there. Whether it is, the link finds out; what it says of itself is not looked at. */
  #dialSoon(name: string): void {
    this.#dialled.get(name)?.dialler.connected().catch(ignore);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    for (const { dialler } of this.#dialled.values()) dialler.close();
    await this.#listener.close();
  }

  #wayTo(addresses: readonly string[]): (signal: AbortSignal) => Promise<Duplex> {
    return wayTo(addresses, tcpConnect, this.#parts.nats);
  }

  #manner() {
    const { name, link } = this.#parts;
    const lease = link === undefined ? {} : { leaseMs: link.leaseMs };
    return { name, identity: this.#identity, pins: this.#pins, events: this.#events, ...lease };
  }

  #dial({ name, addresses }: Pin): void {
    const dialler = new LinkDialler({ ...this.#manner(), peer: name, connect: this.#wayTo(addresses) });
    this.#dialled.set(name, { dialler, addresses: addresses.join(" ") });
    dialler.start();
  }
}
