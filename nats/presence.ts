import { isDeepStrictEqual } from "node:util";
import type { Msg } from "@nats-io/transport-node";
import { decodeAnnouncement, encodeAnnouncement, type Announcement } from "./announcement.ts";
import type { NatsClient } from "./client.ts";
import { StandingSubscription } from "./standing-subscription.ts";
import { nameToken } from "./subjects.ts";

export const ANNOUNCE_MS = 5_000;
const LEASE_MS = 15_000;
/** A lease is counted down in so many turns. */
const LEASE_TURNS = 10;
const MAX_MACHINES = 10_000;

/**
 * Says who this machine is, at once, with every new connection to a server, and again and again. The name must be the one of its key.
 * @returns what ends it, and says that the machine leaves
 * @throws CodedError `nats_unusable` when it does not fit into an announcement
 */
export function announce(nats: NatsClient, announcement: Announcement, intervalMs = ANNOUNCE_MS): () => void {
  const subject = nats.subjects.presence(nameToken(announcement.name));
  const [present, leaving] = [encodeAnnouncement(announcement, false), encodeAnnouncement(announcement, true)];
  const say = (bytes: Buffer): void => {
    nats.offer(subject, bytes);
  };
  say(present);
  const timer = setInterval(say, intervalMs, present).unref();
  const endStatus = nats.onStatus((status) => {
    if (status.type === "connected") say(present);
    else if (status.type === "closed") stop();
  });
  let isOver = false;
  function stop(): void {
    if (isOver) return;
    isOver = true;
    clearInterval(timer);
    endStatus();
    say(leaving);
  }
  return stop;
}

/** Who is told of machines that come and go. */
export interface PresenceListener {
  came(machine: Announcement): void;
  /** It says something else of itself than before. Two machines with one name would change it again and again. */
  changed(machine: Announcement): void;
  went(name: string): void;
}

interface Lease {
  readonly announcement: Announcement;
  turns: number;
}

/** The machines that announce themselves now: at most 10,000. What they say is a claim. */
export class Presence {
  readonly #nats: NatsClient;
  readonly #listener: PresenceListener;
  readonly #leases = new Map<string, Lease>();
  readonly #announcements: StandingSubscription;
  readonly #timer: NodeJS.Timeout;
  readonly #endStatus: () => void;

  /** @param leaseMs a machine that says nothing for so long has gone */
  constructor(nats: NatsClient, listener: PresenceListener, leaseMs = LEASE_MS) {
    this.#nats = nats;
    this.#listener = listener;
    this.#announcements = new StandingSubscription(nats, nats.subjects.presence("*"), (message) => {
      this.#heard(message);
    });
    // Turns are counted, so a process that stood still first hears what was said meanwhile.
    this.#timer = setInterval(() => {
      this.#turn();
    }, leaseMs / LEASE_TURNS).unref();
    this.#endStatus = nats.onStatus((status) => {
      if (status.type === "closed") this.close();
    });
  }

  get(name: string): Announcement | undefined {
    return this.#leases.get(name)?.announcement;
  }

  all(): readonly Announcement[] {
    return [...this.#leases.values()].map(({ announcement }) => announcement);
  }

  /** Hears nothing any more. Nobody is told. */
  close(): void {
    clearInterval(this.#timer);
    this.#endStatus();
    this.#announcements.close();
    this.#leases.clear();
  }

  #heard(message: Msg): void {
    const announced = decodeAnnouncement(message.data);
    // Who may speak on a subject is up to the servers' permissions; a name inside of the message is up to whoever sent it.
    if (
      announced === undefined ||
      announced.announcement.name !== this.#nats.subjects.machineOfPresence(message.subject)
    )
      return;
    const { announcement, leaves } = announced;
    const known = this.#leases.get(announcement.name);
    if (leaves) {
      if (known !== undefined) this.#went(announcement.name);
    } else if (known !== undefined || this.#leases.size < MAX_MACHINES) {
      this.#leases.set(announcement.name, { announcement, turns: LEASE_TURNS });
      if (known === undefined) this.#listener.came(announcement);
      else if (!isDeepStrictEqual(known.announcement, announcement)) this.#listener.changed(announcement);
    }
  }

  #turn(): void {
    for (const [name, lease] of this.#leases) {
      lease.turns--;
      if (lease.turns < 0) this.#went(name);
    }
  }

  #went(name: string): void {
    this.#leases.delete(name);
    this.#listener.went(name);
  }
}
