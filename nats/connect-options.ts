import { isIP } from "node:net";
import { checkServerIdentity, type PeerCertificate } from "node:tls";
import type { ConnectionOptions, Server } from "@nats-io/transport-node";
import { authenticatorOf, tlsOptionsOf } from "./credentials.ts";
import type { CheckedSettings, NatsSettings } from "./settings.ts";

const CONNECT_TIMEOUT_MS = 5_000;
/** A server that does not answer two of these is given up. */
const SERVER_PING_MS = 5_000;
const RETRY_MS = 500;
const RETRY_JITTER_MS = 1_000;
/** So that not all machines come at the same moment when a server is lost. */
const JITTER_MS = 500;

/**
 * What the official client is told: to connect again for ever, with jitter, to any server of the cluster.
 * @throws CodedError `file_failed`, `config_untrusted`, `nats_unusable` when a file of the settings cannot be used
 */
export function connectOptions(
  settings: NatsSettings,
  { servers, self, subjects, wantsTls }: CheckedSettings,
): ConnectionOptions {
  const authenticator = authenticatorOf(settings);
  let target: Server | undefined;
  const tls = {
    ...tlsOptionsOf(settings.tls ?? {}),
    // The client would take a certificate for "localhost" from any server whose address is no name.
    checkServerIdentity: (host: string, certificate: PeerCertificate) =>
      checkServerIdentity(target?.tlsName === "" && isIP(target.hostname) > 0 ? target.hostname : host, certificate),
  };
  return {
    servers: [...servers],
    name: self,
    inboxPrefix: subjects.inbox(self),
    ...(authenticator === undefined ? {} : { authenticator }),
    ...(wantsTls ? { tls } : {}),
    timeout: CONNECT_TIMEOUT_MS,
    pingInterval: SERVER_PING_MS,
    maxPingOut: 2,
    maxReconnectAttempts: -1,
    // A server whose configuration is being changed may not know us for a while.
    ignoreAuthErrorAbort: true,
    reconnectTimeWait: RETRY_MS,
    reconnectJitter: RETRY_JITTER_MS,
    reconnectJitterTLS: RETRY_JITTER_MS,
    noAsyncTraces: true,
    reconnectToServer: ([next]) => {
      const isFirst = target === undefined;
      target = next;
      return next === undefined ? null : { server: next, delay: isFirst ? 0 : Math.random() * JITTER_MS };
    },
  };
}
