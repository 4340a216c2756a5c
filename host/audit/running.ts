import type { Audit } from "./audit.ts";
import { AuditLog } from "./audit-log.ts";
import { BothAudits } from "./both-audits.ts";
import { LogAudit } from "./log-audit.ts";
import { NOTES, type Noted } from "./record.ts";
import type { AuditSettings } from "./settings.ts";
import { Sinks, type Sink } from "./sinks.ts";
import { SyslogSink } from "./syslog-sink.ts";
import { VERSION } from "../util/version.ts";
import type { Log } from "../util/log.ts";

export interface RunningAudit {
  readonly audit: Audit;
  /** Notes what is no decision. */
  readonly note: Noted;
  close(): Promise<void>;
}

async function sinksOf({ syslog, telemetry }: AuditSettings, further: readonly Sink[]): Promise<Sinks> {
  const sinks: Sink[] = [...further];
  if (syslog !== undefined) sinks.push(new SyslogSink(syslog));
  if (telemetry !== undefined) {
    // 80 KB that nobody else needs.
    const { TelemetrySink } = await import("./telemetry-sink.ts");
    sinks.push(new TelemetrySink(telemetry, VERSION));
  }
  return new Sinks(sinks);
}

/**
 * The audit of a daemon or a gateway. What it belongs to must be locked.
 * @param further receivers of copies that the settings do not know; the audit closes them
 * @throws CodedError as `AuditLog.open` does
 */
export async function openAudit(
  directory: string,
  settings: AuditSettings,
  log: Log,
  further: readonly Sink[] = [],
): Promise<RunningAudit> {
  const lines = new LogAudit(log);
  const said: Noted = (note, fields) => {
    log.info(NOTES[note].about, fields);
  };
  if (!settings.enabled) {
    log.warn("the audit is off: operations run without a record that is kept", { setting: "audit.enabled" });
    return { audit: lines, note: said, close: async () => new Sinks(further).close() };
  }
  const sinks = await sinksOf(settings, further);
  const own = await AuditLog.open({
    directory,
    settings,
    version: VERSION,
    voice: log,
    sinks,
    now: Date.now,
  });
  return {
    audit: new BothAudits(own, lines),
    note: (note, fields) => {
      own.note(note, fields);
      said(note, fields);
    },
    close: async () => own.close(),
  };
}
