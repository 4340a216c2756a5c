import { isDeepStrictEqual } from "node:util";
import type { GatewaySettings } from "./settings.ts";

/** What of the settings can change while a gateway runs. */
export const PARTS = ["targets", "callers", "limits", "discovery", "server"] as const;
export type Part = (typeof PARTS)[number];

/** The settings that make each part. */
const LIVE: Readonly<Record<Part, (settings: GatewaySettings) => unknown>> = {
  targets: ({ targets, overrides, agent }) => [targets, overrides, agent.psk, agent.defaultPort],
  callers: ({ callers }) => callers,
  limits: ({ agent: { defaultTimeoutSeconds, connectTimeoutMs, maxConcurrentPerTarget }, streaming }) => [
    defaultTimeoutSeconds,
    connectTimeoutMs,
    maxConcurrentPerTarget,
    streaming,
  ],
  discovery: ({ proxmox, intervalMs }) => [proxmox, intervalMs],
  server: ({ server: { executionMode, allowedHosts, allowedOrigins, trustProxy, publicUrl } }) => [
    executionMode,
    allowedHosts,
    allowedOrigins,
    trustProxy,
    publicUrl,
  ],
};

/** What a running gateway holds on to, by its key in the file. */
const FIXED: Readonly<Record<string, (settings: GatewaySettings) => unknown>> = {
  cache_dir: ({ cacheDir }) => cacheDir,
  "server.transport": ({ server }) => server.transport,
  "server.bind": ({ server }) => server.bind,
  "server.port": ({ server }) => server.port,
  "server.tls_cert": ({ server }) => server.tls?.cert,
  "server.tls_key": ({ server }) => server.tls?.key,
  "server.audit_log_path": ({ server }) => server.auditCopy?.path,
  "server.audit_log_max_bytes": ({ server }) => server.auditCopy?.maxBytes,
  "link.bind": ({ link }) => link?.bind,
  "link.port": ({ link }) => link?.port,
  "link.lease_secs": ({ link }) => link?.leaseMs,
  nats: ({ nats }) => nats,
  audit: ({ audit }) => audit,
};

/** The parts in which the two differ. */
export function changedParts(before: GatewaySettings, after: GatewaySettings): readonly Part[] {
  return PARTS.filter((part) => !isDeepStrictEqual(LIVE[part](before), LIVE[part](after)));
}

/** The keys of the file that hold only after a restart. */
export function restartKeys(running: GatewaySettings, after: GatewaySettings): readonly string[] {
  return Object.entries(FIXED).flatMap(([key, of]) => (isDeepStrictEqual(of(running), of(after)) ? [] : [key]));
}
