import { jetstream, type JetStreamClient } from "@nats-io/jetstream";
import { messageOf } from "../wire/errors.ts";
import { printable } from "../wire/text.ts";
import type { Sink } from "../host/audit/sinks.ts";
import { sha256Hex } from "../host/util/hash.ts";
import { makeAuditStream, makeSubject, type AuditStreamSettings } from "./audit-stream-set-up.ts";
import type { NatsClient } from "./client.ts";

/** Bytes that wait for the stream; records that would make it more are dropped. */
const MAX_WAITING = 1_048_576;
/** Bytes of one message, unless one record has more. */
const MAX_BATCH = 65_536;
const ACK_MS = 3_000;
const FIRST_RETRY_MS = 250;
const LAST_RETRY_MS = 2_000;
const DENIED_RETRY_MS = 30_000;
const CLOSE_MS = 2_000;
/** For the headers of a message, which count as well. */
const HEADER_ROOM = 1_024;

interface Batch {
  /** Of records. */
  readonly count: number;
  readonly payload: Buffer;
  readonly id: string;
}

/**
 * Sends records to a stream of JetStream, in order: one message at a time, with as many records as wait. A message that was not confirmed is sent
 * again until it is, under the same id, so that the stream keeps it once.
 */
export class AuditStreamSink implements Sink {
  readonly name = "nats";
  readonly #nats: NatsClient;
  readonly #settings: AuditStreamSettings;
  readonly #subject: string;
  readonly #stream: JetStreamClient;
  readonly #endStatus: () => void;
  readonly #sending: Promise<void>;
  /** What this machine may not do at this server: it is asked for once, not again and again. */
  readonly #denied = new Set<string>();
  #lines: string[] = [];
  #waiting = 0;
  #dropped = 0;
  #isClosing = false;
  #isGivenUp = false;
  #trouble: string | undefined;
  /** Ends waiting for a record. */
  #more: () => void = nothing;
  /** Ends waiting for a confirmation, or for the next attempt. */
  #interrupt: () => void = nothing;

  constructor(nats: NatsClient, settings: AuditStreamSettings) {
    this.#nats = nats;
    this.#settings = settings;
    this.#subject = nats.subjects.audit(nats.self);
    this.#stream = jetstream(nats.connection);
    this.#endStatus = nats.onStatus((status) => {
      if (status.type === "closed") this.#giveUp();
      else if (status.type === "denied") this.#denied.add(status.subject);
      else {
        // Another server may know other permissions.
        this.#denied.clear();
        this.#interrupt();
      }
    });
    this.#sending = this.#send();
  }

  /** Why the last message was not confirmed; undefined when it was. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  send(line: string): void {
    const bytes = Buffer.byteLength(line) + 1;
    if (this.#isClosing || this.#waiting + bytes > MAX_WAITING || bytes > this.#nats.maxPayload - HEADER_ROOM) {
      this.#dropped++;
      return;
    }
    this.#waiting += bytes;
    this.#lines.push(line);
    this.#more();
  }

  takeDropped(): number {
    const dropped = this.#dropped;
    this.#dropped = 0;
    return dropped;
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    this.#more();
    const timer = setTimeout(() => {
      this.#giveUp();
    }, CLOSE_MS);
    await this.#sending;
    clearTimeout(timer);
    this.#endStatus();
    this.#dropped += this.#lines.length;
    this.#lines = [];
  }

  /** Nothing more can arrive. */
  #giveUp(): void {
    this.#isGivenUp = true;
    this.#isClosing = true;
    this.#more();
    this.#interrupt();
  }

  async #send(): Promise<void> {
    let retryMs = FIRST_RETRY_MS;
    let batch: Batch | undefined;
    while (!this.#isGivenUp) {
      batch ??= this.#nextBatch();
      if (batch === undefined) {
        if (this.#isClosing) return;
        await new Promise<void>((resolve) => {
          this.#more = resolve;
        });
      } else if (await this.#isKept(batch)) {
        this.#lines.splice(0, batch.count);
        this.#waiting -= batch.payload.length;
        batch = undefined;
        retryMs = FIRST_RETRY_MS;
      } else {
        await this.#pause(retryMs);
        if (this.#denied.has(this.#subject)) await this.#pause(DENIED_RETRY_MS);
        retryMs = Math.min(retryMs * 2, LAST_RETRY_MS);
      }
    }
  }

  /** What waits, as it is in the file of the log. */
  #nextBatch(): Batch | undefined {
    const lines: string[] = [];
    let bytes = 0;
    for (const line of this.#lines) {
      bytes += Buffer.byteLength(line) + 1;
      if (lines.length > 0 && bytes > Math.min(MAX_BATCH, this.#nats.maxPayload - HEADER_ROOM)) break;
      lines.push(line);
    }
    const last = lines.at(-1);
    if (last === undefined) return undefined;
    const payload = Buffer.from(lines.map((line) => `${line}\n`).join(""));
    const [, hash] = /"hash":"([0-9a-f]{64})"\}$/.exec(last) ?? [];
    return { count: lines.length, payload, id: hash ?? sha256Hex(payload) };
  }

  async #isKept(batch: Batch): Promise<boolean> {
    if (!this.#nats.isConnected) {
      this.#trouble = "there is no connection to a server";
      return false;
    }
    const error = await this.#tried(batch);
    this.#trouble = error === undefined ? undefined : printable(messageOf(error));
    // Nobody listens to the subject: there is no stream, or it has no leader now. The library does not export the class.
    if (error instanceof Error && error.name === "JetStreamNotEnabled" && this.#settings.create)
      await this.#makeStream();
    return error === undefined;
  }

  /** Sends it, and waits until the stream has it, or until that cannot be known. Returns why it has it not. */
  async #tried({ payload, id }: Batch): Promise<unknown> {
    return new Promise((resolve) => {
      this.#interrupt = () => {
        resolve(new Error("the server was lost"));
      };
      this.#stream.publish(this.#subject, payload, { msgID: id, timeout: ACK_MS }).then(() => {
        resolve(undefined);
      }, resolve);
    });
  }

  async #pause(ms: number): Promise<void> {
    if (this.#isGivenUp) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#interrupt = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async #makeStream(): Promise<void> {
    if (this.#denied.has(makeSubject(this.#nats.subjects))) return;
    const trouble = await makeAuditStream(this.#nats, this.#settings);
    if (trouble !== undefined) this.#trouble = printable(trouble);
  }
}

function nothing(): void {
  // Nobody waits.
}
