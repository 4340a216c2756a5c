import type { Duplex } from "node:stream";
import { cancelled } from "../wire/client-connect.ts";
import { CodedError, messageOf } from "../wire/errors.ts";
import type { LinkWelcome } from "../wire/schema.ts";
import { Backoff, type Waits } from "./backoff.ts";
import { beginSession, type Home } from "./begin.ts";
import type { Carrier } from "./carrier.ts";
import { demand } from "./fault.ts";
import type { Fingerprint } from "./fingerprint.ts";
import { greet } from "./greeting.ts";
import { helloMessage, mannerOf } from "./hello.ts";
import type { LinkIdentity } from "./identity.ts";
import { dropOlderKey } from "./key-change.ts";
import { CHECK_MS, CONNECT_MS, HANDSHAKE_MS, LINK_MAX, LINK_MIN } from "./limits.ts";
import type { LinkEvents, LinkPeer, LinkSettings } from "./peer.ts";
import type { Pins } from "./pins.ts";
import type { Session } from "./session.ts";
import { PROTOCOL, secureClient } from "./tls.ts";

export interface DiallerOptions extends LinkSettings {
  /** Whom to expect, by its name in the pins. */
  readonly peer: string;
  readonly identity: LinkIdentity;
  readonly pins: Pins;
  readonly events: LinkEvents;
  /** A connection for the link; `tcpConnect(addresses)`, or another way there. */
  readonly connect: (signal: AbortSignal) => Promise<Duplex>;
  /** Default: 0.2 s at first, and 30 s at last. */
  readonly waits?: Waits;
}

/** A connection that has held for so long was a good one. */
const STEADY_MS = 10_000;
/** Somebody who wants a stream does not wait for the next try, unless the last one was so long ago at most. */
const EAGER_MS = 1_000;
/** While a session waits for a connection, there is a try in each such part of its lease: with longer waits it would be over before the next one. */
const TRIES_IN_LEASE = 8;
/** Trouble that does not pass by itself, and that somebody who asks for nothing should hear of: the other end is not who it should be, or does not know us. */
const WORTH_A_WORD: readonly string[] = ["target_key_mismatch", "link_refused", "link_version"];

/** Keeps one session to a machine, for as long as it is started: dials, and dials again. */
export class LinkDialler {
  readonly #options: DiallerOptions;
  readonly #home: Home;
  readonly #backoff: Backoff;
  readonly #waiting = new Set<{ resolve: (peer: LinkPeer) => void; reject: (error: CodedError) => void }>();
  /** Of the try that goes on. */
  #abort = new AbortController();
  #isClosed = false;
  #check: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;
  #session: Session | undefined;
  #trouble: CodedError | undefined;
  /** What was said of it last. */
  #said: string | undefined;
  #isTrying = false;
  #triedAt = Number.NEGATIVE_INFINITY;
  #attachedAt = Number.POSITIVE_INFINITY;

  constructor(options: DiallerOptions) {
    this.#options = options;
    this.#backoff = new Backoff(options.waits);
    const { identity, pins } = options;
    const events: LinkEvents = {
      ...options.events,
      stalled: (peer, why) => {
        options.events.stalled?.(peer, why);
        this.#again();
      },
    };
    this.#home = { identity, pins, events, manner: mannerOf(options, events), isDialler: true };
  }

  /** The session, if there is one that is not over. */
  get peer(): LinkPeer | undefined {
    return this.#session;
  }

  /** Why the last try failed; undefined after one that did not. */
  get trouble(): CodedError | undefined {
    return this.#trouble;
  }

