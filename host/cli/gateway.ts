import { CodedError } from "../../wire/errors.ts";
import { TRANSPORTS, type Transport } from "../../wire/names.ts";
import { quoted } from "../../wire/text.ts";
import { command } from "./command.ts";

const DEFAULT_CONFIG = "/etc/commando/gateway.toml";

/** @throws CodedError `usage` */
function portOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new CodedError("usage", `--port ${quoted(text)} is no port`);
}

/** @throws CodedError `usage` */
function transportOf(text: string | undefined): Transport | undefined {
  const known = TRANSPORTS.find((name) => name === text);
  if (text === undefined || known !== undefined) return known;
  throw new CodedError("usage", `--transport ${quoted(text)} is none of ${TRANSPORTS.join(", ")}`);
}

export const gateway = command({
  path: ["gateway"],
  about: "Start a gateway in front of a fleet, and run until SIGTERM or SIGINT. SIGHUP reads its configuration again.",
  options: {
    config: {
      kind: "text",
      about: "Its configuration",
      placeholder: "FILE",
      default: DEFAULT_CONFIG,
    },
    transport: { kind: "text", about: "streamable-http or stdio, instead of the file's", placeholder: "NAME" },
    bind: { kind: "text", about: "Address to listen on, instead of the file's", placeholder: "ADDRESS" },
    port: { kind: "text", about: "Port to listen on, instead of the file's", placeholder: "PORT" },
    "cache-dir": {
      kind: "text",
      about: "Directory for its key, its audit and what it knows, instead of the file's",
      placeholder: "DIR",
    },
  },
  examples: [
    ["gateway init --dir=/etc/cmd2host-gateway", "Write a first configuration, with a key for yourself"],
    ["gateway --config=/etc/cmd2host-gateway/gateway.toml", "Start it"],
  ],
  run: async ({ config, transport, bind, port, "cache-dir": cacheDir }, context) => {
    const given = { transport: transportOf(transport), bind, port: portOf(port), cacheDir };
    return { exit: await context.daemon.gateway(config, given, context.environment), human: "", json: null };
  },
});
