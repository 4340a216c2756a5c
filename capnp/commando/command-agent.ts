import { CodedError } from "../../wire/errors.ts";
import { RpcException } from "../rpc/exception.ts";
import type { Content, HostedObject, IncomingCall } from "../rpc/object.ts";
import type { AgentHost } from "./host.ts";
import { OutputWindow } from "./output-window.ts";
import { AGENT_FULL, COMMAND_AGENT, execResults, pongResults, readRequest, type ExecResult } from "./schema.ts";

/** What a gateway calls that has the key. */
export class CommandAgent implements HostedObject {
  readonly #host: AgentHost;

  constructor(host: AgentHost) {
    this.#host = host;
  }

  async call(call: IncomingCall): Promise<Content> {
    if (call.interfaceId !== COMMAND_AGENT.id) throw new RpcException("unimplemented", "this is a CommandAgent");
    switch (call.method) {
      case COMMAND_AGENT.ping:
        return pongResults(this.#host.ping());
      case COMMAND_AGENT.exec:
        return execResults(await told(this.#host.exec(readRequest(call.params), call.signal)));
      case COMMAND_AGENT.execStream:
        return execResults(await told(this.#stream(call)));
      default:
        throw new RpcException("unimplemented", "a CommandAgent has no such method");
    }
  }

  async #stream(call: IncomingCall): Promise<ExecResult> {
    const request = readRequest(call.params);
    const receiver = call.capability(1);
    if (receiver === undefined) throw new RpcException("failed", "no receiver for output came with the call");
    // The command ends as well when its output is not taken any more.
    const failed = new AbortController();
    const signal = AbortSignal.any([call.signal, failed.signal]);
    const output = new OutputWindow(receiver, (error) => {
      failed.abort(error);
    });
    const abandon = (): void => {
      output.abandon();
    };
    signal.addEventListener("abort", abandon, { once: true });
    try {
      const result = await this.#host.execStream(request, output, signal);
      // Whoever has the result has all output.
      await output.taken();
      if (failed.signal.aborted) throw new RpcException("failed", "the receiver of output failed");
      return result;
    } finally {
      signal.removeEventListener("abort", abandon);
    }
  }
}

/** Says to the gateway what a person may know of an error. */
async function told<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    if (error.code === "agent_full") throw new RpcException("overloaded", `${AGENT_FULL}: ${error.message}`);
    throw new RpcException("failed", error.message);
  }
}
