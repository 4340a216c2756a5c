import { attempt } from "../../wire/errors.ts";
import { isIP } from "node:net";
import { hostname } from "node:os";
import { isAbsolute } from "node:path";
import { DEFAULT_PORT } from "../../wire/limits.ts";
import type { DaemonConfig } from "../../wire/schema.ts";
import { quoted } from "../../wire/text.ts";
import { isMachineName } from "../../link/pins.ts";
import { tcpAddress } from "../../link/tcp.ts";
import { checkSettings, type NatsSettings } from "../../nats/settings.ts";

/** How this machine is an agent, with every default filled in. */
export interface AgentSettings {
  readonly name: string;
  readonly tags: readonly string[];
  /** Undefined when it only dials out. */
  readonly listen: { readonly host: string; readonly port: number } | undefined;
  /** By which gateways reach it; empty: its own. */
  readonly addresses: readonly string[];
  readonly maxConcurrent: number;
  readonly leaseMs: number;
  /** Whether a caller is the same one at every gateway that has the same project. */
  readonly sharedCallers: boolean;
  readonly allowRoot: boolean;
  /** Undefined: it is on no NATS. */
  readonly nats: NatsSettings | undefined;
  /** Whether a stream on that NATS gets a copy of the audit. */
  readonly auditStream: boolean;
  readonly commando: { readonly pskFile: string; readonly project: string } | undefined;
}

/** The project that gateways get when nothing else is said. */
export const MACHINE_PROJECT = "machine";

/** What the other end of a link accepts. */
const MAX_LEASE_SECONDS = 3_600;

type Complain = (pointer: string, message: string) => never;

/** What of a host name can be a machine's name. */
function ownName(): string {
  const name = hostname().replace(/[^A-Za-z0-9._-]/g, "-");
  return isMachineName(name) ? name : "machine";
}

type Fields = NonNullable<DaemonConfig["agent"]>;

function natsOf(fields: Fields["nats"], name: string, complain: Complain): NatsSettings | undefined {
  if (fields === undefined) return undefined;
  const { servers, prefix, nkey_seed_file: nkeySeedFile, creds_file: credsFile, ca_file: caFile } = fields;
  for (const [key, path] of Object.entries({ nkey_seed_file: nkeySeedFile, creds_file: credsFile, ca_file: caFile }))
    if (path !== undefined && !isAbsolute(path)) complain(`/agent/nats/${key}`, "expected an absolute path");
  const settings: NatsSettings = {
    servers,
    name,
    prefix,
    nkeySeedFile,
    credsFile,
    ...(caFile === undefined ? {} : { tls: { caFile } }),
  };
  attempt(
    () => {
      checkSettings(settings);
    },
    (error) => complain("/agent/nats", error.message),
  );
  return settings;
}

/** Fills in defaults and holds the rules that the schema cannot say. Undefined for a machine that is no agent. */
export function agentSettings(fields: DaemonConfig["agent"], complain: Complain): AgentSettings | undefined {
  if (fields === undefined) return undefined;
  const { name = ownName(), listen_address: host = "0.0.0.0", listen_port: port = 0, addresses = [] } = fields;
  if (!isMachineName(name) || name.includes("/"))
    complain("/agent/name", `expected letters, digits and . _ -, got ${quoted(name)}`);
  if (host !== "localhost" && isIP(host) === 0)
    complain("/agent/listen_address", `expected localhost, an IPv4 or an IPv6 address, got ${quoted(host)}`);
  if (port < 0 || port > 65_535) complain("/agent/listen_port", `expected a port from 1 to 65535, got ${port}`);
  addresses.forEach((address, index) => {
    if (tcpAddress(address) === undefined)
      complain(`/agent/addresses/${index}`, `expected HOST:PORT, got ${quoted(address)}`);
  });
  const { commando, lease = 0 } = fields;
  if (lease > MAX_LEASE_SECONDS)
    complain("/agent/lease", `expected at most ${MAX_LEASE_SECONDS} seconds, got ${lease}`);
  if (commando !== undefined && !isAbsolute(commando.psk_file))
    complain("/agent/commando/psk_file", "expected an absolute path");
  if (commando !== undefined && fields.listen === false)
    complain("/agent/commando", "gateways of commando connect by themselves, and listen is false");
  return {
    name,
    tags: fields.tags ?? [],
    listen: fields.listen === false ? undefined : { host, port: port === 0 ? DEFAULT_PORT : port },
    addresses,
    maxConcurrent: (fields.max_concurrent ?? 0) === 0 ? 8 : (fields.max_concurrent ?? 8),
    leaseMs: (lease === 0 ? 30 : lease) * 1_000,
    sharedCallers: fields.shared_callers === true,
    allowRoot: fields.allow_root === true,
    nats: natsOf(fields.nats, name, complain),
    auditStream: fields.nats?.audit === true,
    commando:
      commando === undefined ? undefined : { pskFile: commando.psk_file, project: commando.project ?? MACHINE_PROJECT },
  };
}
