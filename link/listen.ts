import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { CodedError, errnoOf, messageOf } from "../wire/errors.ts";
import type { LinkHello } from "../wire/schema.ts";
import { beginSession, type Home } from "./begin.ts";
import type { Carrier } from "./carrier.ts";
import type { EnrolmentDesk } from "./enrolment.ts";
import { LinkFault } from "./fault.ts";
import type { Fingerprint } from "./fingerprint.ts";
import { hear } from "./greeting.ts";
import { Handshakes, type HandshakeBounds } from "./handshakes.ts";
import { byeMessage, commonVersion, mannerOf, versionBye, versionWords, welcomeMessage } from "./hello.ts";
import type { LinkIdentity } from "./identity.ts";
import { dropOlderKey } from "./key-change.ts";
import { CHECK_MS } from "./limits.ts";
import type { LinkEvents, LinkPeer, LinkSettings } from "./peer.ts";
import type { Pins } from "./pins.ts";
import { newSessionId, type Session } from "./session.ts";
import { PROTOCOL, secureServer, type Secured } from "./tls.ts";

export interface ListenerOptions extends LinkSettings {
  readonly identity: LinkIdentity;
  readonly pins: Pins;
  readonly events: LinkEvents;
  /** Takes strangers that have a code. */
  readonly enrolment?: EnrolmentDesk;
  /** Other bounds than the default ones for connections that have proved nothing yet. */
  readonly handshakes?: Partial<HandshakeBounds>;
}

/** How often something was turned away, since the start. */
export interface ListenerCounts {
  /** Connections of known machines that said hello. */
  readonly accepted: number;
  /** No TLS 1.3 handshake in time, or none at all. */
  readonly handshakes: number;
  /** A key that nobody has, or no key. */
  readonly strangers: number;
  /** Known machines that did not speak the link, or not in time. */
  readonly broken: number;
  /** Given up in favour of others, because too many were there. */
  readonly crowded: number;
}

/** Connections that the system takes before we do: a whole fleet may come back at the same time. */
const BACKLOG = 4_096;
/** For a stranger to read why. */
const TURN_AWAY_MS = 1_000;
const REFUSED = byeMessage({ reason: "refused", detail: "this machine is not known here" });

