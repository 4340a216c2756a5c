import type { Duplex } from "node:stream";
import type { Msg } from "@nats-io/transport-node";
import { CodedError } from "../wire/errors.ts";
import type { NatsClient } from "./client.ts";
import { connectionTerms, type ConnectionOptions, type ConnectionTerms } from "./connection-options.ts";
import { NatsDuplex } from "./duplex.ts";
import { decodeMessage, decodeTerms, encodeMessage, MESSAGE, REFUSAL, type Terms } from "./messages.ts";
import { StandingSubscription } from "./standing-subscription.ts";
import { isToken, nameToken, newToken, tokenName, type Ends } from "./subjects.ts";

/** What is known of a connection that came. */
export interface Dialled {
  /** The name of who dialled, as the subject says; only the permissions at the servers vouch for it. */
  readonly dialler: string;
}

export type OnDialled = (connection: Duplex, about: Dialled) => void;

/** Connections at the same time, whether somebody was told of them or not: of all, and of one dialler, so that one cannot keep out the others. */
const MAX_OPEN = 256;
const MAX_OPEN_OF_ONE = 64;

interface Dial {
  readonly ends: Ends;
  readonly reply: string;
  readonly terms: Terms | undefined;
}

/** Takes the connections that others dial to one name. */
export class NatsListener {
  readonly #nats: NatsClient;
  readonly #options: ConnectionOptions;
  readonly #onDialled: OnDialled;
  readonly #dials: StandingSubscription;
  readonly #open = new Map<NatsDuplex, string>();

  constructor(
    nats: NatsClient,
    name: string,
    onDialled: OnDialled,
    queue: string | undefined,
    options: ConnectionOptions,
  ) {
    this.#nats = nats;
    this.#onDialled = onDialled;
    this.#options = options;
    const dials = nats.subjects.dial({ machine: nameToken(name), dialler: "*" });
    this.#dials = new StandingSubscription(
      nats,
      dials,
      (message) => {
        this.#dialled(message);
      },
      queue,
    );
  }

  /** Takes no more connections. Those that are there go on. */
  close(): void {
    this.#dials.close();
  }

  #dialled(message: Msg): void {
    const dial = this.#nats.isConnected ? this.#dialOf(message) : undefined;
    // What is no dial has nobody who could be answered: an answer goes only where the dialler of the subject listens.
    if (dial === undefined) return;
    const { ends, reply, terms } = dial;
    if (terms === undefined) this.#answer(reply, MESSAGE.refuse, Buffer.from([REFUSAL.version]));
    else if (this.#isFullFor(ends.dialler)) this.#answer(reply, MESSAGE.refuse, Buffer.from([REFUSAL.full]));
    else this.#accept(ends, reply, terms);
  }

  #dialOf(message: Msg): Dial | undefined {
    const ends = this.#nats.subjects.endsOfDial(message.subject);
    const reply = message.reply ?? "";
    const token = reply.slice(reply.lastIndexOf(".") + 1);
    if (ends === undefined || !isToken(token) || reply !== this.#nats.subjects.from(ends, token)) return undefined;
    const { type, sequence, payload } = decodeMessage(message.data) ?? {};
    if (type !== MESSAGE.dial || sequence !== 0n || payload === undefined) return undefined;
    const { rest, ...terms } = decodeTerms(payload) ?? { rest: undefined };
    return { ends, reply, terms: rest?.length === 0 && "window" in terms ? terms : undefined };
  }

  #isFullFor(dialler: string): boolean {
    const same = [...this.#open.values()].filter((other) => other === dialler).length;
    return this.#open.size >= MAX_OPEN || same >= MAX_OPEN_OF_ONE;
  }

  #accept(ends: Ends, reply: string, theirs: Terms): void {
    const terms = this.#terms();
    const dialler = tokenName(ends.dialler);
    if (terms === undefined || dialler === undefined) return;
    const token = newToken();
    const incoming = this.#nats.subjects.to(ends, token);
    let isKnown = false;
    const unsubscribe = this.#nats.subscribe(incoming, (message) => {
      duplex.receive(message);
      if (isKnown || duplex.destroyed) return;
      // Only now is it sure that the dialler has our answer, and is more than a message that somebody repeated.
      isKnown = true;
      clearTimeout(timer);
      duplex.off("error", ignore);
      this.#onDialled(duplex, { dialler });
    });
    const duplex = new NatsDuplex(this.#nats, terms, {
      peer: dialler,
      incoming,
      outgoing: reply,
      theirs,
      nextIncoming: 0n,
      unsubscribe,
    });
    duplex.on("error", ignore);
    const timer = setTimeout(() => duplex.destroy(), terms.answerMs).unref();
    this.#open.set(duplex, ends.dialler);
    duplex.once("close", () => {
      clearTimeout(timer);
      this.#open.delete(duplex);
    });
    duplex.accept(token, terms.own);
  }

  #terms(): ConnectionTerms | undefined {
    try {
      return connectionTerms(this.#nats, this.#options);
    } catch (error) {
      if (error instanceof CodedError) return undefined;
      throw error;
    }
  }

  #answer(reply: string, type: number, payload: Buffer): void {
    this.#nats.offer(reply, encodeMessage(type, 0n, payload));
  }
}

function ignore(): void {
  // Nobody knows of this connection yet.
}

/**
 * Takes the connections that are dialled to `name`. They are told of when the dialler has confirmed, and behave as sockets do: see `dial`.
 * @param queue of all who listen to a name with the same one, one gets each connection; without, a name belongs to one machine
 * @throws CodedError `nats_unusable` for a name that is none
 */
export function listen(
  nats: NatsClient,
  name: string,
  onDialled: OnDialled,
  queue?: string,
  options: ConnectionOptions = {},
): NatsListener {
  return new NatsListener(nats, name, onDialled, queue, options);
}