  /** Begins to dial. */
  start(): void {
    this.#check ??= setInterval(() => {
      this.check();
    }, CHECK_MS).unref();
    void this.#try();
  }

  /**
   * The session, once there is one: dials at once, unless the last try failed less than a second ago.
   * @throws CodedError `target_unreachable`, `target_key_mismatch`, `link_refused`, `link_version`, `cancelled`
   */
  async connected(signal?: AbortSignal): Promise<LinkPeer> {
    if (this.#isClosed || signal?.aborted === true) throw cancelled();
    const isRecent = performance.now() - this.#triedAt < EAGER_MS;
    if (this.#session?.state !== "live" && !this.#isTrying && !(isRecent && this.#trouble !== undefined))
      void this.#try();
    if (this.#session !== undefined) return this.#session;
    if (!this.#isTrying && this.#trouble !== undefined) throw this.#trouble;
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        this.#waiting.delete(waiter);
        signal?.removeEventListener("abort", abort);
      };
      const abort = (): void => {
        settle();
        reject(cancelled());
      };
      const waiter = {
        resolve: (peer: LinkPeer) => {
          settle();
          resolve(peer);
        },
        reject: (error: CodedError) => {
          settle();
          reject(error);
        },
      };
      this.#waiting.add(waiter);
      signal?.addEventListener("abort", abort, { once: true });
    });
  }

  /** A new stream, as `connected` and `LinkPeer.open`. @throws CodedError as these */
  async open(signal?: AbortSignal): Promise<Duplex> {
    return (await this.connected(signal)).open();
  }

  /** Ends the session when the machine is not known any more, and tells it when a new key of ours is there. Done every few seconds by itself. */
  check(): void {
    const session = this.#session;
    if (session === undefined) return;
    try {
      session.check(this.#options.pins);
    } catch (error) {
      this.#home.events.warn?.(messageOf(error));
    }
  }

  /** Lets the session go on over a new connection, made with the keys of now. */
  reconnect(): void {
    this.#session?.reconnect();
  }

  /** Dials no more, and ends the session. */
  close(): void {
    this.#isClosed = true;
    this.#abort.abort();
    clearInterval(this.#check);
    clearTimeout(this.#retry);
    this.#session?.close("the other side is shut down");
    for (const { reject } of this.#waiting) reject(cancelled());
  }

  /** Dials after a while. */
  #again(): void {
    clearTimeout(this.#retry);
    if (this.#isClosed) return;
    if (performance.now() - this.#attachedAt > STEADY_MS) this.#backoff.reset();
    this.#attachedAt = Number.POSITIVE_INFINITY;
    const session = this.#session;
    const longest = session?.state === "stalled" ? session.leaseMs / TRIES_IN_LEASE : undefined;
    this.#retry = setTimeout(() => {
      void this.#try();
    }, this.#backoff.next(longest));
  }

  /** One try. What comes of it is kept. */
  async #try(): Promise<void> {
    if (this.#isTrying || this.#isClosed || this.#session?.state === "live") return;
    clearTimeout(this.#retry);
    this.#isTrying = true;
    this.#triedAt = performance.now();
    // One for each try: what it leaves on its signal goes with it.
    const abort = (this.#abort = new AbortController());
    const timer = setTimeout(() => {
      abort.abort();
    }, CONNECT_MS + HANDSHAKE_MS);
    try {
      await this.#dial(abort.signal);
      this.#trouble = undefined;
      this.#said = undefined;
    } catch (error) {
      this.#trouble = this.#troubleOf(error, abort.signal);
      this.#say(this.#trouble);
      for (const { reject } of this.#waiting) reject(this.#trouble);
    } finally {
      clearTimeout(timer);
      this.#isTrying = false;
    }
    if (this.#trouble !== undefined) this.#again();
  }

  /** Once, however often it is tried. */
  #say({ code, message }: CodedError): void {
    if (!WORTH_A_WORD.includes(code) || this.#said === message) return;
    this.#said = message;
    const who = `${this.#options.peer}: `;
    this.#home.events.warn?.(message.startsWith(who) ? message : who + message);
  }

  #troubleOf(error: unknown, { aborted }: AbortSignal): CodedError {
    const isCoded = error instanceof CodedError;
    // Whatever it is that is thrown when a try has taken too long.
    if (!this.#isClosed && (aborted || (isCoded && error.code === "cancelled")))
      return new CodedError("target_unreachable", `${this.#options.peer}: no connection in time`);
    return isCoded ? error : new CodedError("target_unreachable", messageOf(error), { cause: error });
  }

  async #dial(signal: AbortSignal): Promise<void> {
    const { peer: name, pins, identity, connect } = this.#options;
    const pin = pins.get(name);
    if (pin === undefined) throw new CodedError("link_refused", `${name} is not enrolled here`);
    const connection = await connect(signal);
    const secured = await secureClient(connection, identity.current, PROTOCOL.link, pin.fingerprints, signal);
    const former = this.#session;
    const resume = former === undefined ? undefined : { session: former.id, received: former.received };
    await greet(secured, name, helloMessage(this.#home.manner, resume), signal, (carrier, welcome) => {
      this.#go(carrier, welcome, secured.fingerprint, former);
    });
    await dropOlderKey(pins, name, secured.fingerprint);
  }

  #go(carrier: Carrier, welcome: LinkWelcome, fingerprint: Fingerprint, former: Session | undefined): void {
    const { peer: name } = this.#options;
    demand(welcome.link >= LINK_MIN && welcome.link <= LINK_MAX, "a version of the link that was not offered");
    this.#attachedAt = performance.now();
    const { received } = welcome;
    if (received !== undefined) {
      demand(former?.id === welcome.session && former.canResume(received), "a session that cannot go on");
      former.attach(carrier, fingerprint, received);
      return;
    }
    former?.replace("the other side has forgotten it");
    const session = beginSession(this.#home, {
      id: welcome.session,
      name,
      fingerprint,
      their: welcome,
      over: (over) => {
        if (this.#session === over) this.#session = undefined;
        this.#again();
      },
    });
    this.#session = session;
    session.attach(carrier, fingerprint);
    this.#home.events.connected?.(session);
    session.announceKey();
    for (const { resolve } of this.#waiting) resolve(session);
  }
}
