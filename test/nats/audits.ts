import { jetstreamManager, type JetStreamManager } from "@nats-io/jetstream";
import type { NatsClient } from "../../nats/client.ts";

export const STREAM = "cmd2host_audit";

export async function managerOf(nats: NatsClient): Promise<JetStreamManager> {
  return jetstreamManager(nats.connection, { checkAPI: false });
}

/** The records of one machine, as the stream keeps them: all messages, one after the other. */
export async function kept(
  nats: NatsClient,
  name: string,
): Promise<{ readonly text: string; readonly messages: number }> {
  const manager = await managerOf(nats);
  const { state } = await manager.streams.info(STREAM);
  let [text, messages] = ["", 0];
  for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
    const message = await manager.streams.getMessage(STREAM, { seq });
    if (message?.subject !== `cmd2host.audit.${name}`) continue;
    text += message.string();
    messages++;
  }
  return { text, messages };
}

export function lines(from: number, count: number, length = 0): readonly string[] {
  return Array.from({ length: count }, (_, index) => `{"seq":${from + index},"more":"${"é".repeat(length)}"}`);
}
