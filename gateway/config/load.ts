import { SHAPES } from "../../wire/generated/shapes.js";
import { check } from "../../wire/parse.ts";
import type { GatewayConfig } from "../../wire/schema.ts";
import { CodedError } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";
import { readTrusted, type TrustedFile } from "../../host/util/read-trusted.ts";
import { callerSettings } from "./caller-section.ts";
import { knownKeys } from "./known-keys.ts";
import { agentSettings, linkSettings, natsSettings, streamingSettings } from "./other-sections.ts";
import { proxmoxSettings } from "./proxmox-section.ts";
import { milliseconds, orDefault, Remarks } from "./remarks.ts";
import { serverSettings } from "./server-section.ts";
import type { GatewaySettings, GivenSettings } from "./settings.ts";
import { agentKeys, manualTargets, targetOverrides } from "./target-section.ts";
import { TomlFile } from "./toml-file.ts";

const MAX_FILE_BYTES = 8_388_608;
const DEFAULT_CACHE_DIR = "/var/lib/commando";

/** Members whose values are never said. */
const SECRET = /\/(api_key|psk|key|key_sha256|token_secret|headers)(\/|$)/;

/** What is read beside the file. */
export interface LoadSurroundings {
  /** COMMANDO_API_KEY is looked at. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly given: GivenSettings;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export interface LoadedGateway {
  readonly settings: GatewaySettings;
  /** Each is one line for people: file, line, key, what is odd. */
  readonly warnings: readonly string[];
  /** The files that it was made from. */
  readonly files: readonly string[];
  /** For rules of other rooms, such as the audit's: the error for the value at a JSON pointer. */
  readonly wrong: (pointer: string, message: string) => CodedError;
}

/** The file as the schema has it. */
function checked(file: TomlFile, remarks: Remarks): GatewayConfig {
  const known = knownKeys(withDates(file.value), SHAPES.gateway_config);
  for (const { pointer, message } of known.unknown) remarks.warn(pointer, message);
  const result = check("gateway_config", known.value);
  if (result.ok) return result.value;
  const { pointer, message } = result.violation;
  throw file.wrong(pointer, SECRET.test(pointer) ? message.replace(/, got .*$/s, "") : message);
}

/** `expires` may be a date of TOML; everything else that is one is no text. */
function withDates(value: unknown): unknown {
  const callers = (value as { readonly callers?: unknown }).callers;
  if (!Array.isArray(callers)) return value;
  const texts = callers.map((caller: unknown) => {
    const expires = (caller as { readonly expires?: unknown } | null)?.expires;
    return expires instanceof Date ? { ...(caller as object), expires: expires.toISOString() } : caller;
  });
  return { ...(value as object), callers: texts };
}

function holdsSecrets(config: GatewayConfig): boolean {
  return (
    config.server?.api_key !== undefined ||
    Object.keys(config.agent?.psk ?? {}).length > 0 ||
    config.proxmox !== undefined ||
    (config.callers ?? []).some(({ key }) => key !== undefined)
  );
}

/** The original's key; the environment's wins when it is not empty. */
function apiKeyOf(config: GatewayConfig, env: LoadSurroundings["env"]): string | undefined {
  const own = env["COMMANDO_API_KEY"];
  return own === undefined || own === "" ? config.server?.api_key : own;
}

function settingsOf(config: GatewayConfig, { env, given, now }: LoadSurroundings, remarks: Remarks): GatewaySettings {
  const cacheDir = given.cacheDir ?? config.cache_dir ?? DEFAULT_CACHE_DIR;
  const server = serverSettings(config.server ?? {}, given, cacheDir, remarks);
  const psk = config.agent?.psk ?? {};
  const targets = manualTargets(config.targets ?? [], new Map(Object.entries(psk)), remarks);
  const proxmox = proxmoxSettings(config.proxmox, remarks);
  const names = new Set(targets.map(({ name }) => name));
  const known = (name: string): boolean =>
    names.has(name) || (proxmox?.nodes.some((node) => name.startsWith(`${node.name}/`)) ?? false);
  const callers = callerSettings(config.callers ?? [], apiKeyOf(config, env), server.transport, now(), remarks);
  if (callers.length === 0 && server.transport === "streamable-http")
    throw remarks.wrong(
      "/server",
      "nobody could call: expected api_key, the environment's COMMANDO_API_KEY, or [[callers]]",
    );
  const link = linkSettings(config.link, remarks);
  if (link !== undefined && link.port !== 0 && link.port === server.port && link.bind === server.bind)
    throw remarks.wrong("/link/port", `clients come to port ${link.port} of ${link.bind} already`);
  const interval = orDefault(config.proxmox?.discovery_interval_secs, 60, "/proxmox/discovery_interval_secs", remarks);
  return {
    cacheDir,
    server,
    agent: agentSettings(config.agent ?? {}, agentKeys(psk, known, remarks), remarks),
    streaming: streamingSettings(config.streaming ?? {}, remarks),
    targets,
    overrides: targetOverrides(config.overrides ?? [], remarks),
    proxmox,
    intervalMs: milliseconds(interval),
    link,
    callers,
    nats: natsSettings(config.nats, remarks),
    audit: config.audit,
  };
}

/** Files that the settings came from, so that a change of one is seen. */
function filesOf(path: string, config: GatewayConfig): readonly string[] {
  return [path, ...(config.callers ?? []).flatMap(({ key_file: file }) => (file === undefined ? [] : [file]))];
}

function opened(path: string): TrustedFile {
  const file = readTrusted(path, MAX_FILE_BYTES);
  if (file === undefined)
    throw new CodedError("gateway_config_invalid", printable(`${path}: does not exist`), {
      hint: "Write one (docs/gateway.md shows how), or name it with --config.",
    });
  return file;
}

/**
 * Reads gateway.toml: the original's, or one with our members.
 * @throws CodedError `gateway_config_invalid` (file, line, key, what was expected), `config_untrusted`, `file_failed`
 */
export function loadGateway(path: string, surroundings: LoadSurroundings): LoadedGateway {
  const { bytes, identity } = opened(path);
  const file = new TomlFile(path, bytes);
  const remarks = new Remarks(file);
  const config = checked(file, remarks);
  if (holdsSecrets(config) && (identity.mode & 0o004n) !== 0n)
    remarks.warn("", "holds keys, and everybody on this machine can read it (chmod o-r)");
  const settings = settingsOf(config, surroundings, remarks);
  return {
    settings,
    warnings: remarks.warnings,
    files: filesOf(path, config),
    wrong: (pointer, message) => file.wrong(pointer, message),
  };
}
