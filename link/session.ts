import { randomBytes } from "node:crypto";
import type { Duplex } from "node:stream";
import { CodedError } from "../wire/errors.ts";
import type { LinkBye } from "../wire/schema.ts";
import { printable } from "../wire/text.ts";
import type { Carrier, Receiver } from "./carrier.ts";
import { demand, LinkFault } from "./fault.ts";
import { indexOfFingerprint, type Fingerprint } from "./fingerprint.ts";
import { byeMessage, readBye } from "./hello.ts";
import type { KeyChange } from "./key-change.ts";
import { Inbox } from "./inbox.ts";
import { counts, MESSAGE, numberOf, type Message } from "./message.ts";
import { Outbox } from "./outbox.ts";
import type { LinkPeer, PeerFacts } from "./peer.ts";
import type { Pins } from "./pins.ts";
import { Pulse } from "./pulse.ts";
import { StreamTable, type StreamSettings } from "./stream-table.ts";

/** What a session tells its owner. */
export interface SessionOwner {
  readonly stalled: (why: string) => void;
  readonly resumed: () => void;
  readonly over: () => void;
  readonly stream: ((stream: Duplex) => void) | undefined;
}

export interface SessionOptions {
  readonly id: string;
  readonly name: string;
  readonly fingerprint: Fingerprint;
  readonly isDialler: boolean;
  readonly facts: PeerFacts;
  readonly leaseMs: number;
  readonly own: StreamSettings;
  readonly their: { readonly window: number; readonly streams: number };
  readonly owner: SessionOwner;
  readonly keys: KeyChange;
}

