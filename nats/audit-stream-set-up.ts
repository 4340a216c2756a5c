import { DiscardPolicy, JetStreamApiError, jetstreamManager, RetentionPolicy, StorageType } from "@nats-io/jetstream";
import { messageOf } from "../wire/errors.ts";
import type { NatsClient } from "./client.ts";
import type { Subjects } from "./subjects.ts";

/** The stream that keeps the records of all machines. An existing one is used as it is. */
export interface AuditStreamSettings {
  /** Makes the stream when there is none; the key must be allowed to. */
  readonly create: boolean;
  /** How many servers keep each record. Default: 3 in a cluster, which must have as many servers with JetStream, else 1. */
  readonly replicas?: number | undefined;
  /** Bytes of all records; the oldest go. Default: 1 GiB. */
  readonly maxBytes?: number | undefined;
}

const MAX_STREAM_BYTES = 1_073_741_824;
/** Nanoseconds in which a message that is sent again is known to be the same. */
const DUPLICATE_WINDOW_NS = 600e9;
const ANSWER_MS = 3_000;

/** What a machine needs to be allowed to publish to. */
export function makeSubject(subjects: Subjects): string {
  return `$JS.API.STREAM.CREATE.${subjects.auditStream()}`;
}

/** Makes the stream that keeps the audits of all machines, unless there is one. Returns why the servers would not. */
export async function makeAuditStream(
  nats: NatsClient,
  { replicas, maxBytes }: AuditStreamSettings,
): Promise<string | undefined> {
  try {
    const manager = await jetstreamManager(nats.connection, { checkAPI: false, timeout: ANSWER_MS });
    await manager.streams.add({
      name: nats.subjects.auditStream(),
      subjects: [nats.subjects.audit("*")],
      retention: RetentionPolicy.Limits,
      storage: StorageType.File,
      discard: DiscardPolicy.Old,
      num_replicas: replicas ?? (nats.isClustered ? 3 : 1),
      max_bytes: maxBytes ?? MAX_STREAM_BYTES,
      duplicate_window: DUPLICATE_WINDOW_NS,
      // Whoever may publish to a stream may not take anything back.
      deny_delete: true,
      deny_purge: true,
    });
  } catch (error) {
    // Anything else is told as a status, or ends with the next connection.
    if (error instanceof JetStreamApiError) return messageOf(error);
  }
  return undefined;
}
