/** An agent for tests whose every answer is the test's. */
import type { Socket } from "node:net";
import { AUTHENTICATOR, bytesContent } from "../../../capnp/commando/schema.ts";
import { GATEWAY } from "../../../capnp/commando/limits.ts";
import { Connection } from "../../../capnp/rpc/connection.ts";
import type { Content, HostedObject, IncomingCall } from "../../../capnp/rpc/object.ts";
import { listening } from "../sockets.ts";

type Answer = (call: IncomingCall) => Promise<Content | undefined> | Content | undefined;

export interface Behaviour {
  readonly challenge?: Answer;
  readonly authenticate?: Answer;
  /** Of calls to what the gateway was let in to. */
  readonly call?: Answer;
}

/** Lets anybody in. */
export function admitting(agent: HostedObject): Content {
  return {
    dataWords: 0,
    pointers: 2,
    write: (results, capabilities) => {
      results.capability(0, capabilities.add(agent));
      results.text(1, "0.0\u001b[31m");
    },
  };
}

export interface StrangeAgent {
  readonly port: number;
  readonly connections: readonly Connection[];
  readonly sockets: readonly Socket[];
}

export async function strangeAgent(behaviour: Behaviour): Promise<StrangeAgent> {
  const connections: Connection[] = [];
  const sockets: Socket[] = [];
  const agent: HostedObject = { call: async (call) => behaviour.call?.(call) };
  const { challenge = () => bytesContent(Buffer.alloc(32, 7)), authenticate = () => admitting(agent) } = behaviour;
  const port = await listening((socket) => {
    sockets.push(socket);
    const limits = { ...GATEWAY, questions: 1_000_000 };
    const bootstrap: HostedObject = {
      call: async (call) => (call.method === AUTHENTICATOR.challenge ? challenge(call) : authenticate(call)),
    };
    connections.push(new Connection(socket, { limits, bootstrap }));
  });
  return { port, connections, sockets };
}
