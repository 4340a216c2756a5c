import type { Readable } from "node:stream";
import { CODES, type Code } from "../../wire/codes.ts";
import { CodedError } from "../../wire/errors.ts";
import type { OutputSink } from "../../wire/live.ts";
import { NO_OUTPUT, type Captured } from "../../wire/outcome.ts";
import type { OutcomeFields } from "../../wire/schema.ts";
import { GatewayClient } from "./gateway-client.ts";
import { gatewayPlace } from "./gateway-place.ts";

/** Where the gateway is; undefined when daemon.json does not say. */
export interface FleetSettings {
  readonly gateway: string;
  readonly keyFile: string;
}

/** What the gateway lists; it is trusted as the daemon's configuration is, which names it. */
interface ListedTarget {
  readonly name: string;
  readonly tags: readonly string[];
}

/** An operation of a machine. */
export interface RemoteCall {
  readonly target: string;
  readonly operation: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly timeoutMs: number;
}

/** How it ended there: as a program's end is told here. */
export interface RemoteEnd {
  readonly exitCode: number;
  readonly signal: string | undefined;
  readonly stdout: Captured;
  readonly stderr: Captured;
}

function errorOf({ code = "", message = "the machine said no", hint }: OutcomeFields): CodedError {
  const known: Code = Object.hasOwn(CODES, code) ? (code as Code) : "rpc_failed";
  return new CodedError(known, message, hint === undefined ? {} : { hint });
}

/** The fleet behind a gateway, for operations of this host that run there. The key is read for each call, and goes nowhere but to the gateway. */
export class Fleet {
  readonly #settings: () => FleetSettings | undefined;

  constructor(settings: () => FleetSettings | undefined) {
    this.#settings = settings;
  }

  /** The tags of a machine; none when there is no such machine. @throws CodedError `gateway_*` */
  async tagsOf(name: string): Promise<readonly string[]> {
    const { body } = await this.#client().ask("GET", `/v2/targets?match=${encodeURIComponent(escaped(name))}`);
    const { targets = [] } = body as { readonly targets?: readonly ListedTarget[] };
    return targets.find((target) => target.name === name)?.tags ?? [];
  }

  /** @throws CodedError what the gateway or the machine says; `gateway_*`; `link_lost` */
  async run(
    call: RemoteCall,
    signal: AbortSignal,
    output: OutputSink,
    stdin: Readable | undefined,
  ): Promise<RemoteEnd> {
    const { target, operation, params, timeoutMs } = call;
    const timeoutSeconds = Math.max(1, Math.ceil(timeoutMs / 1_000));
    const outcome = await this.#client()
      .on(target)
      .stream({ operation, params, timeoutSeconds }, { output, stdin, signal });
    if (outcome.outcome !== "completed") throw errorOf(outcome);
    const total = (bytes: number): Captured => ({ ...NO_OUTPUT, total: bytes });
    return {
      exitCode: outcome.exit_code,
      signal: outcome.signal,
      stdout: total(outcome.stdout_bytes),
      stderr: total(outcome.stderr_bytes),
    };
  }

  #client(): GatewayClient {
    const settings = this.#settings();
    if (settings === undefined)
      throw new CodedError("gateway_missing", "daemon.json does not say where the gateway to the fleet is", {
        hint: 'The owner of the host adds "fleet" to daemon.json.',
      });
    return new GatewayClient(gatewayPlace({ gateway: settings.gateway, keyFile: settings.keyFile }, {}));
  }
}

/** A name as a glob that fits nothing else. */
function escaped(name: string): string {
  return name.replace(/[*?[\]\\{}]/g, "\\$&");
}
