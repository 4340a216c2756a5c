import type { IncomingMessage, Server } from "node:http";
import type { Socket } from "node:net";
import { CodedError } from "../../wire/errors.ts";
import type { Caller } from "../calls.ts";
import { errorBody } from "./answers.ts";
import { unauthorized } from "./key-check.ts";

/** Another protocol on the same port. */
export interface Upgrade {
  /** Its name in the Upgrade header. */
  readonly protocol: string;
  /**
   * Takes the connection over, of a caller who has shown a key, and ends it some day: also when the server closes.
   * @param head what was sent behind the request already
   * @param peer whom it comes from, for the audit
   */
  take(request: IncomingMessage, socket: Socket, head: Buffer, caller: Caller, peer: string): void;
}

const DROPPED = ["connection", "upgrade", "http2-settings"];
const STATUS_LINES = {
  400: "400 Bad Request",
  401: "401 Unauthorized",
  403: "403 Forbidden",
  421: "421 Misdirected Request",
};

/** Answers a request to upgrade with an error, and closes. */
export function refuseUpgrade(socket: Socket, status: keyof typeof STATUS_LINES, body: object): void {
  const text = JSON.stringify(body);
  const head = `HTTP/1.1 ${STATUS_LINES[status]}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n`;
  socket.end(head + text);
}

/** The answer to a request to upgrade without a good key. */
export function refuseUnauthorized(socket: Socket): void {
  refuseUpgrade(socket, 401, errorBody(unauthorized()));
}

/** Whether a request asks for a protocol. */
export function asksFor(request: IncomingMessage, protocol: string): boolean {
  return request.headers.upgrade?.toLowerCase() === protocol.toLowerCase();
}

/**
 * Serves a request to upgrade to something that is not spoken here as if it had not asked, which is a server's right: clients that offer HTTP/2 on every
 * first request (`Upgrade: h2c`) go on with HTTP/1.1.
 */
export function servePlainly(
  server: Server,
  event: "connection" | "secureConnection",
  request: IncomingMessage,
  socket: Socket,
  head: Buffer,
): void {
  const { rawHeaders, method = "GET", url = "/" } = request;
  const lines = rawHeaders.flatMap((name, index) =>
    index % 2 === 0 && !DROPPED.includes(name.toLowerCase()) ? [`${name}: ${rawHeaders[index + 1] ?? ""}`] : [],
  );
  socket.unshift(
    Buffer.concat([Buffer.from(`${[`${method} ${url} HTTP/1.1`, ...lines].join("\r\n")}\r\n\r\n`, "latin1"), head]),
  );
  server.emit(event, socket);
}

/** Said when a client's connection is refused before its request is looked at. */
export function refusedBody(why: string, hint: string): object {
  return errorBody(new CodedError("request_invalid", why, { hint }));
}
