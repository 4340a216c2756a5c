import type { Sink } from "../host/audit/sinks.ts";
import type { Log } from "../host/util/log.ts";
import { NatsRoad } from "./road.ts";
import type { NatsSettings } from "./settings.ts";

/** The way over NATS of an agent or a gateway that may have one. It is opened before the audit and closed behind it: the last records take it as well. */
export class OpenedRoad {
  /** Undefined: there is none. */
  readonly nats: NatsRoad | undefined;
  /** Receivers of audit records that it leads to. */
  readonly sinks: readonly Sink[];

  /** @param keepsAudit whether the stream of audits gets a copy of each record */
  constructor(settings: NatsSettings | undefined, keepsAudit: boolean, log: Log) {
    this.nats =
      settings === undefined
        ? undefined
        : NatsRoad.open(settings, (level, message, fields) => {
            log[level](message, fields);
          });
    this.sinks = this.nats !== undefined && keepsAudit ? [this.nats.auditSink()] : [];
  }

  async close(): Promise<void> {
    await this.nats?.close();
  }
}