/** Streams between two machines, and their way over one carrier after the other. */
export class Session implements LinkPeer, Receiver {
  readonly id: string;
  readonly name: string;
  readonly facts: PeerFacts;
  readonly since = Date.now();
  readonly #options: SessionOptions;
  readonly #table: StreamTable;
  readonly #inbox = new Inbox();
  readonly #outbox = new Outbox();
  readonly #pulse: Pulse;
  #fingerprint: Fingerprint;
  #carrier: Carrier | undefined;
  #lease: NodeJS.Timeout | undefined;
  #ending: CodedError | undefined;
  #resumed = 0;
  #isAwake = false;
  #isBegun = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.id = options.id;
    this.name = options.name;
    this.facts = options.facts;
    this.#fingerprint = options.fingerprint;
    this.#pulse = new Pulse(options.leaseMs);
    this.#table = new StreamTable({
      isDialler: options.isDialler,
      own: options.own,
      their: options.their,
      onStream: options.owner.stream,
      wake: () => {
        this.#wake();
      },
      send: (message) => {
        this.post(message);
      },
      memory: () => this.#outbox.memory(),
    });
  }

  get fingerprint(): Fingerprint {
    return this.#fingerprint;
  }

  get resumed(): number {
    return this.#resumed;
  }

  /** How long it waits for a connection. */
  get leaseMs(): number {
    return this.#options.leaseMs;
  }

  get knowsNextKey(): boolean {
    return this.#options.keys.isKnown;
  }

  get state(): "live" | "stalled" | "over" {
    return this.#ending !== undefined ? "over" : this.#carrier === undefined ? "stalled" : "live";
  }

  get streams(): number {
    return this.#table.size;
  }

  get ending(): CodedError | undefined {
    return this.#ending;
  }

  /** How many messages that count have come. */
  get received(): number {
    return this.#inbox.received;
  }

  /** Whether the other side can have got so many messages: only then the session can go on. */
  canResume(theirReceived: number): boolean {
    return (
      this.#ending === undefined && theirReceived >= this.#outbox.acknowledged && theirReceived <= this.#outbox.sent
    );
  }

  /**
   * Goes on, or begins, over a carrier; one that was there is given up.
   * @param theirReceived how many messages the other side has; see `canResume`
   */
  attach(carrier: Carrier, fingerprint: Fingerprint, theirReceived = 0): void {
    const former = this.#carrier;
    this.#carrier = undefined;
    former?.close(byeMessage({ reason: "replaced" }));
    clearTimeout(this.#lease);
    this.#lease = undefined;
    this.#carrier = carrier;
    this.#fingerprint = fingerprint;
    carrier.receiver = this;
    this.#outbox.acknowledge(theirReceived);
    // The hello said what has come.
    this.#inbox.settle();
    for (const message of this.#outbox.unacknowledged) carrier.send(message);
    this.#pulse.start(carrier, {
      acknowledge: () => {
        if (this.#inbox.owes) this.#acknowledge();
      },
    });
    if (this.#isBegun) {
      this.#resumed++;
      this.#options.owner.resumed();
    }
    this.#isBegun = true;
    this.#flush();
    if (carrier.why !== undefined) this.lost(carrier.why);
  }

  open(): Duplex {
    if (this.#ending !== undefined) throw this.#ending;
    return this.#table.open();
  }

  async ping(signal?: AbortSignal): Promise<number> {
    if (this.#ending !== undefined) throw this.#ending;
    return this.#pulse.ping(signal);
  }

  close(why = "the session was closed"): void {
    this.#end(new CodedError("link_lost", `${this.name}: ${why}`), byeMessage({ reason: "closed", detail: why }));
  }

  /** Ends it because a new one has taken its place. */
  replace(why: string): void {
    this.#end(new CodedError("link_lost", `${this.name}: ${why}`), byeMessage({ reason: "replaced", detail: why }));
  }

  /**
   * Ends it when the machine is not known any more; wants a new connection when the machine is known by other keys now; and tells it of our new key,
   * if there is one.
   * @throws CodedError `file_failed`, `config_untrusted`
   */
  check(pins: Pins): void {
    const pin = pins.get(this.name);
    if (pin === undefined) this.close("not known any more");
    else if (indexOfFingerprint(pin.fingerprints, this.#fingerprint) < 0) this.reconnect();
    else this.announceKey();
  }

  /** Tells the other side which key we go over to, unless it knows. @throws CodedError `file_failed`, `config_untrusted` */
  announceKey(): void {
    if (this.#ending === undefined) this.#options.keys.announce(this);
  }

  /** Gives up the carrier, so that another one is made, with the keys of now. */
  reconnect(): void {
    this.#carrier?.drop("a new connection is wanted");
  }

  /** Numbers, keeps and sends a message that counts. */
  post(message: Buffer): void {
    try {
      const kept = this.#outbox.put(message);
      this.#carrier?.send(kept);
    } catch (error) {
      this.#suffer(error);
    }
  }

  // --- as the receiver of its carrier ---

  message(message: Message): void {
    if (this.#ending !== undefined) return;
    if (!counts(message.type)) {
      this.#control(message);
      return;
    }
    this.#inbox.take(message);
    if (message.type === MESSAGE.key || message.type === MESSAGE.key_pinned) this.#options.keys.message(this, message);
    else this.#table.message(message);
    if (this.#inbox.owesMuch) this.#acknowledge();
  }

  room(): void {
    this.#flush();
  }

  broken(fault: LinkFault): void {
    const detail = fault.message;
    this.#end(
      new CodedError("link_lost", `${this.name} does not keep to the rules of the link: ${detail}`),
      byeMessage({ reason: "broken", detail }),
    );
  }

  lost(why: string): void {
    if (this.#ending !== undefined) return;
    this.#carrier = undefined;
    this.#pulse.stop();
    this.#lease = setTimeout(() => {
      this.#end(new CodedError("link_lost", `${this.name}: ${why}, and no new connection came in time`), undefined);
    }, this.#options.leaseMs);
    this.#options.owner.stalled(why);
  }

  // ---

  #control(message: Message): void {
    switch (message.type) {
      case MESSAGE.acknowledge: {
        const number = numberOf(message);
        demand(number > this.#outbox.acknowledged, "an acknowledgement of nothing new");
        this.#outbox.acknowledge(number);
        if (this.#table.hasSomething) this.#wake();
        return;
      }
      case MESSAGE.ping:
      case MESSAGE.pong:
        this.#pulse.message(message);
        return;
      case MESSAGE.bye:
        this.#theirEnd(readBye(message));
        return;
      default:
        throw new LinkFault(`a message of type ${message.type} in the middle of a session`);
    }
  }

  #theirEnd({ reason, detail }: LinkBye): void {
    const said = printable(detail === undefined ? reason : `${reason}: ${detail}`);
    this.#end(new CodedError("link_lost", `${this.name} ended the session (${said})`), undefined);
  }

  #acknowledge(): void {
    // Later, then: it waits for nobody who does not read.
    if (this.#carrier?.hasRoom !== true) return;
    this.#carrier.send(this.#inbox.acknowledgement());
  }

  #wake(): void {
    if (this.#isAwake || this.#carrier === undefined) return;
    this.#isAwake = true;
    // What is written in one go goes out together.
    process.nextTick(() => {
      this.#isAwake = false;
      this.#flush();
    });
  }

  #flush(): void {
    const carrier = this.#carrier;
    if (this.#inbox.owesMuch) this.#acknowledge();
    if (carrier === undefined || !this.#table.hasSomething) return;
    carrier.together(() => {
      this.#table.flush(() => carrier === this.#carrier && carrier.hasRoom && this.#outbox.hasRoom);
    });
  }

  #suffer(error: unknown): void {
    if (!(error instanceof LinkFault)) throw error;
    this.broken(error);
  }

  #end(error: CodedError, last: Buffer | undefined): void {
    if (this.#ending !== undefined) return;
    this.#ending = error;
    const carrier = this.#carrier;
    this.#carrier = undefined;
    clearTimeout(this.#lease);
    this.#pulse.end(error);
    if (last === undefined) carrier?.drop("the session is over");
    else carrier?.close(last);
    this.#table.lose(error);
    this.#options.owner.over();
  }
}

/** A number for a session that nobody can guess. */
export function newSessionId(): string {
  return randomBytes(16).toString("base64url");
}
