import { Agent, type ClientRequestArgs } from "node:http";
import { isIP } from "node:net";
import { checkServerIdentity, connect, type ConnectionOptions, type PeerCertificate, type TLSSocket } from "node:tls";
import { CodedError } from "../../wire/errors.ts";
import { shortened } from "../../wire/text.ts";
import type { Duplex } from "node:stream";
import type { NodeTrust } from "../config/settings.ts";
import { readTrusted } from "../../host/util/read-trusted.ts";
import { fingerprintOf } from "../config/fingerprint.ts";

const MAX_CA_BYTES = 262_144;
const AT_ONCE = 8;
/** Names of a certificate may be long. */
const MAX_WHY_BYTES = 150;
const UNNAMED = "ERR_TLS_CERT_ALTNAME_INVALID";

type Give = (error: Error | null, socket?: Duplex) => void;

/** As `pvenode cert info` and browsers show it. */
function spaced(fingerprint: string): string {
  return (fingerprint.toUpperCase().match(/../g) ?? []).join(":");
}

function authorityOf(trust: NodeTrust): ConnectionOptions {
  if (trust.kind !== "authority") return {};
  const file = readTrusted(trust.caFile, MAX_CA_BYTES);
  if (file === undefined) throw new CodedError("proxmox_failed", `the ca_file ${trust.caFile} does not exist`);
  return { ca: file.bytes };
}

/** Why this server is not trusted, or undefined. */
function distrustOf(socket: TLSSocket, host: string, trust: NodeTrust): string | undefined {
  if (trust.kind === "insecure") return undefined;
  const certificate = socket.getPeerCertificate();
  // Without a certificate its members are missing, whatever the types say.
  const seen = fingerprintOf((certificate as Partial<PeerCertificate>).fingerprint256 ?? "");
  if (seen === undefined) return "it has no certificate";
  if (trust.kind === "pinned")
    return seen === trust.fingerprint ? undefined : `its certificate has another fingerprint: ${spaced(seen)}`;
  const unnamed = checkServerIdentity(host, certificate);
  // Both, since not every runtime holds the name against the certificate when it does not reject it.
  if (socket.authorized && unnamed === undefined) return undefined;
  const isOnlyUnnamed = socket.authorized || String(socket.authorizationError) === UNNAMED;
  const why = isOnlyUnnamed && unnamed !== undefined ? unnamed.message : String(socket.authorizationError);
  return `its certificate is not trusted (${shortened(why, MAX_WHY_BYTES)}); if ${spaced(seen)} is what the node itself shows (pvenode cert info), pin it with fingerprint`;
}

/**
 * Connections to one server, which are handed out only when it has proved who it is: before that not a byte of a request leaves. Used with plain
 * `http.request`, since the encryption is here.
 */
export class PinnedAgent extends Agent {
  readonly #host: string;
  readonly #port: number;
  readonly #trust: NodeTrust;
  /** Connections that are being made. */
  readonly #pending = new Set<TLSSocket>();

  constructor(host: string, port: number, trust: NodeTrust) {
    super({ keepAlive: true, maxSockets: AT_ONCE });
    this.#host = host;
    this.#port = port;
    this.#trust = trust;
  }

  override createConnection(_options: ClientRequestArgs, give: Give): undefined {
    let socket: TLSSocket;
    try {
      socket = this.#connect();
    } catch (error) {
      give(error as Error);
      return;
    }
    this.#pending.add(socket);
    let isGiven = false;
    const settle = (error: Error | null): void => {
      if (isGiven) return;
      isGiven = true;
      this.#pending.delete(socket);
      if (error === null) give(null, socket);
      else {
        socket.destroy();
        give(error);
      }
    };
    socket.on("error", settle);
    socket.once("close", () => {
      settle(new Error("the connection was closed"));
    });
    socket.once("secureConnect", () => {
      const distrust = distrustOf(socket, this.#host, this.#trust);
      settle(distrust === undefined ? null : new CodedError("proxmox_failed", distrust));
    });
  }

  /** Closes all connections, also those that are not there yet. */
  override destroy(): void {
    super.destroy();
    for (const socket of this.#pending) socket.destroy();
  }

  #connect(): TLSSocket {
    return connect({
      host: this.#host,
      port: this.#port,
      ...(isIP(this.#host) === 0 ? { servername: this.#host } : {}),
      minVersion: "TLSv1.2",
      // Judged in distrustOf, so that what was seen can be said.
      rejectUnauthorized: false,
      ...authorityOf(this.#trust),
    });
  }
}
