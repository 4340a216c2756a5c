import { readJsonFile, type Types } from "../wire/parse.ts";
import type { LinkBye, LinkHello, LinkWelcome } from "../wire/schema.ts";
import { VERSION } from "../host/util/version.ts";
import { LinkFault } from "./fault.ts";
import { LEASE_MS, LINK_MAX, LINK_MIN, SESSION_WINDOW_BYTES, STREAMS, WINDOW_BYTES } from "./limits.ts";
import { jsonMessage, MESSAGE, payloadOf, type Message } from "./message.ts";
import type { LinkEvents, LinkSettings, PeerFacts } from "./peer.ts";
import { firstWindow, type StreamSettings } from "./stream-table.ts";

type JsonName =
  "link_hello" | "link_welcome" | "link_bye" | "link_key" | "link_key_pinned" | "enrol_ask" | "enrol_answer";

/** The payload as JSON of the right shape. Throws `LinkFault`. */
export function readPayload<N extends JsonName>(name: N, message: Message): Types[N] {
  const file = readJsonFile(name, payloadOf(message), name);
  if (!file.ok) throw new LinkFault(file.fault.message);
  return file.value;
}

/** The settings with their defaults. */
export interface Manner extends StreamSettings {
  readonly name: string;
  readonly capabilities: readonly string[];
  readonly leaseMs: number;
  readonly takesStreams: boolean;
}

export function mannerOf(settings: LinkSettings, events: LinkEvents): Manner {
  return {
    name: settings.name,
    capabilities: settings.capabilities ?? [],
    leaseMs: settings.leaseMs ?? LEASE_MS,
    window: settings.window ?? WINDOW_BYTES,
    sessionWindow: settings.sessionWindow ?? SESSION_WINDOW_BYTES,
    streams: settings.streams ?? STREAMS,
    takesStreams: events.stream !== undefined,
  };
}

/** What both ends say of themselves. */
function said(manner: Manner): Omit<LinkHello, "link_min" | "link_max" | "resume"> {
  return {
    software: VERSION,
    name: manner.name,
    lease_ms: manner.leaseMs,
    window: firstWindow(manner),
    streams: manner.takesStreams ? manner.streams : 0,
    capabilities: [...manner.capabilities],
    clock: Date.now(),
  };
}

export function helloMessage(manner: Manner, resume: LinkHello["resume"]): Buffer {
  const hello: LinkHello = {
    link_min: LINK_MIN,
    link_max: LINK_MAX,
    ...said(manner),
    ...(resume === undefined ? {} : { resume }),
  };
  return jsonMessage(MESSAGE.hello, hello);
}

/** @param received of the session that goes on; undefined: it is a new one */
export function welcomeMessage(manner: Manner, version: number, session: string, received: number | undefined): Buffer {
  const welcome: LinkWelcome = {
    link: version,
    ...said(manner),
    session,
    ...(received === undefined ? {} : { received }),
  };
  return jsonMessage(MESSAGE.welcome, welcome);
}

export function byeMessage(bye: LinkBye): Buffer {
  return jsonMessage(MESSAGE.bye, bye.detail === undefined ? bye : { ...bye, detail: bye.detail.slice(0, 200) });
}

/** Throws `LinkFault`. */
export function readBye(message: Message): LinkBye {
  return readPayload("link_bye", message);
}

/** What is said to an end whose versions do not fit. */
export function versionBye(): Buffer {
  return byeMessage({ reason: "version", link_min: LINK_MIN, link_max: LINK_MAX, software: VERSION });
}

/** The newest version that both ends speak. */
export function commonVersion(their: { readonly link_min: number; readonly link_max: number }): number | undefined {
  const version = Math.min(LINK_MAX, their.link_max);
  return version >= Math.max(LINK_MIN, their.link_min) ? version : undefined;
}

function versions(min: number, max: number): string {
  return min === max ? String(min) : `${min} to ${max}`;
}

/** Both ends' versions, in words. */
export function versionWords(who: string, min = 0, max = 0, software = "unknown"): string {
  return `this end speaks version ${versions(LINK_MIN, LINK_MAX)} of the link (cmd2host ${VERSION}), ${who} speaks ${versions(min, max)} (cmd2host ${software})`;
}

export function factsOf(their: LinkHello | LinkWelcome): PeerFacts {
  return {
    software: their.software,
    name: their.name,
    capabilities: their.capabilities,
    clockSkewMs: their.clock - Date.now(),
  };
}
