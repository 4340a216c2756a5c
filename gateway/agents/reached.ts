import { CodedError } from "../../wire/errors.ts";
import { quoted } from "../../wire/text.ts";
import type { GatewaySettings } from "../config/settings.ts";
import type { KnownTarget } from "../registry/known-target.ts";
import type { Agent } from "./agent.ts";
import { CommandoAgent } from "./commando-agent.ts";
import { LinkAgent } from "./link-agent.ts";
import type { LinkHub } from "./link-hub.ts";

/** How a target is spoken to. @throws CodedError `target_no_key`, `target_key_mismatch` */
export function reached(target: KnownTarget, hub: LinkHub, settings: GatewaySettings): Agent {
  const { name, host, port, way, fingerprint } = target;
  if (way === "link" && fingerprint !== undefined && !hub.fingerprints(name).includes(fingerprint))
    throw new CodedError(
      "target_key_mismatch",
      `${quoted(name)} was enrolled with another key than the fingerprint says`,
      {
        hint: "Correct fingerprint where the target is written down, or enrol the machine again.",
      },
    );
  if (way === "link") return new LinkAgent(name, async (signal) => hub.open(name, signal));
  const psk = settings.agent.psk.get(name);
  if (psk === undefined) throw new CodedError("target_no_key", `there is no key for target ${name}`);
  const { connectTimeoutMs, defaultTimeoutSeconds } = settings.agent;
  return new CommandoAgent({ host, port, psk, connectTimeoutMs, defaultTimeoutSeconds });
}
