import { command, JSON_SWITCH } from "./command.ts";
import { GATEWAY_OPTIONS } from "./exec-line.ts";
import { gatewayOf } from "./fleet-client.ts";
import { targetIn, type ListedTarget } from "./fleet-targets.ts";
import { targetWords } from "./target-change.ts";
import type { GatewayClient } from "../fleet/gateway-client.ts";

/** Has the gateway take in the machine that made a code. @throws CodedError `enrolment_invalid` and others */
export async function redeemAt(
  client: GatewayClient,
  code: string,
  name: string | undefined,
  tags: readonly string[],
): Promise<ListedTarget> {
  const fields = { code, name, ...(tags.length === 0 ? {} : { tags }) };
  return targetIn((await client.ask("POST", "/v2/enrolments", fields)).body);
}

export const fleetAdd = command({
  path: ["fleet", "add"],
  about: "Take a machine into the fleet, by the code that cmd2host agent enroll printed there.",
  options: {
    code: { kind: "word", about: "The code; it is good once" },
    name: { kind: "text", about: "What it is to be called (default: what it calls itself)", placeholder: "NAME" },
    tag: { kind: "texts", about: "A tag of it (default: those that it says)", placeholder: "TAG" },
    ...GATEWAY_OPTIONS,
    json: JSON_SWITCH,
  },
  examples: [["fleet add c2h1.AAAA… --name=web1 --tag=web", "From then on: cmd2host exec web1 uptime"]],
  more: "For an administrator of the gateway. The gateway connects to the machine, and each learns the other's key.",
  run: async (values, context) => {
    const { code, name, tag } = values;
    const added = await redeemAt(gatewayOf(values, context), code, name, tag);
    return { exit: 0, human: `Enrolled: ${targetWords(added)}\n`, json: added.fields };
  },
});