/** Waits for known machines that dial in. */
export class LinkListener {
  readonly #options: ListenerOptions;
  readonly #home: Home;
  readonly #servers = new Set<Server>();
  readonly #handshakes: Handshakes;
  readonly #sessions = new Map<string, Session>();
  readonly #counts = { accepted: 0, handshakes: 0, strangers: 0, broken: 0 };
  readonly #timer: NodeJS.Timeout;
  #isClosed = false;

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#handshakes = new Handshakes(options.handshakes);
    const { identity, pins, events } = options;
    this.#home = { identity, pins, events, manner: mannerOf(options, events), isDialler: false };
    this.#timer = setInterval(() => {
      this.check();
    }, CHECK_MS);
    this.#timer.unref();
  }

  /** The sessions that are not over. */
  get peers(): readonly LinkPeer[] {
    return [...this.#sessions.values()];
  }

  get counts(): ListenerCounts {
    return { ...this.#counts, crowded: this.#handshakes.crowded };
  }

  /** The session with a machine. */
  peer(name: string): LinkPeer | undefined {
    return this.#sessions.get(name);
  }

  /** Listens on a TCP address; several are possible. @throws CodedError `listen_failed` */
  async listen(at: { readonly host: string; readonly port: number }): Promise<AddressInfo> {
    const server = createServer({ allowHalfOpen: true, noDelay: true, keepAlive: true }, (socket) => {
      this.take(socket);
    });
    await new Promise<void>((resolve, reject) => {
      server.once("error", (error) => {
        reject(new CodedError("listen_failed", `TCP ${at.host}:${at.port}: ${errnoOf(error) ?? error.message}`));
      });
      server.listen({ ...at, backlog: BACKLOG }, resolve);
    });
    this.#servers.add(server);
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("a TCP server without a TCP address");
    return address;
  }

  /** Takes a connection that came another way; its first bytes are TLS, and may have been put back into it (`unshift`). */
  take(connection: Duplex | Socket): void {
    connection.on("error", () => undefined);
    if (this.#isClosed) {
      connection.destroy();
      return;
    }
    void this.#handshakes
      .during(connection, async (signal) => this.#welcome(connection, signal))
      .then(
        (came) => {
          if (!came) this.#counts.handshakes++;
        },
        (error: unknown) => {
          connection.destroy();
          this.#warn(error);
        },
      );
  }

  /** Ends the sessions of machines that are not known any more, and tells the others when a new key of ours is there. Done every few seconds by itself. */
  check(): void {
    for (const session of this.#sessions.values())
      try {
        session.check(this.#options.pins);
      } catch (error) {
        this.#warn(error);
      }
  }

  /** Lets every session go on over a new connection, made with the keys of now. */
  reconnect(): void {
    for (const session of this.#sessions.values()) session.reconnect();
  }

  /** Listens no more, and ends all sessions. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#handshakes.close();
    for (const session of this.#sessions.values()) session.close("the other side is shut down");
    await Promise.all(
      [...this.#servers].map(
        async (server) =>
          new Promise<void>((resolve) => {
            server.close(() => {
              resolve();
            });
          }),
      ),
    );
  }

  async #welcome(connection: Duplex, signal: AbortSignal): Promise<void> {
    const { enrolment, identity, pins } = this.#options;
    const protocols = enrolment?.isOpen === true ? [PROTOCOL.link, PROTOCOL.enrolment] : [PROTOCOL.link];
    const end = await secureServer(connection, identity.current, protocols, signal);
    if (end.kind === "failed") {
      this.#counts.handshakes++;
      return;
    }
    if (end.kind === "keyless") {
      this.#counts.strangers++;
      end.stream.destroy();
      return;
    }
    const { secured } = end;
    if (secured.protocol === PROTOCOL.enrolment) {
      await enrolment?.take(secured, signal);
      return;
    }
    const pin = pins.find(secured.fingerprint);
    if (pin === undefined) {
      this.#counts.strangers++;
      turnAway(secured.stream);
      return;
    }
    await this.#hear(secured, pin.name, signal);
  }

  async #hear(secured: Secured, name: string, signal: AbortSignal): Promise<void> {
    try {
      await hear(secured, signal, (carrier, hello) => {
        this.#answer(carrier, secured.fingerprint, name, hello);
      });
    } catch (error) {
      if (!(error instanceof LinkFault)) throw error;
      this.#counts.broken++;
      this.#home.events.warn?.(`${name}: ${error.message}`);
      return;
    }
    await dropOlderKey(this.#options.pins, name, secured.fingerprint);
  }

  /** Goes on with the session that was asked for, if it can be; else begins one, in place of any other of this machine. */
  #answer(carrier: Carrier, fingerprint: Fingerprint, name: string, hello: LinkHello): void {
    const { manner, events } = this.#home;
    const version = commonVersion(hello);
    if (version === undefined) {
      this.#counts.broken++;
      events.warn?.(`${name}: ${versionWords(name, hello.link_min, hello.link_max, hello.software)}`);
      carrier.close(versionBye());
      return;
    }
    this.#counts.accepted++;
    const former = this.#sessions.get(name);
    const { resume } = hello;
    if (former !== undefined && former.id === resume?.session && former.canResume(resume.received)) {
      carrier.send(welcomeMessage(manner, version, former.id, former.received));
      former.attach(carrier, fingerprint, resume.received);
      return;
    }
    former?.replace("it has begun another session");
    const session = beginSession(this.#home, {
      id: newSessionId(),
      name,
      fingerprint,
      their: hello,
      over: (over) => {
        if (this.#sessions.get(name) === over) this.#sessions.delete(name);
      },
    });
    this.#sessions.set(name, session);
    carrier.send(welcomeMessage(manner, version, session.id, undefined));
    session.attach(carrier, fingerprint);
    events.connected?.(session);
    session.announceKey();
  }

  #warn(error: unknown): void {
    this.#home.events.warn?.(messageOf(error));
  }
}

/** Says why, and closes; what still comes is dropped. */
function turnAway(stream: Duplex): void {
  stream.on("error", () => undefined);
  stream.end(REFUSED);
  stream.resume();
  const timer = setTimeout(() => {
    stream.destroy();
  }, TURN_AWAY_MS);
  stream.once("close", () => {
    clearTimeout(timer);
  });
}
