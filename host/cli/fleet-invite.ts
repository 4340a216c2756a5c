import { printable } from "../../wire/text.ts";
import { command, JSON_SWITCH } from "./command.ts";
import { timeWords } from "./duration.ts";
import { GATEWAY_OPTIONS } from "./exec-line.ts";
import { gatewayOf, textIn } from "./fleet-client.ts";
import { wholeNumber } from "./runs-find.ts";

export const fleetInvite = command({
  path: ["fleet", "invite"],
  about: "Make a code with which a machine that the gateway cannot reach comes into the fleet by itself.",
  options: {
    name: { kind: "text", about: "What it is to be called (default: what it calls itself)", placeholder: "NAME" },
    tag: { kind: "texts", about: "A tag of it (default: none)", placeholder: "TAG" },
    address: {
      kind: "texts",
      about: "Where the machine reaches the gateway (default: the gateway's own addresses)",
      placeholder: "HOST:PORT",
    },
    minutes: { kind: "text", about: "How long the code can be used (default: 15)", placeholder: "N" },
    ...GATEWAY_OPTIONS,
    json: JSON_SWITCH,
  },
  examples: [["fleet invite --name=laptop --tag=desk --address=gateway.lan:9878", "For a machine behind NAT"]],
  more: "For an administrator of the gateway, whose gateway.toml has [link]. Whoever has the code, while it is good, can be that machine; it is good once.",
  run: async (values, context) => {
    const { name, tag, address, minutes } = values;
    const fields = {
      name,
      tags: tag,
      addresses: address,
      ...(minutes === undefined ? {} : { minutes: wholeNumber("--minutes", minutes, 1, 1_440) }),
    };
    const { body } = await gatewayOf(values, context).ask("POST", "/v2/invitations", fields);
    const [code, expiresAt] = [textIn(body, "code"), textIn(body, "expires_at")];
    return {
      exit: 0,
      human: `${printable(code)}\n\nOn the machine, until ${timeWords(new Date(expiresAt))}, once:\n  cmd2host agent enroll ${printable(code)}\n`,
      json: { code, expires_at: expiresAt },
    };
  },
});
