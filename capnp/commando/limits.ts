import type { ConnectionLimits } from "../rpc/limits.ts";
import { MAX_MESSAGE_BYTES } from "../wire/writer.ts";

/** For a peer that has not proved anything. */
export const UNAUTHENTICATED: ConnectionLimits = {
  messageBytes: 65_536,
  answers: 16,
  runningBytes: 262_144,
  unreadBytes: 65_536,
  questions: 16,
  exports: 16,
  imports: 16,
};

/** What an agent takes of a gateway that has the key. A system takes no more than some megabytes of arguments and variables. */
export const GATEWAY: ConnectionLimits = {
  messageBytes: 8_388_608,
  answers: 1_024,
  runningBytes: 16_777_216,
  unreadBytes: 1_048_576,
  questions: 1_024,
  exports: 1_024,
  imports: 1_024,
};

/**
 * What a gateway takes of an agent. An agent proves nothing, and output comes in small pieces. Commando's agents send as many of them as they
 * like before the first one was taken.
 */
export const AGENT: ConnectionLimits = {
  messageBytes: 1_048_576,
  answers: 4_096,
  runningBytes: 16_777_216,
  unreadBytes: 1_048_576,
  questions: 1_024,
  exports: 1_024,
  imports: 64,
};

/** The same while a result may hold all output of a command. */
export const AGENT_WITH_RESULT: ConnectionLimits = { ...AGENT, messageBytes: MAX_MESSAGE_BYTES };
