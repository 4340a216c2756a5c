import { resolve } from "node:path";
import { CodedError } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";
import { healthUrl, illness } from "../service/health.ts";
import { command, JSON_SWITCH } from "./command.ts";
import { certificateEnd, gatewayLoader } from "./gateway-settings.ts";

/** Days before the end of a certificate from which on that is said. */
const SOON_DAYS = 14;
const DAY_MS = 86_400_000;

function endingWords(end: Date | undefined): readonly string[] {
  if (end === undefined || end.getTime() - Date.now() > SOON_DAYS * DAY_MS) return [];
  const isOver = end.getTime() < Date.now();
  return [`the certificate ${isOver ? "ended" : "ends"} at ${end.toISOString()}; a new one counts after a restart`];
}

export const gatewayCheck = command({
  path: ["gateway", "check"],
  about: "Look whether a gateway's configuration is right, and whether the gateway answers on this machine.",
  options: {
    config: { kind: "text", about: "Its configuration", placeholder: "FILE", default: "/etc/commando/gateway.toml" },
    offline: { kind: "switch", about: "Look at the configuration only" },
    json: JSON_SWITCH,
  },
  examples: [
    ["gateway check --offline --config=gateway.toml", "Before a restart: is the file right?"],
    ["gateway check --config=/etc/cmd2host-gateway/gateway.toml", "Does it answer?"],
  ],
  more: "It looks at the certificate, too, and says when it ends within 14 days. It asks the gateway for /health, without any key, at the address and the port of the file. Run it as root or as the gateway's user, who may read the file.",
  run: async ({ config, offline }, context) => {
    const file = resolve(context.cwd, config);
    const load = await gatewayLoader(context.environment);
    const loaded = load(file);
    const { settings } = loaded;
    const certificate = await certificateEnd(loaded);
    const warnings = [...loaded.warnings, ...endingWords(certificate)];
    const { server, targets, callers } = settings;
    const place = { bind: server.bind, port: server.port, isTls: server.tls !== undefined };
    const isAsked = !offline && server.transport !== "stdio" && server.port !== 0;
    const why = isAsked ? await illness(place) : undefined;
    if (why !== undefined)
      throw new CodedError("gateway_unreachable", `the gateway does not answer at ${healthUrl(place)}: ${why}`);
    const count = `${targets.length} targets and ${callers.length} callers`;
    return {
      exit: 0,
      human: `${printable(file)}: right, with ${count} in it.\n${isAsked ? `It answers at ${healthUrl(place)}.\n` : ""}`,
      json: {
        config: file,
        targets: targets.length,
        callers: callers.length,
        answers: isAsked ? true : null,
        certificate_ends: certificate?.toISOString() ?? null,
        warnings,
      },
      stderr: warnings.map((warning) => `warning: ${warning}\n`).join(""),
    };
  },
});
