import { BlockList, isIP, isIPv4 } from "node:net";
import { isAbsolute } from "node:path";
import { CodedError } from "../../wire/errors.ts";
import { DEFAULT_PORT, MAX_CAPTURE_BYTES } from "../../wire/limits.ts";
import { located, readJsonFile } from "../../wire/parse.ts";
import { LISTEN_MODES } from "../../wire/names.ts";
import type { DaemonConfig } from "../../wire/schema.ts";
import { printable, quoted } from "../../wire/text.ts";
import { agentSettings, type AgentSettings } from "../agent/settings.ts";
import { auditSettings, type AuditSettings } from "../audit/settings.ts";
import type { BaseDirectory } from "../util/base-directory.ts";
import type { FleetSettings } from "../fleet/fleet.ts";
import type { RunSettings } from "../runs/run-store.ts";
import { readTrusted } from "../util/read-trusted.ts";

const MAX_DAEMON_FILE = 262_144;
/** The longest time that a timer of Node can hold; a longer one would end at once. */
const MAX_TIMER_MS = 2_147_483_647;
const BARE_NULL = /^[\t\n\r ]*null[\t\n\r ]*$/;

/** How people are asked. */
export interface ApprovalSettings {
  readonly timeoutMs: number;
  readonly desktop: boolean;
  readonly webhooks: ReadonlyMap<string, { readonly url: string; readonly secretFile: string }>;
}

/** daemon.json with every default filled in. Times in milliseconds. */
export interface DaemonSettings {
  readonly listenMode: string;
  readonly listenAddress: string;
  readonly listenPort: number;
  readonly socketPath: string;
  readonly socketMode: number;
  readonly maxStdoutBytes: number;
  readonly maxStderrBytes: number;
  readonly maxOutputBytes: number;
  readonly maxStdinBytes: number;
  readonly runs: RunSettings;
  readonly audit: AuditSettings;
  /** Taken over from a workspace by git in one operation. */
  readonly gitMaxBytes: number;
  readonly defaultTimeoutMs: number;
  readonly maxTimeoutMs: number;
  readonly approvals: ApprovalSettings;
  readonly graceMs: number;
  readonly drainMs: number;
  /** Infinity when only max_connections bounds it. */
  readonly maxInFlight: number;
  readonly maxConnections: number;
  readonly maxConnectionsPerPeer: number;
  /** Undefined when this machine is no agent of a fleet. */
  readonly agent: AgentSettings | undefined;
  /** Undefined when no operation can run on a fleet. */
  readonly fleet: FleetSettings | undefined;
  readonly staging: { readonly mode: "workspace" } | { readonly mode: "explicit"; readonly root: string };
}

export interface LoadedSettings {
  readonly settings: DaemonSettings;
  /** For people; each is one line. */
  readonly warnings: readonly string[];
  /** JSON pointers of members that the schema does not know. */
  readonly unknown: readonly string[];
}

type Complain = (pointer: string, message: string) => never;

/** Zero and absent mean the default. */
function or(value: number | undefined, fallback: number): number {
  return value === undefined || value === 0 ? fallback : value;
}

/** Negative means as much as the hard bound allows. */
function cap(value: number | undefined, fallback: number): number {
  const chosen = or(value, fallback);
  return chosen < 0 ? MAX_CAPTURE_BYTES : Math.min(chosen, MAX_CAPTURE_BYTES);
}

/** 127.0.0.0/8, ::1 and what IPv6 maps to the former, in any spelling. */
function isLoopback(address: string): boolean {
  if (address.toLowerCase() === "localhost") return true;
  const loopback = new BlockList();
  loopback.addSubnet("127.0.0.0", 8);
  loopback.addAddress("::1", "ipv6");
  return loopback.check(address, isIPv4(address) ? "ipv4" : "ipv6");
}

function checkAddress(address: string, allowed: boolean, complain: Complain): string | undefined {
  if (address.toLowerCase() !== "localhost" && (isIP(address) === 0 || address.includes("%"))) {
    complain(
      "/listen_address",
      `invalid listen_address ${quoted(address)}: expected localhost, an IPv4 or an IPv6 address without brackets or zone`,
    );
  }
  if (isLoopback(address)) return undefined;
  if (!allowed)
    complain(
      "/listen_address",
      `listen_address ${address} must be a loopback address (or set allow_non_loopback to true)`,
    );
  return `cmd2host: TCP listen_address ${address} is not loopback (allow_non_loopback=true): whoever can reach it can try tokens, which travel in clear text`;
}

const WEBHOOK_NAME = /^[a-z][a-z0-9_-]{0,31}$/;
/** Names that say which way an answer came. */
const WAYS = new Set(["desktop", "terminal", "page"]);

/** What travels to another machine is encrypted on the way: an answer can start a program. */
function isSafeUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password } = new URL(text);
  if (username !== "" || password !== "") return false;
  return protocol === "https:" || (protocol === "http:" && ["127.0.0.1", "[::1]", "localhost"].includes(hostname));
}

