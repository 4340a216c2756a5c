import { CodedError } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";
import type { GatewayClient } from "../fleet/gateway-client.ts";
import { command, JSON_SWITCH } from "./command.ts";
import { GATEWAY_OPTIONS } from "./exec-line.ts";
import { CHOICE_OPTIONS, choiceOf } from "./fleet-choice.ts";
import { gatewayOf, memberIn } from "./fleet-client.ts";
import { inTurn } from "./fleet-turns.ts";
import { chosenTargets } from "./fleet-targets.ts";

const AT_ONCE = 64;

/** What a target said to a ping, or why it said nothing. */
export interface PingResult {
  readonly target: string;
  readonly error: CodedError | undefined;
  readonly latencyMs: number;
  readonly version: string;
  readonly uptimeSeconds: number;
  readonly hostname: string;
}

function numberIn(body: unknown, name: string): number {
  const value = memberIn(body, name);
  return typeof value === "number" ? value : 0;
}

/** Asks a target whether it is there. Does not throw. */
export async function pingTarget(client: GatewayClient, target: string): Promise<PingResult> {
  const text = (body: unknown, name: string): string => {
    const value = memberIn(body, name);
    return typeof value === "string" ? value : "";
  };
  try {
    const { body } = await client.ask("GET", `/v2/ping/${encodeURIComponent(target)}`);
    return {
      target,
      error: undefined,
      latencyMs: numberIn(body, "latency_ms"),
      version: text(body, "version"),
      uptimeSeconds: numberIn(body, "uptime_secs"),
      hostname: text(body, "hostname"),
    };
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return { target, error, latencyMs: 0, version: "", uptimeSeconds: 0, hostname: "" };
  }
}

function jsonOf({ target, error, latencyMs, version, uptimeSeconds, hostname }: PingResult): object {
  if (error === undefined)
    return { target, ok: true, latency_ms: latencyMs, version, uptime_secs: uptimeSeconds, hostname };
  const { code, message, hint } = error;
  return { target, ok: false, error: { code, message, hint } };
}

/** Names that are given, or what is chosen. */
async function namesOf(
  client: GatewayClient,
  given: readonly string[],
  choice: ReturnType<typeof choiceOf>,
): Promise<readonly string[]> {
  const { globs, tags, node, all } = choice;
  // Whoever names targets is told of each of them, also of one that there is not.
  if (globs.length + tags.length === 0 && node === undefined && !all) {
    if (given.length > 0) return [...new Set(given)];
    throw new CodedError("usage", "missing TARGET", {
      hint: "Name one or several, or write --all, --tag, --node or --match. See cmd2host ping --help.",
    });
  }
  return (await chosenTargets(client, choice)).map(({ name }) => name);
}

export const ping = command({
  path: ["ping"],
  about: "Ask machines of the fleet whether they are there.",
  options: {
    targets: { kind: "words", about: "The targets" },
    all: { kind: "switch", about: "All of them" },
    ...CHOICE_OPTIONS,
    ...GATEWAY_OPTIONS,
    json: JSON_SWITCH,
  },
  examples: [
    ["ping web1", "One"],
    ["ping --tag=web", "All with a tag, at the same time"],
  ],
  more: "The time is from the gateway to the machine and back. The exit code is 1 when one does not answer.",
  run: async (values, context) => {
    const client = gatewayOf(values, context);
    const choice = choiceOf(values, values.targets, values.all);
    const names = await namesOf(client, values.targets, choice);
    const results = await inTurn(names, AT_ONCE, async (name) => pingTarget(client, name));
    const silent = results.filter(({ error }) => error !== undefined);
    return {
      exit: silent.length === 0 ? 0 : 1,
      human: results
        .filter(({ error }) => error === undefined)
        .map(
          ({ target, latencyMs, version }) =>
            `pong from ${printable(target)} in ${Math.round(latencyMs)}ms (v${printable(version)})\n`,
        )
        .join(""),
      json: { pings: results.map(jsonOf) },
      stderr: silent
        .map(({ target, error }) => `error: ${printable(target)}: ${printable(error?.message ?? "")}\n`)
        .join(""),
    };
  },
});
