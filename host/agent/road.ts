import { NatsRoad } from "../../nats/road.ts";
import type { Sink } from "../audit/sinks.ts";
import type { Log } from "../util/log.ts";
import type { AgentSettings } from "./settings.ts";

/** The way over NATS of a machine that may have one. It is opened before the audit and closed behind it: the last records take it as well. */
export class AgentRoad {
  /** Undefined: there is none. */
  readonly nats: NatsRoad | undefined;
  /** Receivers of audit records that it leads to. */
  readonly sinks: readonly Sink[];

  constructor(settings: AgentSettings | undefined, log: Log) {
    const { nats, auditStream = false } = settings ?? {};
    this.nats =
      nats === undefined
        ? undefined
        : NatsRoad.open(nats, (level, message, fields) => {
            log[level](message, fields);
          });
    this.sinks = this.nats !== undefined && auditStream ? [this.nats.auditSink()] : [];
  }

  async close(): Promise<void> {
    await this.nats?.close();
  }
}