function approvalsOf({ approvals = {} }: DaemonConfig, complain: Complain): ApprovalSettings {
  const webhooks = Object.entries(approvals.webhooks ?? {}).map(([name, { url, secret_file: secretFile }]) => {
    const here = `/approvals/webhooks/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
    if (!WEBHOOK_NAME.test(name) || WAYS.has(name))
      complain(
        here,
        `approvals: ${quoted(name)} must be a small letter and at most 31 of a-z 0-9 _ -, and no name of another way`,
      );
    if (!isSafeUrl(url))
      complain(`${here}/url`, "approvals: expected https without a user in it, or http to this machine");
    if (!isAbsolute(secretFile)) complain(`${here}/secret_file`, "approvals: expected an absolute path");
    return [name, { url, secretFile }] as const;
  });
  return {
    timeoutMs: or(approvals.timeout, 300) * 1_000,
    desktop: approvals.desktop ?? true,
    webhooks: new Map(webhooks),
  };
}

function fleetOf({ fleet }: DaemonConfig, complain: Complain): FleetSettings | undefined {
  if (fleet === undefined) return undefined;
  if (!isSafeUrl(fleet.gateway))
    complain("/fleet/gateway", "fleet: expected https without a user in it, or http to this machine");
  if (!isAbsolute(fleet.key_file)) complain("/fleet/key_file", "fleet: expected an absolute path");
  return { gateway: fleet.gateway, keyFile: fleet.key_file };
}

function stagingOf(config: DaemonConfig, base: BaseDirectory, complain: Complain): DaemonSettings["staging"] {
  const { mode = "", root = "" } = config.workspace_path_staging ?? {};
  const here = "/workspace_path_staging";
  if (mode === "" || mode === "workspace") {
    if (root !== "") complain(`${here}/root`, 'workspace_path_staging: root belongs to mode "explicit"');
    return mode === "" ? { mode: "explicit", root: base.staging } : { mode: "workspace" };
  }
  if (mode !== "explicit")
    complain(`${here}/mode`, `workspace_path_staging: mode ${quoted(mode)} must be "workspace" or "explicit"`);
  if (!isAbsolute(root)) complain(`${here}/root`, "workspace_path_staging: explicit mode needs an absolute root");
  return { mode: "explicit", root };
}

/** Fills in defaults and holds the rules that the schema cannot say. Pure. */
export function settingsOf(
  config: DaemonConfig,
  base: BaseDirectory,
  complain: Complain,
): Omit<LoadedSettings, "unknown"> {
  // The agent's port is the same, and its own clients are few.
  const usualMode = config.agent === undefined ? "both" : "unix";
  const listenMode = config.listen_mode === undefined || config.listen_mode === "" ? usualMode : config.listen_mode;
  if (!LISTEN_MODES.some((mode) => mode === listenMode))
    complain("/listen_mode", `invalid listen_mode: ${printable(listenMode)} (expected ${LISTEN_MODES.join(", ")})`);
  const listenAddress =
    config.listen_address === undefined || config.listen_address === "" ? "127.0.0.1" : config.listen_address;
  const listenPort = or(config.listen_port, DEFAULT_PORT);
  if (listenPort < 1 || listenPort > 65_535)
    complain("/listen_port", `expected a port from 1 to 65535, got ${listenPort}`);
  const warning =
    listenMode === "unix" ? undefined : checkAddress(listenAddress, config.allow_non_loopback === true, complain);
  const inFlight = or(config.max_in_flight, 64);
  return {
    warnings: warning === undefined ? [] : [warning],
    settings: {
      listenMode,
      listenAddress,
      listenPort,
      socketPath: config.socket_path === undefined || config.socket_path === "" ? base.socket : config.socket_path,
      socketMode: or(config.socket_mode, 0o660) & 0o777,
      maxStdoutBytes: cap(config.max_stdout_bytes, 1_048_576),
      maxStderrBytes: cap(config.max_stderr_bytes, 65_536),
      maxOutputBytes: cap(config.max_output_bytes, 16_777_216),
      maxStdinBytes: or(config.max_stdin_bytes, 16_777_216),
      runs: {
        maxBytes: or(config.runs?.max_bytes, 1_073_741_824),
        maxRunBytes: or(config.runs?.max_run_bytes, 67_108_864),
        maxAgeMs: or(config.runs?.max_age, 86_400) * 1_000,
        maxBackground: or(config.runs?.max_background, 16),
      },
      audit: auditSettings(config.audit, base.keys, complain),
      gitMaxBytes: or(config.git_max_bytes, 4_294_967_296),
      defaultTimeoutMs: Math.min(or(config.default_timeout, 60) * 1_000, MAX_TIMER_MS),
      maxTimeoutMs: Math.min(or(config.max_timeout, 3_600) * 1_000, MAX_TIMER_MS),
      approvals: approvalsOf(config, complain),
      graceMs: or(config.kill_grace, 2_000),
      drainMs: or(config.drain_timeout, 30) * 1_000,
      maxInFlight: inFlight < 0 ? Number.POSITIVE_INFINITY : inFlight,
      maxConnections: or(config.max_connections, 256),
      maxConnectionsPerPeer: or(config.max_connections_per_peer, 128),
      agent: agentSettings(config.agent, complain),
      fleet: fleetOf(config, complain),
      staging: stagingOf(config, base, complain),
    },
  };
}

/**
 * Reads daemon.json, or takes the defaults when there is none.
 * @throws CodedError `daemon_config_invalid` (file, line, JSON pointer, what was expected), `config_untrusted`, `file_failed`
 */
export function loadDaemonSettings(base: BaseDirectory): LoadedSettings {
  const file = readTrusted(base.daemonFile, MAX_DAEMON_FILE);
  const invalid = (message: string): CodedError =>
    new CodedError("daemon_config_invalid", `Daemon config error: ${message}`);
  const bytes = file?.bytes ?? Buffer.from("{}");
  // A bare null is all defaults, as in the original.
  const isNull = BARE_NULL.test(bytes.toString("utf8"));
  const read = isNull
    ? { ok: true as const, value: {}, unknown: [] }
    : readJsonFile("daemon_config", bytes, base.daemonFile);
  if (!read.ok) throw invalid(read.fault.message);
  const complain: Complain = (pointer, message) => {
    throw invalid(located(base.daemonFile, bytes, pointer, message));
  };
  return { ...settingsOf(read.value, base, complain), unknown: read.unknown };
}
