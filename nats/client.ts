import { setTimeout as sleep } from "node:timers/promises";
import { connect, errors, type Msg, type NatsConnection, type ServerInfo, type Status } from "@nats-io/transport-node";
import { CodedError, messageOf } from "../wire/errors.ts";
import { printable } from "../wire/text.ts";
import { connectOptions } from "./connect-options.ts";
import { Outflow } from "./outflow.ts";
import { checkSettings, type CheckedSettings, type NatsSettings } from "./settings.ts";
import type { Subjects } from "./subjects.ts";

/** What happens to a connection to NATS. `server` is the name that the server has in its cluster. */
export type NatsStatus =
  | { readonly type: "connected"; readonly server: string }
  | { readonly type: "disconnected" }
  /** Before the first connection: none of the servers took us. It is tried again. */
  | { readonly type: "failed"; readonly reason: string }
  /** The permissions of our key do not reach so far. */
  | { readonly type: "denied"; readonly operation: "publish" | "subscription"; readonly subject: string }
  | { readonly type: "closed" };

export type OnNatsStatus = (status: NatsStatus) => void;

const RETRY_MS = 1_000;
const MAX_RETRY_MS = 30_000;
const CLOSE_MS = 2_000;

/** A connection to a NATS cluster that is made again for ever when it breaks. What was on its way then is lost: who sends must be told. */
export class NatsClient {
  readonly subjects: Subjects;
  /** This machine's name as a token of subjects. */
  readonly self: string;
  readonly outflow: Outflow;
  readonly #nats: NatsConnection;
  readonly #listeners = new Set<OnNatsStatus>();
  #info: ServerInfo;
  #isConnected = true;
  #closing: Promise<void> | undefined;

  private constructor(nats: NatsConnection, info: ServerInfo, { self, subjects }: CheckedSettings) {
    this.#nats = nats;
    this.#info = info;
    this.self = self;
    this.subjects = subjects;
    this.outflow = new Outflow(async () => nats.flush());
    void this.#watch(nats.status());
  }

  /**
   * Connects to one of the servers; tries for ever, until `signal` ends it.
   * @param onStatus is told what happens from now on; see also `onStatus`
   * @throws CodedError `nats_unusable`, `file_failed`, `config_untrusted` at once when the settings or their files cannot be used;
   * `target_unreachable` when the signal came first
   */
  static async connect(settings: NatsSettings, signal: AbortSignal, onStatus?: OnNatsStatus): Promise<NatsClient> {
    const checked = checkSettings(settings);
    const options = connectOptions(settings, checked);
    const isOver = (): boolean => signal.aborted;
    let last = "not tried";
    for (let retryMs = RETRY_MS; !isOver(); retryMs = Math.min(retryMs * 2, MAX_RETRY_MS)) {
      try {
        const nats = await connect(options);
        // It is lost again already when there is none.
        if (nats.info === undefined) throw new Error("the server closed the connection");
        const client = new NatsClient(nats, nats.info, checked);
        if (onStatus !== undefined) {
          client.#listeners.add(onStatus);
          onStatus({ type: "connected", server: client.serverName });
        }
        if (!isOver()) return client;
        await client.close();
        break;
      } catch (error) {
        last = printable(messageOf(error));
        onStatus?.({ type: "failed", reason: last });
      }
      await sleep(retryMs * (0.5 + Math.random()), undefined, { signal }).catch(() => undefined);
    }
    throw new CodedError("target_unreachable", `NATS: no connection to ${settings.servers.join(", ")}: ${last}`, {
      hint: "Look whether the servers run, and whether they know this machine's key: docs/nats.md.",
    });
  }

  get isConnected(): boolean {
    return this.#isConnected && this.#closing === undefined;
  }

  /** The server that we are connected to, or were last. */
  get serverName(): string {
    return printable(this.#lastInfo.server_name);
  }

  /** The most bytes of one message. */
  get maxPayload(): number {
    return this.#lastInfo.max_payload;
  }

  /** True when our server is part of a cluster. */
  get isClustered(): boolean {
    return this.#lastInfo.cluster !== undefined;
  }

  /** The client forgets what a server said as soon as it is lost. */
  get #lastInfo(): ServerInfo {
    this.#info = this.#nats.info ?? this.#info;
    return this.#info;
  }

