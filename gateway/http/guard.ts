import type { IncomingHttpHeaders } from "node:http";
import { isIP } from "node:net";
import { printable, shortened } from "../../wire/text.ts";

/** What the guard reads of a request. */
export interface Knock {
  readonly url?: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
}

/** Whom the gateway answers, besides those who come by an IP address or as `localhost`. */
export interface Doorplate {
  /** Names that it is reached by, without port. */
  readonly hosts: readonly string[];
  /** Origins whose pages may use it, as `https://name:port`. */
  readonly origins: readonly string[];
}

/** Why a request is refused. */
export interface Refusal {
  readonly status: 400 | 403 | 421;
  readonly why: string;
  readonly hint: string;
}

const PORT = /:\d{1,5}$/;
const MAX_SHOWN = 100;

function count(rawHeaders: readonly string[], name: string): number {
  return rawHeaders.filter((one, index) => index % 2 === 0 && one.toLowerCase() === name).length;
}

/** The name or address of a Host header, as it is compared. */
function nameOf(host: string): string {
  const name = host.replace(PORT, "").toLowerCase();
  return name.endsWith(".") ? name.slice(0, -1) : name;
}

function isOurName(host: string, hosts: readonly string[]): boolean {
  const name = nameOf(host);
  // A name can be pointed at this machine by whoever owns it, an address cannot.
  const isAddress = name.startsWith("[") ? isIP(name.slice(1, -1)) === 6 && name.endsWith("]") : isIP(name) === 4;
  return isAddress || name === "localhost" || hosts.some((one) => nameOf(one) === name);
}

/**
 * What is looked at before anything else, on every request: that it is meant for this gateway, and that no page in a browser sent it, except of an
 * origin that the owner named. A name that was pointed at this machine (DNS rebinding) has another Host. Programs send neither Origin nor Sec-Fetch-Site.
 * Undefined: it may go on.
 */
export function refusalOf(
  { url = "", headers, rawHeaders }: Knock,
  { hosts, origins }: Doorplate,
): Refusal | undefined {
  const { host, origin } = headers;
  if (!url.startsWith("/")) return { status: 400, why: "the address is no path", hint: "Send a path." };
  if (count(rawHeaders, "host") > 1 || count(rawHeaders, "origin") > 1)
    return { status: 400, why: "Host and Origin may be given once", hint: "Send them once." };
  // Every browser sends a Host.
  if (host !== undefined && !isOurName(host, hosts))
    return {
      status: 421,
      why: `this gateway does not answer to the name ${printable(shortened(nameOf(host), MAX_SHOWN))}`,
      hint: "Add the name to server.allowed_hosts in gateway.toml, or use the address.",
    };
  const forbidden = {
    status: 403,
    why: "pages in browsers may not use this gateway",
    hint: "Add the page's origin to server.allowed_origins in gateway.toml.",
  } as const;
  if (origin !== undefined) return origins.includes(origin) ? undefined : forbidden;
  const site = headers["sec-fetch-site"];
  return site === undefined || site === "none" || site === "same-origin" ? undefined : forbidden;
}
