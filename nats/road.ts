import type { Duplex } from "node:stream";
import { CodedError, messageOf } from "../wire/errors.ts";
import { LaterSink } from "../host/audit/later-sink.ts";
import type { Sink } from "../host/audit/sinks.ts";
import type { Announcement } from "./announcement.ts";
import type { NatsClient } from "./client.ts";
import type { NatsListener } from "./listen.ts";
import type { PresenceListener } from "./presence.ts";
import type { NatsSettings } from "./settings.ts";

/** What is said of the connection to the servers. */
export type RoadLog = (level: "info" | "warn", message: string, fields: Readonly<Record<string, string>>) => void;

/** Longest that somebody who dials waits for a connection to a server, in milliseconds. */
const WAIT_MS = 5_000;

/**
 * The way to other machines over NATS, as it is used by agents and gateways. It is opened in the background: a cluster that is down keeps nobody from
 * starting. The client's code is loaded only here.
 */
export class NatsRoad {
  readonly #stop = new AbortController();
  readonly #client: Promise<NatsClient>;
  readonly #listeners = new Set<NatsListener>();
  readonly #ends = new Set<() => void>();

  private constructor(settings: NatsSettings, log: RoadLog) {
    this.#client = connected(settings, this.#stop.signal, log);
    // Whoever needs it hears why; nobody may need it.
    this.#client.catch((error: unknown) => {
      if (!this.#stop.signal.aborted) log("warn", "NATS", { reason: messageOf(error) });
    });
  }

  static open(settings: NatsSettings, log: RoadLog): NatsRoad {
    return new NatsRoad(settings, log);
  }

  /** A connection to a machine that listens. @throws CodedError `target_unreachable`, `nats_unusable`, `cancelled` */
  async dial(name: string, signal: AbortSignal): Promise<Duplex> {
    const client = await this.#within(WAIT_MS, signal);
    const { dial } = await import("./dial.ts");
    return dial(client, name, signal);
  }

  /** Takes connections to this name, as soon as there is a server, and for as long as the road is open. */
  listen(name: string, take: (connection: Duplex) => void): void {
    void this.#client.then(
      async (client) => {
        const { listen } = await import("./listen.ts");
        if (!this.#stop.signal.aborted) this.#listeners.add(listen(client, name, take));
      },
      () => undefined,
    );
  }

  /** Says who this machine is, again and again. */
  announce(announcement: Announcement): void {
    void this.#client.then(
      async (client) => {
        const { announce } = await import("./presence.ts");
        if (!this.#stop.signal.aborted) this.#ends.add(announce(client, announcement));
      },
      () => undefined,
    );
  }

  /** Tells of machines that announce themselves, and of those that do no more, for as long as the road is open. */
  watch(listener: PresenceListener): void {
    void this.#client.then(
      async (client) => {
        const { Presence } = await import("./presence.ts");
        if (this.#stop.signal.aborted) return;
        const presence = new Presence(client, listener);
        this.#ends.add(() => {
          presence.close();
        });
      },
      () => undefined,
    );
  }

  /** A receiver of audit records: a stream that the cluster keeps. It takes records at once, and holds them until there is a server. */
  auditSink(): Sink {
    return new LaterSink(
      "nats",
      this.#client.then(async (client) => {
        const { AuditStreamSink } = await import("./audit-stream.ts");
        return new AuditStreamSink(client, { create: true });
      }),
    );
  }

  async close(): Promise<void> {
    this.#stop.abort();
    for (const end of this.#ends) end();
    for (const listener of this.#listeners) listener.close();
    const client = await this.#client.catch(() => undefined);
    await client?.close();
  }

  async #within(ms: number, signal: AbortSignal): Promise<NatsClient> {
    let settle = (): void => undefined;
    const late = new Promise<never>((_resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new CodedError("target_unreachable", "NATS: there is no connection to a server"));
      }, ms);
      const abort = (): void => {
        reject(new CodedError("cancelled", "cancelled by the caller"));
      };
      signal.addEventListener("abort", abort);
      settle = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", abort);
      };
    });
    try {
      return await Promise.race([this.#client, late]);
    } finally {
      settle();
    }
  }
}

async function connected(settings: NatsSettings, signal: AbortSignal, log: RoadLog): Promise<NatsClient> {
  const { NatsClient: Client } = await import("./client.ts");
  return Client.connect(settings, signal, (status) => {
    const fields = Object.fromEntries(Object.entries(status).map(([name, value]) => [name, value]));
    log(status.type === "connected" ? "info" : "warn", `NATS ${status.type}`, fields);
  });
}
