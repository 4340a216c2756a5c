import type { Audit, Decision, Ending } from "./audit.ts";

/** Where the records of decisions are written as log lines. */
export interface AuditLines {
  info(event: string, fields: Readonly<Record<string, string | number | undefined>>): void;
}

/** Records decisions and endings as lines of the daemon's log, written before the program starts and after it ends. */
export class LogAudit implements Audit {
  readonly #lines: AuditLines;

  constructor(lines: AuditLines) {
    this.#lines = lines;
  }

  decided({ id, origin, configHash, verdict, message, ...rest }: Decision): void {
    this.#lines.info(verdict === "permit" ? "permitted" : "denied", {
      id,
      peer: origin.peer,
      session: origin.session,
      request_id: origin.requestId,
      project: rest.project,
      config: configHash?.slice(0, 16),
      operation: rest.operation,
      source: rest.route,
      target_repo: rest.target,
      resolved_target_source: rest.targetSource,
      code: rest.code,
      reason: message,
    });
  }

  ended({ id, outcome, code, exitCode, durationMs, stdoutBytes, stderrBytes }: Ending): void {
    this.#lines.info(outcome, {
      id,
      code,
      exit_code: exitCode,
      ms: Math.round(durationMs * 10) / 10,
      stdout_bytes: stdoutBytes,
      stderr_bytes: stderrBytes,
    });
  }
}
