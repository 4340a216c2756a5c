import type { IncomingHttpHeaders } from "node:http";

/** Where the page is served. */
export type PagePlace =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

/** What the guard reads of a request. */
export interface Knock {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
}

/** Why a request is refused. One sentence, nothing of the request in it. */
export interface Refusal {
  readonly status: 400 | 403 | 405 | 421;
  readonly why: string;
}

/** Behind a socket there is whatever forwards to it, under a port of its own. */
const FORWARDED = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/;

function count(rawHeaders: readonly string[], name: string): number {
  return rawHeaders.filter((one, index) => index % 2 === 0 && one.toLowerCase() === name).length;
}

function isOurHost(host: string, place: PagePlace): boolean {
  return place.kind === "unix" ? FORWARDED.test(host) : host === `${place.host}:${place.port}`;
}

/** True for a navigation of a whole tab, which gets nothing but the empty page. */
function isNavigation({ method, headers }: Knock): boolean {
  return method === "GET" && headers["sec-fetch-mode"] === "navigate" && headers["sec-fetch-dest"] === "document";
}

/**
 * What is looked at before anything else, on every request: that it is meant for us and comes from our own page. A name that was pointed at this
 * machine (DNS rebinding) has another Host; pages of other sites and of other ports have another Origin, and what browsers send without one says so in
 * Sec-Fetch-Site. Undefined: it may go on.
 */
export function refusalOf(knock: Knock, place: PagePlace): Refusal | undefined {
  const { method, url = "", headers, rawHeaders } = knock;
  const { host = "", origin } = headers;
  if (method !== "GET" && method !== "POST") return { status: 405, why: "The page takes GET and POST only." };
  if (!url.startsWith("/") || url.startsWith("//")) return { status: 400, why: "The address is no path." };
  if (count(rawHeaders, "host") !== 1 || count(rawHeaders, "origin") > 1)
    return { status: 400, why: "Host and Origin may be given once." };
  if (!isOurHost(host, place))
    return { status: 421, why: "This is the page of a cmd2host daemon under another address: cmd2host ui opens it." };
  const own = `http://${host}`;
  if (method === "POST" ? origin !== own : origin !== undefined && origin !== own)
    return { status: 403, why: "The request does not come from the page itself." };
  const site = headers["sec-fetch-site"];
  if (site !== undefined && site !== "same-origin" && !isNavigation(knock))
    return { status: 403, why: "The request comes from another site." };
  if (headers["sec-fetch-mode"] === "no-cors" && method === "POST")
    return { status: 403, why: "The request comes from a form or an image." };
  if (headers["sec-fetch-mode"] === "navigate" && !isNavigation(knock))
    return { status: 403, why: "The page is not opened in a frame, nor by a form." };
  return undefined;
}
