import { CodedError } from "../wire/errors.ts";
import type { NatsClient } from "./client.ts";
import { HEADER_BYTES, MIN_CHUNK, MIN_WINDOW, type Terms } from "./messages.ts";

/** For those who know better than the defaults. */
export interface ConnectionOptions {
  /** False, as of sockets: when the other end ends, this one ends as well. */
  readonly allowHalfOpen?: boolean;
  /** Bytes that the other end may send before they are read, at first. */
  readonly window?: number;
  /** The same where the way is long. */
  readonly maxWindow?: number;
  /** How often an end that has nothing to say says so; when nothing was heard for three times that, the other end is gone. */
  readonly heartbeatMs?: number;
  /** For the other end to answer. */
  readonly answerMs?: number;
}

/** The same, with every default. */
export interface ConnectionTerms {
  readonly allowHalfOpen: boolean;
  readonly maxWindow: number;
  readonly heartbeatMs: number;
  readonly answerMs: number;
  /** What this end lets the other one send. */
  readonly own: Terms;
}

const CHUNK = 65_536;
const WINDOW = 1_048_576;
const MAX_WINDOW = 4_194_304;
const HEARTBEAT_MS = 5_000;
const ANSWER_MS = 10_000;

/** @throws CodedError `nats_unusable` when the servers take only tiny messages */
export function connectionTerms(nats: NatsClient, options: ConnectionOptions): ConnectionTerms {
  const chunk = Math.min(CHUNK, nats.maxPayload - HEADER_BYTES);
  if (chunk < MIN_CHUNK)
    throw new CodedError("nats_unusable", `NATS: messages of ${nats.maxPayload} bytes are too small`, {
      hint: "Raise max_payload of the servers; their default is 1 MB.",
    });
  const { allowHalfOpen, window, maxWindow, heartbeatMs, answerMs } = options;
  return {
    allowHalfOpen: allowHalfOpen ?? false,
    maxWindow: maxWindow ?? MAX_WINDOW,
    heartbeatMs: heartbeatMs ?? HEARTBEAT_MS,
    answerMs: answerMs ?? ANSWER_MS,
    own: { window: Math.max(window ?? WINDOW, chunk, MIN_WINDOW), chunk },
  };
}
