import { hostname, networkInterfaces } from "node:os";
import { isMachineName } from "../link/pins.ts";
import type { NatsSettings } from "../nats/settings.ts";
import type { Log } from "../host/util/log.ts";
import type { ConfigListener } from "./config/config-file.ts";
import type { GatewaySettings } from "./config/settings.ts";
import type { DoorSettings } from "./http/server.ts";
import { PAGE_SETTINGS, type PageSettings } from "./pages/page.ts";

/** What rooms are told of gateway.toml, and of the machine that the gateway runs on. */

/** What this gateway calls itself to agents. */
export function ownName(): string {
  const name = hostname().replace(/[^A-Za-z0-9._-]/g, "-");
  return isMachineName(name) ? name : "gateway";
}

export function pageSettings({ streaming }: GatewaySettings): PageSettings {
  const { pageTimeoutMs, pageMaxBytes, sessionIdleMs } = streaming;
  return { ...PAGE_SETTINGS, pageTimeoutMs, pageMaxBytes, idleMs: sessionIdleMs };
}

export function doorSettings({ server }: GatewaySettings): DoorSettings {
  return { hosts: server.allowedHosts, origins: server.allowedOrigins ?? [], trustedProxies: server.trustProxy };
}

/** By which agents can reach this machine, the likeliest first. */
export function ownAddresses(port: number, publicUrl: string | undefined): readonly string[] {
  if (publicUrl !== undefined && URL.canParse(publicUrl)) return [`${new URL(publicUrl).hostname}:${port}`];
  const addresses = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ internal, address }) => !internal && !address.startsWith("fe80:"))
    .map(({ address, family }) => (family === "IPv6" ? `[${address}]:${port}` : `${address}:${port}`));
  return addresses.length === 0 ? [`127.0.0.1:${port}`] : addresses.slice(0, 4);
}

/** How this gateway reaches NATS, if it does. */
export function natsSettings(nats: GatewaySettings["nats"]): NatsSettings | undefined {
  if (nats === undefined) return undefined;
  const { servers, creds, nkeySeed, caFile, name, prefix } = nats;
  return {
    servers,
    name: name ?? ownName(),
    prefix,
    ...(creds === undefined ? {} : { credsFile: creds }),
    ...(nkeySeed === undefined ? {} : { nkeySeedFile: nkeySeed }),
    ...(caFile === undefined ? {} : { tls: { caFile } }),
  };
}

/** For what nobody expected. */
export function bugLog(log: Log): (error: unknown) => void {
  return (error) => {
    log.error("internal error", { error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  };
}

export function warnLog(log: Log): (message: string) => void {
  return (message) => {
    log.warn(message);
  };
}

export function infoLog(log: Log): (what: string, fields: Readonly<Record<string, string>>) => void {
  return (what, fields) => {
    log.info(what, fields);
  };
}

/** Says what came of a changed gateway.toml, and has the new settings followed. */
export function configLog(log: Log, follow: (settings: GatewaySettings) => void): ConfigListener {
  return {
    changed: ({ settings, parts, needsRestart, warnings }) => {
      for (const warning of warnings) log.warn(warning);
      follow(settings);
      log.info("gateway.toml reloaded", {
        changed: parts.join(" "),
        ...(needsRestart.length === 0 ? {} : { needs_restart: needsRestart.join(" ") }),
      });
    },
    kept: (error) => {
      log.error("gateway.toml not reloaded", { reason: error.message });
    },
  };
}
