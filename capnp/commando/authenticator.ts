import { RpcException } from "../rpc/exception.ts";
import type { Content, HostedObject, IncomingCall } from "../rpc/object.ts";
import type { AgentHost } from "./host.ts";
import { Challenge } from "./proof.ts";
import { admittedResults, AUTHENTICATOR, bytesContent } from "./schema.ts";

/** The first object of an agent: lets in who has the key. One for each connection. */
export class Authenticator implements HostedObject {
  readonly #host: AgentHost;
  readonly #address: string;
  readonly #agent: HostedObject;
  readonly #onAdmitted: () => void;
  readonly #challenge = new Challenge();

  /**
   * @param address where the gateway is, for what attempts cost it
   * @param agent what it is let in to
   */
  constructor(host: AgentHost, address: string, agent: HostedObject, onAdmitted: () => void) {
    this.#host = host;
    this.#address = address;
    this.#agent = agent;
    this.#onAdmitted = onAdmitted;
  }

  call(call: IncomingCall): Promise<Content> | Content {
    if (call.interfaceId !== AUTHENTICATOR.id) throw new RpcException("unimplemented", "this is an Authenticator");
    switch (call.method) {
      case AUTHENTICATOR.challenge:
        return bytesContent(this.#challenge.make());
      case AUTHENTICATOR.authenticate:
        return this.#authenticate(call.params.data(0));
      default:
        throw new RpcException("unimplemented", "an Authenticator has no such method");
    }
  }

  async #authenticate(proof: Buffer): Promise<Content> {
    const judge = this.#challenge.take();
    if (judge === undefined) throw new RpcException("failed", "no challenge nonce: call challenge first");
    const { attempts, psk } = this.#host;
    switch (await attempts.judge(this.#address, () => judge(psk, proof))) {
      case "right":
        this.#onAdmitted();
        return admittedResults(this.#agent, this.#host.ping().version);
      case "wrong":
        throw new RpcException("failed", "authentication failed: invalid HMAC");
      case "busy":
        throw new RpcException("overloaded", "too many attempts from this address: try again later");
    }
  }
}
