import { SeverityNumber, type AnyValueMap, type Logger } from "@opentelemetry/api-logs";
import { OTLPLogExporter } from "@opentelemetry/exporter-logs-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchLogRecordProcessor, LoggerProvider, type LogRecordExporter } from "@opentelemetry/sdk-logs";
import type { AuditSettings } from "./settings.ts";
import type { Sink } from "./sinks.ts";
import { within } from "./within.ts";

/** Records that wait for a receiver; more are dropped. */
const MAX_WAITING = 2_048;
const SEND_TIMEOUT_MS = 10_000;
const CLOSE_MS = 2_000;
/** `ExportResultCode.SUCCESS` of the SDK. */
const DELIVERED = 0;

const SEVERITIES = {
  info: { severityNumber: SeverityNumber.INFO, severityText: "INFO" },
  warn: { severityNumber: SeverityNumber.WARN, severityText: "WARN" },
} as const;

/** Sends each record as an OpenTelemetry log: the members as attributes, and the line itself as the body, so that the chain can be verified there. */
export class TelemetrySink implements Sink {
  readonly name = "otlp";
  readonly #provider: LoggerProvider;
  readonly #logger: Logger;
  #waiting = 0;
  #dropped = 0;

  constructor({ endpoint, headers }: NonNullable<AuditSettings["telemetry"]>, version: string) {
    const exporter = new OTLPLogExporter({
      url: endpoint,
      headers,
      timeoutMillis: SEND_TIMEOUT_MS,
      concurrencyLimit: 1,
    });
    this.#provider = new LoggerProvider({
      resource: resourceFromAttributes({ "service.name": "cmd2host", "service.version": version }),
      processors: [new BatchLogRecordProcessor({ exporter: this.#counted(exporter), maxQueueSize: MAX_WAITING })],
    });
    this.#logger = this.#provider.getLogger("cmd2host.audit", version);
  }

  send(line: string): void {
    if (this.#waiting >= MAX_WAITING) {
      this.#dropped++;
      return;
    }
    const members = JSON.parse(line) as AnyValueMap;
    const { time, kind, verdict, outcome } = members;
    if (typeof kind !== "string" || typeof time !== "string") return; // no record of ours
    this.#waiting++;
    this.#logger.emit({
      eventName: `cmd2host.audit.${kind}`,
      timestamp: new Date(time),
      ...SEVERITIES[verdict === "deny" || outcome === "failed" ? "warn" : "info"],
      body: line,
      attributes: Object.fromEntries(Object.entries(members).map(([name, value]) => [`cmd2host.${name}`, value])),
    });
  }

  takeDropped(): number {
    const dropped = this.#dropped;
    this.#dropped = 0;
    return dropped;
  }

  async close(): Promise<void> {
    await within(
      CLOSE_MS,
      this.#provider.shutdown().catch(() => undefined),
    );
    this.#dropped += this.#waiting;
    this.#waiting = 0;
  }

  /** The SDK does not say how many it lost; the exporter does, batch by batch. */
  #counted(exporter: LogRecordExporter): LogRecordExporter {
    return {
      export: (logs, done) => {
        exporter.export(logs, (result) => {
          this.#waiting = Math.max(0, this.#waiting - logs.length);
          if ((result.code as number) !== DELIVERED) this.#dropped += logs.length;
          done(result);
        });
      },
      forceFlush: async () => exporter.forceFlush(),
      shutdown: async () => exporter.shutdown(),
    };
  }
}
