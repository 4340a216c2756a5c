import type { Msg } from "@nats-io/transport-node";
import type { NatsClient } from "./client.ts";

/** When the permissions did not allow it, it is tried again with every new connection to a server, and after this. */
const DENIED_RETRY_MS = 30_000;

/** Listens to a subject until it is closed, also when a server did not allow that for some time. */
export class StandingSubscription {
  readonly #nats: NatsClient;
  readonly #subscribe: () => () => void;
  readonly #endStatus: () => void;
  #unsubscribe: () => void;
  #isDenied = false;
  #retry: NodeJS.Timeout | undefined;

  constructor(
    nats: NatsClient,
    subject: string,
    onMessage: (message: Msg) => void,
    queue?: string,
    retryMs = DENIED_RETRY_MS,
  ) {
    this.#nats = nats;
    this.#subscribe = () => nats.subscribe(subject, onMessage, queue);
    this.#unsubscribe = this.#subscribe();
    this.#endStatus = nats.onStatus((status) => {
      if (status.type === "denied" && status.operation === "subscription" && status.subject === subject)
        this.#denied(retryMs);
      else if (status.type === "connected" && this.#isDenied) this.#again();
      else if (status.type === "closed") this.close();
    });
  }

  close(): void {
    clearTimeout(this.#retry);
    this.#endStatus();
    this.#unsubscribe();
  }

  #denied(retryMs: number): void {
    this.#isDenied = true;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => {
      if (this.#nats.isConnected) this.#again();
    }, retryMs).unref();
  }

  #again(): void {
    this.#isDenied = false;
    clearTimeout(this.#retry);
    this.#unsubscribe = this.#subscribe();
  }
}
