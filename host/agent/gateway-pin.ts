import type { Pin } from "../../link/pins.ts";
import { MACHINE_PROJECT, type AgentSettings } from "./settings.ts";

/** The project that a gateway may use, as it was said when it was enrolled. */
export function projectOf({ about }: Pin): string {
  const { project } = about;
  return typeof project === "string" ? project : MACHINE_PROJECT;
}

/**
 * Within which a caller's name means one caller: a gateway, or all gateways with the same project. Those with another one see other things, and may do other
 * things. No gateway is called what begins with a `*`.
 */
export function circleOf(pin: Pin, { sharedCallers }: Pick<AgentSettings, "sharedCallers">): string {
  return sharedCallers ? `*${projectOf(pin)}` : pin.name;
}
