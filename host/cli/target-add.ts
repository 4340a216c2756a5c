import { CodedError } from "../../wire/errors.ts";
import { quoted } from "../../wire/text.ts";
import { command, JSON_SWITCH } from "./command.ts";
import { GATEWAY_OPTIONS } from "./exec-line.ts";
import { gatewayOf } from "./fleet-client.ts";
import { targetIn } from "./fleet-targets.ts";
import { wholeNumber } from "./runs-find.ts";
import { targetWords } from "./target-change.ts";

const WAYS = ["link", "capnp"] as const;

/** @throws CodedError `usage` */
function wayOf(text: string | undefined): (typeof WAYS)[number] | undefined {
  const known = WAYS.find((way) => way === text);
  if (text === undefined || known !== undefined) return known;
  throw new CodedError("usage", `--way ${quoted(text)} is none of ${WAYS.join(", ")}`);
}

export const targetAdd = command({
  path: ["target", "add"],
  about: "Tell the gateway of a machine, while it runs.",
  options: {
    name: { kind: "word", about: "What it is to be called" },
    host: { kind: "text", about: "Its name or address", placeholder: "HOST", required: true },
    port: { kind: "text", about: "Port of its agent (default: 9876)", placeholder: "PORT" },
    tag: { kind: "texts", about: "A tag of it", placeholder: "TAG" },
    shell: { kind: "text", about: "Only shown: its shell", placeholder: "NAME" },
    way: { kind: "text", about: "How it is spoken to: link or capnp", placeholder: "WAY" },
    ...GATEWAY_OPTIONS,
    json: JSON_SWITCH,
  },
  examples: [["target add desk --host=192.168.1.50 --tag=gpu --way=capnp", "A machine with an agent of commando"]],
  more: "For an administrator of the gateway. A machine with an agent of cmd2host is enrolled instead (cmd2host fleet add), which gives both sides their keys; that of an agent of commando stands in gateway.toml, under [agent.psk].",
  run: async (values, context) => {
    const { name, host, port, tag, shell } = values;
    const fields = {
      name,
      host,
      ...(port === undefined ? {} : { port: wholeNumber("--port", port, 1, 65_535) }),
      ...(tag.length === 0 ? {} : { tags: tag }),
      shell,
      way: wayOf(values.way),
    };
    const { body } = await gatewayOf(values, context).ask("POST", "/v2/targets", fields);
    const added = targetIn(body);
    return { exit: 0, human: `Added: ${targetWords(added)}\n`, json: added.fields };
  },
});
