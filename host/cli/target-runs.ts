import type { CallOptions, DaemonCalls, PageRequest } from "../../wire/daemon-calls.ts";
import type { OutputPage, RunInfo, RunReply } from "../../wire/schema.ts";
import type { Options } from "./command.ts";
import type { Context } from "./context.ts";
import { GATEWAY_OPTIONS } from "./exec-line.ts";
import { gatewayOf } from "./fleet-client.ts";
import { asOwner, refusal, type OwnerClient } from "./owner-client.ts";

/** Runs of this host, or of a machine of the fleet. */
export type RunsClient = Pick<OwnerClient, "runs" | "status" | "cancel" | "read">;

/** On every command about runs. */
export const RUNS_OPTIONS = {
  target: {
    kind: "text",
    about: "Your runs on this machine of the fleet, instead of this host's",
    placeholder: "NAME",
  },
  ...GATEWAY_OPTIONS,
} as const satisfies Options;

/** What a command line says of where the runs are. */
export interface GivenTarget {
  readonly target: string | undefined;
  readonly gateway: string | undefined;
  readonly "key-file": string | undefined;
}

/** The runs on a machine of the fleet that one caller of the gateway has started. Every method throws `CodedError`. */
class TargetRuns implements RunsClient {
  readonly #client: DaemonCalls;

  constructor(client: DaemonCalls) {
    this.#client = client;
  }

  async runs(): Promise<readonly RunInfo[]> {
    const reply = await this.#client.runs();
    if (reply.runs === undefined || reply.runs === null) throw refusal(reply);
    return reply.runs;
  }

  async status(id: string, waitSeconds: number, options?: CallOptions): Promise<RunInfo> {
    return runIn(await this.#client.status(id, waitSeconds, options));
  }

  async cancel(id: string): Promise<RunInfo> {
    return runIn(await this.#client.cancel(id));
  }

  async read(request: PageRequest, options?: CallOptions): Promise<OutputPage> {
    const reply = await this.#client.read(request, options);
    if (reply.page === undefined || reply.page === null) throw refusal(reply);
    return reply.page;
  }
}

function runIn(reply: RunReply): RunInfo {
  if (reply.run === undefined || reply.run === null) throw refusal(reply);
  return reply.run;
}

/**
 * Asks about runs: of this host, as its owner, or of the machine that the command line names, as the caller whose key it has.
 * @throws CodedError `daemon_unreachable`, `gateway_*`, and what `work` throws
 */
export async function withRuns<T>(
  given: GivenTarget,
  context: Context,
  work: (runs: RunsClient) => Promise<T>,
): Promise<T> {
  if (given.target === undefined) return asOwner(context.base(), work);
  return work(new TargetRuns(gatewayOf(given, context).on(given.target)));
}
