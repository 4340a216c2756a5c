import type { X509Certificate } from "node:crypto";
import type { Duplex } from "node:stream";
import { connect, createSecureContext, TLSSocket, type SecureContext } from "node:tls";
import { cancelled } from "../wire/client-connect.ts";
import { CodedError, errnoOf, messageOf } from "../wire/errors.ts";
import { printable } from "../wire/text.ts";
import { fingerprintOfCertificate, indexOfFingerprint, type Fingerprint } from "./fingerprint.ts";
import type { OwnKey } from "./identity.ts";
import { HANDSHAKE_MS } from "./limits.ts";

/** What a connection speaks, as TLS names it (ALPN). */
export const PROTOCOL = { link: "cmd2host-link/1", enrolment: "cmd2host-enrol/1" } as const;
export type Protocol = (typeof PROTOCOL)[keyof typeof PROTOCOL];

const EXPORTER = "EXPORTER-cmd2host-link";
const BINDING_BYTES = 32;

/** A connection that nobody else reads or changes, and whose other end has proved its key. Nothing of what it says was read yet. */
export interface Secured {
  readonly stream: Duplex;
  /** The key that the other end proved. Whether it is known is not this room's affair on a server's side. */
  readonly fingerprint: Fingerprint;
  readonly protocol: Protocol;
  /** 32 bytes that both ends of this connection have, and nobody else. */
  readonly binding: Buffer;
}

/** Why there is no secured connection. `silent`: nothing came at all before the end. */
export type HandshakeEnd =
  | { readonly kind: "secured"; readonly secured: Secured }
  | { readonly kind: "failed"; readonly why: string }
  /** TLS, but without a key of the right kind. */
  | { readonly kind: "keyless"; readonly stream: Duplex };

const contexts = new WeakMap<OwnKey, SecureContext>();

/** Making one costs more than what follows. */
function contextOf(key: OwnKey): SecureContext {
  const made = contexts.get(key);
  if (made !== undefined) return made;
  const context = createSecureContext({
    key: key.privateKey,
    cert: key.certificate,
    minVersion: "TLSv1.3",
    maxVersion: "TLSv1.3",
  });
  contexts.set(key, context);
  return context;
}

/** Common to both ends. Certificates are not checked against authorities: there are none. Keys are compared instead. */
function optionsOf(key: OwnKey, protocols: readonly Protocol[]) {
  return {
    secureContext: contextOf(key),
    minVersion: "TLSv1.3",
    maxVersion: "TLSv1.3",
    rejectUnauthorized: false,
    ALPNProtocols: [...protocols],
  } as const;
}

function isProtocol(text: unknown): text is Protocol {
  return text === PROTOCOL.link || text === PROTOCOL.enrolment;
}

/** Undefined when there is none, or none that can be read. */
function peerCertificateOf(socket: TLSSocket): X509Certificate | undefined {
  try {
    return socket.getPeerX509Certificate();
  } catch {
    return undefined;
  }
}

function endOf(socket: TLSSocket): HandshakeEnd {
  const { alpnProtocol } = socket;
  if (!isProtocol(alpnProtocol) || socket.getProtocol() !== "TLSv1.3")
    return { kind: "failed", why: "another protocol" };
  const certificate = peerCertificateOf(socket);
  const fingerprint = certificate === undefined ? undefined : fingerprintOfCertificate(certificate);
  if (fingerprint === undefined) return { kind: "keyless", stream: socket };
  const binding = socket.exportKeyingMaterial(BINDING_BYTES, EXPORTER, Buffer.alloc(0));
  return { kind: "secured", secured: { stream: socket, fingerprint, protocol: alpnProtocol, binding } };
}

/** Waits for the end of a handshake, well or badly; the socket is destroyed in the second case, and its errors are nobody's business from then on. */
async function shaken(socket: TLSSocket, signal: AbortSignal | undefined): Promise<HandshakeEnd> {
  return new Promise((resolve) => {
    const settle = (end: HandshakeEnd): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
      for (const [event, listener] of listeners) socket.off(event, listener);
      if (end.kind === "failed") socket.destroy();
      resolve(end);
    };
    const fail = (error?: Error): void => {
      settle({
        kind: "failed",
        why: error === undefined ? "the connection was closed" : (errnoOf(error) ?? error.message),
      });
    };
    const abort = (): void => {
      settle({ kind: "failed", why: "given up" });
    };
    const listeners: readonly (readonly [string, (error?: Error) => void])[] = [
      [
        "secure",
        () => {
          let end: HandshakeEnd;
          try {
            end = endOf(socket);
          } catch (error) {
            end = { kind: "failed", why: messageOf(error) }; // gone in this moment
          }
          settle(end);
        },
      ],
      ["_tlsError", fail],
      ["error", fail],
      // Whoever says nothing more before the end will not end it.
      [
        "end",
        () => {
          fail();
        },
      ],
      [
        "close",
        () => {
          fail();
        },
      ],
    ];
    const timer = setTimeout(() => {
      settle({ kind: "failed", why: `no handshake within ${HANDSHAKE_MS / 1_000} s` });
    }, HANDSHAKE_MS);
    for (const [event, listener] of listeners) socket.on(event, listener);
    signal?.addEventListener("abort", abort, { once: true });
    if (signal?.aborted === true) abort();
  });
}

/** Whatever carried the handshake goes with the secured connection, and its errors end that one. */
function bindTogether(connection: Duplex, socket: TLSSocket): void {
  connection.on("error", () => undefined);
  // Also between the handshake and whoever reads next.
  socket.on("error", () => undefined);
  connection.once("close", () => {
    socket.destroy();
  });
  socket.once("close", () => {
    connection.destroy();
  });
}

/**
 * The server's side of a handshake. Takes every key; whose it is has to be looked up before a byte is read.
 * @param connection bytes that were read already have to be put back (`unshift`)
 */
export async function secureServer(
  connection: Duplex,
  key: OwnKey,
  protocols: readonly Protocol[],
  signal?: AbortSignal,
): Promise<HandshakeEnd> {
  const socket = new TLSSocket(connection, { ...optionsOf(key, protocols), isServer: true, requestCert: true });
  bindTogether(connection, socket);
  return shaken(socket, signal);
}

/**
 * The client's side of a handshake, with a server that has one of these keys.
 * @throws CodedError `target_key_mismatch` when it has another one, `link_version` when it does not speak the protocol, `target_unreachable`, `cancelled`
 */
export async function secureClient(
  connection: Duplex,
  key: OwnKey,
  protocol: Protocol,
  pins: readonly Fingerprint[],
  signal?: AbortSignal,
): Promise<Secured> {
  const socket = connect({ ...optionsOf(key, [protocol]), socket: connection });
  bindTogether(connection, socket);
  const end = await shaken(socket, signal);
  if (signal?.aborted === true) {
    socket.destroy();
    throw cancelled();
  }
  if (end.kind === "failed") throw failure(end.why, protocol);
  const fingerprint = end.kind === "secured" ? end.secured.fingerprint : "no key that can be used";
  if (end.kind === "secured" && indexOfFingerprint(pins, fingerprint) >= 0) return end.secured;
  socket.destroy();
  throw new CodedError("target_key_mismatch", `expected the key ${pins.join(" or ")}, and was shown ${fingerprint}`);
}

function failure(why: string, protocol: Protocol): CodedError {
  if (why.includes("NO_APPLICATION_PROTOCOL"))
    return new CodedError("link_version", `whoever answered does not speak ${protocol}`);
  return new CodedError("target_unreachable", `no TLS handshake: ${printable(why)}`);
}
