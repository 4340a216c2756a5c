import type { Audit } from "../audit/audit.ts";
import { AuditLog } from "../audit/audit-log.ts";
import { BothAudits } from "../audit/both-audits.ts";
import { LogAudit } from "../audit/log-audit.ts";
import { NOTES, type Noted } from "../audit/record.ts";
import type { AuditSettings } from "../audit/settings.ts";
import { Sinks, type Sink } from "../audit/sinks.ts";
import { SyslogSink } from "../audit/syslog-sink.ts";
import { VERSION } from "../util/version.ts";
import type { BaseDirectory } from "../util/base-directory.ts";
import type { Log } from "./log.ts";

export interface RunningAudit {
  readonly audit: Audit;
  /** Notes what is no decision. */
  readonly note: Noted;
  close(): Promise<void>;
}

async function sinksOf({ syslog, telemetry }: AuditSettings): Promise<Sinks> {
  const sinks: Sink[] = [];
  if (syslog !== undefined) sinks.push(new SyslogSink(syslog));
  if (telemetry !== undefined) {
    // 80 KB that nobody else needs.
    const { TelemetrySink } = await import("../audit/telemetry-sink.ts");
    sinks.push(new TelemetrySink(telemetry, VERSION));
  }
  return new Sinks(sinks);
}

/** The audit of a daemon, as daemon.json has it. The base directory must be locked. @throws CodedError as `AuditLog.open` does */
export async function startAudit(base: BaseDirectory, settings: AuditSettings, log: Log): Promise<RunningAudit> {
  const lines = new LogAudit(log);
  const said: Noted = (note, fields) => {
    log.info(NOTES[note].about, fields);
  };
  if (!settings.enabled) {
    log.warn("the audit is off: operations run without a record that is kept", { setting: "audit.enabled" });
    return { audit: lines, note: said, close: async () => Promise.resolve() };
  }
  const sinks = await sinksOf(settings);
  const own = await AuditLog.open({
    directory: base.audit,
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
