/** On every answer: nothing of it is for a browser to show, to keep or to guess at. */
export const SAFE_HEADERS: Readonly<Record<string, string>> = {
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
  "Cross-Origin-Resource-Policy": "same-origin",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Cache-Control": "no-store",
};

/** What a page of an origin that the gateway's owner allowed may send and read. */
const CROSS_ORIGIN: Readonly<Record<string, string>> = {
  "Access-Control-Allow-Methods": "GET, HEAD, POST, DELETE",
  "Access-Control-Allow-Headers":
    "authorization, content-type, accept, mcp-session-id, mcp-protocol-version, last-event-id, x-commando-profile",
  "Access-Control-Expose-Headers": "mcp-session-id, retry-after",
  "Cross-Origin-Resource-Policy": "cross-origin",
};

/** Headers for a page of another origin, which the guard let pass. */
export function originHeaders(origin: string): Readonly<Record<string, string>> {
  return { ...CROSS_ORIGIN, "Access-Control-Allow-Origin": origin, Vary: "Origin" };
}