  /** The client's own connection, for what JetStream needs. */
  get connection(): NatsConnection {
    return this.#nats;
  }

  /** @returns what ends it */
  onStatus(listener: OnNatsStatus): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /**
   * Sends a message, or loses it: see `outflow`.
   * @param reply where the server says at once that nobody listens to `subject`; we must listen there
   * @throws CodedError `target_unreachable` when there is no connection
   */
  publish(subject: string, payload: Uint8Array, reply?: string): void {
    if (!this.isConnected) throw noConnection();
    try {
      this.#nats.publish(subject, payload, reply === undefined ? {} : { reply });
    } catch (error) {
      throw new CodedError("target_unreachable", `NATS: ${printable(messageOf(error))}`, { cause: error });
    }
    this.outflow.sent(payload.length);
  }

  /** Sends a message if there is a server now. */
  offer(subject: string, payload: Uint8Array): void {
    try {
      this.publish(subject, payload);
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
    }
  }

  /**
   * Listens to a subject until it is ended. What `onMessage` throws is thrown where nobody catches it, as in a listener of a socket.
   * @param queue of all who give the same one, one gets each message
   * @returns what ends it
   * @throws CodedError `target_unreachable` when this was closed
   */
  subscribe(subject: string, onMessage: (message: Msg) => void, queue?: string): () => void {
    if (this.#closing !== undefined) throw noConnection();
    const subscription = this.#nats.subscribe(subject, {
      ...(queue === undefined ? {} : { queue }),
      callback: (error, message) => {
        if (error !== null) return; // told as a status
        try {
          onMessage(message);
        } catch (thrown) {
          // The client would stop to read, and say nothing.
          queueMicrotask(() => {
            throw thrown;
          });
        }
      },
    });
    return () => {
      if (!subscription.isClosed()) subscription.unsubscribe();
    };
  }

  /** Tells everybody, sends what waits, and closes: within two seconds. */
  async close(): Promise<void> {
    this.#closing ??= this.#close();
    await this.#closing;
  }

  async #close(): Promise<void> {
    this.#tell({ type: "closed" });
    const ended = new AbortController();
    // Without a server, draining would wait for one.
    await Promise.race([
      this.#isConnected ? this.#nats.drain().catch(() => undefined) : undefined,
      sleep(CLOSE_MS, undefined, { signal: ended.signal }).catch(() => undefined),
    ]);
    ended.abort();
    await this.#nats.close();
  }

  #tell(status: NatsStatus): void {
    for (const listener of [...this.#listeners]) listener(status);
  }

  async #watch(statuses: AsyncIterable<Status>): Promise<void> {
    for await (const status of statuses) {
      if (status.type === "disconnect") {
        this.#isConnected = false;
        this.#tell({ type: "disconnected" });
      } else if (status.type === "staleConnection") {
        hangUp(this.#nats);
      } else if (status.type === "reconnect") {
        this.#isConnected = true;
        this.#tell({ type: "connected", server: this.serverName });
      } else if (status.type === "error" && status.error instanceof errors.PermissionViolationError) {
        const { operation, subject } = status.error;
        this.#tell({ type: "denied", operation, subject });
      }
    }
    this.#isConnected = false;
    if (this.#closing === undefined) await this.close();
  }
}

/** What the official client has inside, as far as it is needed here. */
interface Inside {
  readonly protocol?: { readonly transport?: { readonly socket?: { destroy(): void } } };
}

/**
 * Closes the socket of a server that answers no pings. The client itself first waits until all that it has written is sent, which in a network that is cut
 * is for a quarter of an hour, and tries no other server until then.
 */
function hangUp(nats: NatsConnection): void {
  (nats as Inside).protocol?.transport?.socket?.destroy();
}

function noConnection(): CodedError {
  return new CodedError("target_unreachable", "NATS: there is no connection to a server");
}
