import { isAbsolute, join } from "node:path";
import type { AuditArgv, AuditSync } from "../../wire/names.ts";
import type { DaemonConfig } from "../../wire/schema.ts";
import { quoted } from "../../wire/text.ts";

/** Where a copy of each record goes. */
export interface SyslogTarget {
  readonly transport: "udp" | "tcp" | "unix";
  /** A host, or the path of a stream socket. */
  readonly place: string;
  readonly port: number;
}

/** The `audit` of daemon.json with every default filled in. */
export interface AuditSettings {
  /** False: decisions are lines of the daemon's log only. */
  readonly enabled: boolean;
  readonly argv: AuditArgv;
  readonly sync: AuditSync;
  /** Bytes. A file that would become larger is followed by another one. */
  readonly maxFileBytes: number;
  /** Bytes of all files, and how many of them; the oldest go. */
  readonly maxBytes: number;
  readonly maxFiles: number;
  readonly keyFile: string;
  readonly headFile: string;
  readonly syslog: SyslogTarget | undefined;
  readonly telemetry: { readonly endpoint: string; readonly headers: Readonly<Record<string, string>> } | undefined;
}

type Complain = (pointer: string, message: string) => never;

const SYSLOG_PORT = 514;

/** Zero and absent mean the default. */
function or(value: number | undefined, fallback: number): number {
  return value === undefined || value === 0 ? fallback : value;
}

function pathOf(name: string, given: string | undefined, fallback: string, complain: Complain): string {
  if (given === undefined || given === "") return fallback;
  if (!isAbsolute(given)) complain(`/audit/${name}`, `audit: ${name} needs an absolute path`);
  return given;
}

function syslogOf(text: string | undefined, complain: Complain): SyslogTarget | undefined {
  if (text === undefined || text === "") return undefined;
  if (text.startsWith("unix:/")) return { transport: "unix", place: text.slice("unix:".length), port: 0 };
  const [, transport, six, host, port] =
    /^(udp|tcp):\/\/(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+))(?::(\d{1,5}))?\/?$/.exec(text) ?? [];
  const number = port === undefined ? SYSLOG_PORT : Number(port);
  if (transport === undefined || number < 1 || number > 65_535)
    complain("/audit/syslog", `audit: syslog ${quoted(text)} must be udp://HOST:PORT, tcp://HOST:PORT or unix:/PATH`);
  return { transport: transport === "udp" ? "udp" : "tcp", place: six ?? host ?? "", port: number };
}

function telemetryOf(
  given: NonNullable<DaemonConfig["audit"]>["otlp"],
  complain: Complain,
): AuditSettings["telemetry"] {
  const { endpoint = "", headers = {} } = given ?? {};
  if (endpoint === "") return undefined;
  if (!URL.canParse(endpoint) || !/^https?:$/.test(new URL(endpoint).protocol))
    complain("/audit/otlp/endpoint", `audit: otlp endpoint ${quoted(endpoint)} must be a URL of http or https`);
  return { endpoint, headers };
}

/**
 * Fills in the defaults of `audit` in daemon.json. Pure.
 * @param keys the directory of the key and the head, unless they are elsewhere
 */
export function auditSettings(config: DaemonConfig["audit"], keys: string, complain: Complain): AuditSettings {
  const { enabled, argv, sync, file_bytes, max_bytes, max_files, key_file, head_file, syslog, otlp } = config ?? {};
  return {
    enabled: enabled !== false,
    argv: argv ?? "full",
    sync: sync ?? "batch",
    maxFileBytes: or(file_bytes, 33_554_432),
    maxBytes: or(max_bytes, 1_073_741_824),
    maxFiles: or(max_files, 1_000),
    keyFile: pathOf("key_file", key_file, join(keys, "audit-ed25519"), complain),
    headFile: pathOf("head_file", head_file, join(keys, "audit-head"), complain),
    syslog: syslogOf(syslog, complain),
    telemetry: telemetryOf(otlp, complain),
  };
}
