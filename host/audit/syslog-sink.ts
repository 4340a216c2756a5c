import { createSocket, type Socket as Datagrams } from "node:dgram";
import { createConnection, isIPv6, type Socket } from "node:net";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import type { SyslogTarget } from "./settings.ts";
import type { Sink } from "./sinks.ts";
import { within } from "./within.ts";

/** "log audit" of RFC 5424. */
const FACILITY = 13;
const SEVERITY = { warning: 4, notice: 5, info: 6 } as const;
/** Bytes that wait for a receiver; records that would make it more are dropped. */
const MAX_WAITING = 1_048_576;
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 30_000;
const CLOSE_MS = 2_000;

function severityOf(line: string): number {
  // Quotes inside of texts are escaped, so this is the member itself.
  if (line.includes('"verdict":"deny"') || line.includes('"outcome":"failed"')) return SEVERITY.warning;
  return line.includes('"kind":"note"') ? SEVERITY.notice : SEVERITY.info;
}

/** One message of RFC 5424 whose text is the record's line, so that the chain can be verified where it arrives. */
export function syslogMessage(line: string, host: string, pid: number): string {
  const [, time = "-"] = /"time":"([0-9TZ:.-]+)"/.exec(line) ?? [];
  const [, kind = "-"] = /"kind":"([a-z]+)"/.exec(line) ?? [];
  return `<${FACILITY * 8 + severityOf(line)}>1 ${time} ${host} cmd2host ${pid} ${kind} - ${line}`;
}

/** How messages leave. */
interface Way {
  /** False when it takes nothing now. */
  send(message: string, failed: () => void): boolean;
  close(): Promise<void>;
}

/** One datagram each. Whether it arrived, nobody says. */
class DatagramWay implements Way {
  readonly #socket: Datagrams;
  readonly #target: SyslogTarget;
  #sending = 0;

  constructor(target: SyslogTarget) {
    this.#target = target;
    this.#socket = createSocket(isIPv6(target.place) ? "udp6" : "udp4");
    this.#socket.on("error", () => undefined);
    this.#socket.unref();
  }

  send(message: string, failed: () => void): boolean {
    if (this.#sending + message.length > MAX_WAITING) return false;
    this.#sending += message.length;
    this.#socket.send(message, this.#target.port, this.#target.place, (error) => {
      this.#sending -= message.length;
      if (error !== null) failed();
    });
    return true;
  }

  async close(): Promise<void> {
    const until = performance.now() + CLOSE_MS;
    while (this.#sending > 0 && performance.now() < until) await sleep(10);
    this.#socket.close();
  }
}

/** A connection that is made again when it breaks. */
class StreamWay implements Way {
  readonly #target: SyslogTarget;
  #socket: Socket | undefined;
  #isConnected = false;
  #isClosing = false;
  #retryMs = FIRST_RETRY_MS;
  #timer: NodeJS.Timeout | undefined;
  /** What a new connection sends first, and how many bytes that is. */
  #queue: { readonly bytes: Buffer; readonly failed: () => void }[] = [];
  #queued = 0;

  constructor(target: SyslogTarget) {
    this.#target = target;
    this.#connect();
  }

  send(message: string, failed: () => void): boolean {
    // RFC 6587: its length before it, or on local sockets a line each.
    const text = Buffer.from(message);
    const bytes =
      this.#target.transport === "unix"
        ? Buffer.concat([text, Buffer.from("\n")])
        : Buffer.concat([Buffer.from(`${text.length} `), text]);
    if (this.#queued + (this.#socket?.writableLength ?? 0) + bytes.length > MAX_WAITING) return false;
    if (this.#isConnected) this.#write(bytes, failed);
    else {
      this.#queue.push({ bytes, failed });
      this.#queued += bytes.length;
    }
    return true;
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    clearTimeout(this.#timer);
    const socket = this.#socket;
    if (socket !== undefined && !socket.destroyed) {
      const closed = new Promise<void>((resolve) => socket.once("close", resolve));
      // Behind what waits for the connection, when there is none yet.
      if (this.#isConnected) socket.end();
      else socket.once("connect", () => socket.end());
      await within(CLOSE_MS, closed);
    }
    socket?.destroy();
    for (const { failed } of this.#queue.splice(0)) failed();
  }

  #write(bytes: Buffer, failed: () => void): void {
    this.#socket?.write(bytes, (error) => {
      if (error !== null && error !== undefined) failed();
    });
  }

  #connect(): void {
    const { transport, place, port } = this.#target;
    const socket = transport === "unix" ? createConnection(place) : createConnection(port, place);
    this.#socket = socket;
    socket.unref();
    socket.on("error", () => undefined);
    socket.on("data", () => undefined);
    socket.once("connect", () => {
      this.#isConnected = true;
      this.#retryMs = FIRST_RETRY_MS;
      this.#queued = 0;
      for (const { bytes, failed } of this.#queue.splice(0)) this.#write(bytes, failed);
    });
    socket.once("close", () => {
      this.#isConnected = false;
      if (this.#isClosing) return;
      this.#timer = setTimeout(() => {
        this.#connect();
      }, this.#retryMs).unref();
      this.#retryMs = Math.min(this.#retryMs * 2, LAST_RETRY_MS);
    });
  }
}

/** Sends each record to a syslog receiver. */
export class SyslogSink implements Sink {
  readonly name = "syslog";
  readonly #way: Way;
  readonly #host = hostname().replace(/[^\x21-\x7e]/g, "") || "-";
  #dropped = 0;

  constructor(target: SyslogTarget) {
    this.#way = target.transport === "udp" ? new DatagramWay(target) : new StreamWay(target);
  }

  send(line: string): void {
    const failed = (): void => {
      this.#dropped++;
    };
    if (!this.#way.send(syslogMessage(line, this.#host, process.pid), failed)) failed();
  }

  takeDropped(): number {
    const dropped = this.#dropped;
    this.#dropped = 0;
    return dropped;
  }

  async close(): Promise<void> {
    await this.#way.close();
  }
}
