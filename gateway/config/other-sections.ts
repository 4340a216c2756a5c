import { isAbsolute } from "node:path";
import type { GatewayConfig } from "../../wire/schema.ts";
import { quoted } from "../../wire/text.ts";
import { milliseconds, orDefault, type Remarks } from "./remarks.ts";
import type { AgentSettings, LinkSettings, NatsSettings, StreamingSettings } from "./settings.ts";
import { holdPort } from "./target-section.ts";

/** Tokens of a NATS subject, without wildcards. */
const SUBJECT = /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/;
const NATS_SCHEMES = /^(nats|tls|wss?):$/;

/** @throws CodedError `gateway_config_invalid` */
export function agentSettings(
  fields: NonNullable<GatewayConfig["agent"]>,
  psk: AgentSettings["psk"],
  remarks: Remarks,
): AgentSettings {
  const connect = orDefault(fields.connect_timeout_secs, 5, "/agent/connect_timeout_secs", remarks);
  return {
    defaultPort: holdPort(fields.default_port ?? 9_876, "/agent/default_port", remarks),
    defaultTimeoutSeconds: fields.default_timeout_secs ?? 300,
    connectTimeoutMs: milliseconds(connect),
    maxConcurrentPerTarget: fields.max_concurrent_per_target ?? 4,
    psk,
  };
}

export function streamingSettings(
  fields: NonNullable<GatewayConfig["streaming"]>,
  remarks: Remarks,
): StreamingSettings {
  return {
    pageTimeoutMs: milliseconds(fields.page_timeout_secs ?? 5),
    pageMaxBytes: orDefault(fields.page_max_bytes, 32_768, "/streaming/page_max_bytes", remarks),
    sessionIdleMs: milliseconds(fields.session_idle_timeout_secs ?? 60),
  };
}

/** @throws CodedError `gateway_config_invalid` */
export function linkSettings(fields: GatewayConfig["link"], remarks: Remarks): LinkSettings | undefined {
  if (fields === undefined) return undefined;
  const { bind = "0.0.0.0", port = 9_878, lease_secs: lease } = fields;
  if (bind === "" || /\s/.test(bind))
    throw remarks.wrong("/link/bind", `expected a name or an address, got ${quoted(bind)}`);
  return {
    bind: bind.replace(/^\[(.*)\]$/, "$1"),
    port,
    leaseMs: milliseconds(orDefault(lease, 30, "/link/lease_secs", remarks)),
  };
}

/** @throws CodedError `gateway_config_invalid` */
export function natsSettings(fields: GatewayConfig["nats"], remarks: Remarks): NatsSettings | undefined {
  if (fields === undefined) return undefined;
  const { servers, creds, nkey_seed: nkeySeed, ca_file: caFile, name, prefix = "cmd2host", audit = false } = fields;
  if (servers.length === 0) throw remarks.wrong("/nats/servers", "expected at least one server");
  servers.forEach((server, index) => {
    const url = URL.canParse(server) ? new URL(server) : undefined;
    if (url === undefined || !NATS_SCHEMES.test(url.protocol) || url.username !== "" || url.password !== "")
      throw remarks.wrong(
        `/nats/servers/${index}`,
        "expected nats://HOST:PORT or tls://HOST:PORT, without a user in it",
      );
  });
  for (const [key, path] of Object.entries({ creds, nkey_seed: nkeySeed, ca_file: caFile }))
    if (path !== undefined && !isAbsolute(path)) throw remarks.wrong(`/nats/${key}`, "expected an absolute path");
  if (creds !== undefined && nkeySeed !== undefined)
    throw remarks.wrong("/nats/nkey_seed", "credentials hold a seed already; give one of the two");
  if (!SUBJECT.test(prefix)) throw remarks.wrong("/nats/prefix", `expected tokens of a subject, got ${quoted(prefix)}`);
  return { servers, creds, nkeySeed, caFile, name, prefix, audit };
}
