import type { Msg } from "@nats-io/transport-node";

const NO_RESPONDERS = 503;

/** True for what a server sends to the reply subject of a message that nobody listened for. */
export function isNoResponders(message: Msg): boolean {
  if (message.data.length > 0) return false;
  try {
    return message.headers?.code === NO_RESPONDERS;
  } catch {
    return false; // headers that somebody made up
  }
}
