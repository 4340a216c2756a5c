import type { Duplex } from "node:stream";
import type { NatsClient } from "../../nats/client.ts";
import { listen } from "../../nats/listen.ts";
import { decodeMessage, encodeMessage, encodeTerms, MESSAGE } from "../../nats/messages.ts";
import { newToken } from "../../nats/subjects.ts";
import { atEnd } from "../fixtures/temp.ts";
import { broken, PATIENT } from "./machines.ts";
import { until } from "./servers.ts";

export interface RawMessage {
  readonly type: number;
  readonly sequence: bigint;
  readonly payload: Buffer;
}

/** A dialler whose messages are made by hand, with a real listener at the other end. */
export class RawDialler {
  readonly far: Duplex;
  /** What the other end said after its accept. */
  readonly said: RawMessage[];
  readonly #nats: NatsClient;
  readonly #outgoing: string;

  private constructor(nats: NatsClient, outgoing: string, said: RawMessage[], far: Duplex) {
    this.#nats = nats;
    this.#outgoing = outgoing;
    this.said = said;
    this.far = far;
  }

  static async open(gateway: NatsClient, agent: NatsClient, window = 1_048_576): Promise<RawDialler> {
    const ends = { machine: agent.self, dialler: gateway.self };
    const come: Duplex[] = [];
    const listener = listen(agent, agent.self, (connection) => come.push(connection), undefined, PATIENT);
    const said: RawMessage[] = [];
    const incoming = gateway.subjects.from(ends, newToken());
    gateway.subscribe(incoming, ({ data }) => {
      const message = decodeMessage(Buffer.from(data));
      if (message !== undefined) said.push(message);
    });
    await agent.connection.flush();
    const terms = encodeTerms({ window, chunk: 1_024 });
    gateway.publish(gateway.subjects.dial(ends), encodeMessage(MESSAGE.dial, 0n, terms), incoming);
    await until("accepted", () => said.length === 1);
    const accept = said.shift();
    const outgoing = gateway.subjects.to(ends, accept?.payload.subarray(9).toString() ?? "");
    gateway.publish(outgoing, encodeMessage(MESSAGE.ping, 0n));
    await until("confirmed", () => come.length === 1);
    listener.close();
    const [far] = come;
    if (far === undefined) throw new Error("nobody came");
    far.on("error", () => undefined);
    atEnd(() => {
      far.destroy();
    });
    return new RawDialler(gateway, outgoing, said, far);
  }

  send(type: number, sequence: bigint, payload?: Uint8Array): void {
    this.sendBytes(encodeMessage(type, sequence, payload));
  }

  sendBytes(bytes: Uint8Array): void {
    this.#nats.publish(this.#outgoing, bytes);
  }

  get subject(): string {
    return this.#outgoing;
  }

  /** The error with which the other end gave up, after it has told us. */
  async givenUp(): Promise<string> {
    await broken(this.far);
    await until("it told us", () => this.said.at(-1)?.type === MESSAGE.reset);
    return this.far.errored?.message ?? "";
  }
}
